"""What a live tail's own process answers before a stream stands, in this process: origins, limits, positions."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connections

from accounts.directory import directory
from accounts.models import ApiKey, Organisation
from explore.tail import application
from explore.tail.hub import Hub
from explore.tail.places import STREAMS_AN_OWNER
from explore.tail.position import OLDEST, Position, Positions
from quotas import outcomes
from quotas.models import HourlyUsage, Plan
from quotas.plans import subscribe
from storage import arrivals
from tests.organisations import make_api_key, make_organisation
from tests.waiting import DEADLINE_SECONDS

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "reads"])

SHOP = "https://shop.example"


@dataclass
class Answer:
    """What came until the caller hung up."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""


class Door:
    """Asks a tail of its own in this process."""

    def __init__(self, key: str) -> None:
        self.key = key

    def ask(self, *, method: str = "GET", until: str = "hello", times: int = 1, **headers: str) -> list[Answer]:
        """Open `times` tails, each when the one before has said `until` or is over; then hang up on all of them.

        Who waits `until` nothing takes nothing.
        """
        given = {"x-api-key": self.key, **headers}
        scope = {
            "type": "http", "method": method, "path": "/v1/logs/tail", "query_string": b"", "scheme": "http",
            "headers": [(name.lower().replace("_", "-").encode(), value.encode()) for name, value in given.items()],
            "client": ("192.0.2.7", 1), "server": ("127.0.0.1", 80),
        }  # fmt: skip
        return asyncio.run(self._run(scope, until, times))

    async def _run(self, scope: dict[str, Any], until: str, times: int) -> list[Answer]:
        tail, answers, tasks = application.TailApplication(Hub()), [], []
        for _ in range(times):
            answer, stands = Answer(), asyncio.Event()
            answers.append(answer)
            call = tail(scope, asyncio.Event().wait, _writer(answer, stands, until))  # type: ignore[arg-type]
            tasks.append(asyncio.create_task(_until_over(call, stands)))
            async with asyncio.timeout(DEADLINE_SECONDS):
                await stands.wait()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        tail.hub.close()
        _close(tail._threads, threads=2)
        await tail.hub.turns.run(0, connections.close_all)
        return answers


async def _until_over(call: Awaitable[None], stands: asyncio.Event) -> None:
    try:
        await call
    finally:
        stands.set()


def _writer(answer: Answer, stands: asyncio.Event, until: str) -> Callable[[Any], Any]:
    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            answer.status = message["status"]
            answer.headers = {name.decode(): value.decode() for name, value in message["headers"]}
            return
        if not until:
            await asyncio.Event().wait()
        answer.body += message["body"].decode()
        if not message.get("more_body") or until in answer.body:
            stands.set()

    return send


def _close(pool: ThreadPoolExecutor, *, threads: int) -> None:
    """Close the connections of each thread of `pool`."""
    together = Barrier(threads)

    def close() -> None:
        together.wait(DEADLINE_SECONDS)
        connections.close_all()

    wait([pool.submit(close) for _ in range(threads)])


@pytest.fixture
def organisation() -> Organisation:
    cache.clear()
    directory.clear()
    organisation = make_organisation()
    subscribe(organisation, Plan.objects.get(slug="scale"))
    return organisation


@pytest.fixture
def door(organisation: Organisation) -> Door:
    return Door(make_api_key(organisation)[1])


def test_answer_names_an_origin_that_is_allowed(door: Door, settings: Any) -> None:
    settings.CORS_ALLOWED_ORIGINS = [SHOP]
    asked: Any = {"Access_Control_Request_Method": "GET", "Access_Control_Request_Headers": "x-api-key,last-event-id"}
    [preflight] = Door("").ask(method="OPTIONS", origin=SHOP, **asked)
    assert preflight.status == 200
    assert "last-event-id" in preflight.headers["access-control-allow-headers"]
    [stream] = door.ask(origin=SHOP)
    [refused] = Door("ll_" + "0" * 48).ask(origin=SHOP)
    [foreign] = door.ask(origin="https://evil.example")
    assert [answer.status for answer in (stream, refused, foreign)] == [200, 401, 200]
    for answer in (preflight, stream, refused):
        assert answer.headers["access-control-allow-origin"] == SHOP
    assert "access-control-allow-origin" not in foreign.headers
    settings.DEVELOPMENT = False
    [plain] = door.ask(origin=SHOP)
    assert (plain.status, plain.headers["access-control-allow-origin"]) == (403, SHOP)


def test_refusal_after_the_door_is_dressed_and_counted_as_one_at_it(door: Door, settings: Any) -> None:
    settings.CORS_ALLOWED_ORIGINS = [SHOP]
    *_, refused = door.ask(origin=SHOP, times=STREAMS_AN_OWNER + 1)
    assert refused.status == 429
    assert refused.headers["access-control-allow-origin"] == SHOP
    assert refused.headers["content-type"] == "application/problem+json"
    assert json.loads(refused.body)["code"] == "too_many_streams"
    assert json.loads(refused.body)["request_id"] == refused.headers["x-request-id"]
    outcomes.flush()
    assert HourlyUsage.objects.get(outcome="too_many_streams").requests == 1


def test_tail_that_takes_nothing_is_given_up_and_its_place_is_free(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(application, "SEND_SECONDS", 0.01)
    answers = door.ask(until="", times=STREAMS_AN_OWNER + 1)
    assert {answer.status for answer in answers} == {200}


def test_each_tail_takes_a_token_of_reading(door: Door) -> None:
    ApiKey.objects.update(requests_per_minute=2)
    first, second, refused = door.ask(times=3)
    assert [answer.headers["x-ratelimit-remaining"] for answer in (first, second, refused)] == ["1", "0", "0"]
    assert [answer.status for answer in (first, second, refused)] == [200, 200, 429]
    assert int(refused.headers["retry-after"]) > 0
    outcomes.flush()
    assert HourlyUsage.objects.get(outcome="rate_limited").requests == 1


def test_position_that_is_not_good_begins_at_the_present_and_says_so(door: Door, organisation: Organisation) -> None:
    seen, now = arrivals.snapshot(), datetime.now(UTC)
    connections.close_all()
    old = Position(at=now - OLDEST - timedelta(minutes=1), seen=seen)
    of_now = Position(at=now, seen=seen)
    for last in ("1:1:", Positions(organisation.pk).write(old), Positions(organisation.pk + 1).write(of_now)):
        [answer] = door.ask(until="gap", last_event_id=last)
        assert answer.status == 200
        assert answer.body.startswith("id: ")
        assert '"code":"gap"' in answer.body


def test_key_that_was_revoked_a_moment_ago_opens_none(door: Door) -> None:
    """A process remembers keys for seconds; a stream is nothing to be opened from memory."""
    assert door.ask()[0].status == 200
    ApiKey.objects.update(revoked_at=datetime.now(UTC), revoked_reason="leaked")
    assert door.ask()[0].status == 401
