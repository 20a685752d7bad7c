"""The start page knows which workers live."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from redis import RedisError

from foundation import valkey
from luminalog.console import today
from operations import presence

TASK = SimpleNamespace(request=SimpleNamespace(hostname="celery@one"))


@pytest.fixture(autouse=True)
def nobody_seen(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(presence, "_next_note", 0.0)
    valkey.client().delete(valkey.key(presence.WORKERS))
    yield
    valkey.client().delete(valkey.key(presence.WORKERS))


def test_worker_that_runs_tasks_is_seen() -> None:
    began = datetime.now(UTC)
    presence.note_worker(task=TASK, state="SUCCESS")
    seen = presence.workers_seen()
    assert list(seen) == ["celery@one"]
    assert began <= seen["celery@one"] <= datetime.now(UTC)


def test_worker_notes_itself_every_ten_seconds_only() -> None:
    presence.note_worker(task=TASK)
    valkey.client().delete(valkey.key(presence.WORKERS))
    presence.note_worker(task=TASK)
    assert presence.workers_seen() == {}


def test_silent_worker_is_told_and_forgotten_after_a_day() -> None:
    now = time.time()
    hash_name = valkey.key(presence.WORKERS)
    valkey.client().hset(hash_name, mapping={"silent": str(now - 90), "gone": str(now - 90_000), "alive": str(now)})
    assert [(w.name, w.is_silent) for w in today._workers() or []] == [("alive", False), ("silent", True)]
    assert not valkey.client().hexists(hash_name, "gone")


def test_workers_are_unknown_while_valkey_is_down(settings: object) -> None:
    settings.VALKEY_URL = "redis://127.0.0.1:1/0"  # type: ignore[attr-defined]
    valkey.client.cache_clear()
    try:
        presence.note_worker(task=TASK)
        assert today._workers() is None
        with pytest.raises(RedisError):
            presence.workers_seen()
    finally:
        valkey.client.cache_clear()
