"""What grouping costs beside decoding and encoding the same entries, measured in the same run."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from issues import rules, sightings
from issues.fingerprint import Reported, fingerprint
from issues.sightings import look
from storage.batch import Batch
from storage.entry import Entry
from tests.benchmarks import group_rounds
from tests.effort import cpu_seconds

ENTRIES = 500
STACK = [f"at step{n} (/app/src/shop/step{n}.js:{n}:7)" for n in range(12)]


@pytest.fixture(autouse=True)
def _settings_of_every_new_organisation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sightings, "rules_of", lambda _organisation_id: rules.DEFAULTS)


def batch_of(**entry: Any) -> Batch:
    now = datetime.now(UTC)
    metadata = {"user_id": "user-77", "duration_ms": 12, "region": "eu-central-1", "request": {"method": "GET"}}
    default = {"timestamp": now, "level": "info", "message": "GET /v1/orders/4711 answered 200", "metadata": metadata}
    lines = [
        msgspec.json.encode(default | entry | {"message": f"Order {n * 7919} failed after {n % 9} tries"})
        for n in range(ENTRIES)
    ]
    return Batch(
        batch_id=1,
        organisation_id=1,
        api_key_id=1,
        project="shop",
        environment="production",
        received_at=now,
        period=now.date(),
        lines=lines,
        indexes=range(ENTRIES),
    )


def ratio(batch: Batch) -> float:
    decode, encode = msgspec.json.Decoder(Entry).decode, msgspec.json.encode

    def read_and_write() -> None:
        for line in batch.lines:
            encode(decode(line))

    look([batch])  # what is known is known
    return cpu_seconds(lambda: look([batch]), times=5) / cpu_seconds(read_and_write, times=5)


def test_entry_that_is_no_error_costs_no_more_than_to_read_and_write_it() -> None:
    assert ratio(batch_of()) <= 1


def test_error_with_a_known_stack_costs_no_more_than_thirty_times_that() -> None:
    error = {"type": "Error", "message": "no money for order 4711", "stack_trace": STACK}
    assert ratio(batch_of(level="error", error=error)) <= 30
    assert ratio(batch_of(level="error")) <= 30


@pytest.mark.parametrize("kind", group_rounds.FLOODS)
def test_errors_of_a_benchmark_s_flood_all_differ(kind: str) -> None:
    errors = [group_rounds.FLOODS[kind](n) for n in range(2_000)]
    reported = [Reported(one["type"], one["message"], one.get("stack_trace", ())) for one in errors]
    assert len({fingerprint("shop", one, "it failed").key for one in reported}) == len(reported)
