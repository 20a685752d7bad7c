"""The express lane and the view, each in a process of its own: they say, keep, charge and count the same."""

import json
import os
import re
from collections import Counter
from collections.abc import Iterator, Set
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from django.db.models import Sum

from accounts.models import ApiKey, Organisation
from ingest.canonical import MAX_ENTRIES
from ingest.models import SpooledBatch
from ingest.protocols.luminalog.wire import parse_batch
from ingest.spool.payload import unpack
from luminalog.server.request_body import SMALL_BODY_BYTES
from quotas.models import HourlyUsage, MonthlyUsage, Plan
from tests.integration.express_requests import Request, Requests
from tests.integration.web_server import Answer, Web, web_server
from tests.organisations import make_api_key, make_organisation, make_plan

pytestmark = pytest.mark.django_db(transaction=True)

#: 300 in `make test`, 10,000 in `make hostile`.
REQUESTS = 500 * int(os.environ.get("LUMINALOG_HOSTILE_EXAMPLES") or 0) or 300
SEED = int(os.environ.get("LUMINALOG_HOSTILE_SEED") or 1)
TOKEN = "scrape"
#: What differs between any two requests, and what time makes of the buckets.
OF_THE_MOMENT = {"date", "x-request-id", "x-ratelimit-reset", "x-ratelimit-remaining", "retry-after"}
MEMBERS_OF_THE_MOMENT = {"request_id", "resets_at", "deferred_until"}
#: Agents' entries without a time have that of their receipt: clients of these requests lag months behind.
TIME = re.compile(rb'(?<=^{"timestamp":")[^"]+')
COUNTED = (
    "luminalog_requests_total",
    "luminalog_accepted_",
    "luminalog_rejected_",
    "luminalog_below_",
    "luminalog_rate_",
    "luminalog_deferred_",
)


ROLES: dict[str, dict[str, Any]] = {
    "good": {},
    "reader": {"scopes": ["read"]},
    "lenient": {"invalid_entries": "lenient"},
    "errors": {"minimum_level": 40},
    "here": {"allowed_networks": ["127.0.0.0/8"]},
    "elsewhere": {"allowed_networks": ["10.0.0.0/8"]},
    "overflow": {"keeps_overflow": True},
}


PLAIN = Request(Requests(1).plain(1))
[_line] = parse_batch(PLAIN.body).entries
SIZE_BYTES = len(_line)
#: On a busy machine Valkey may be too slow for some try.
TRIES = 5


@dataclass
class Side:
    """A web process, and an organisation that only it serves."""

    web: Web
    organisation: Organisation
    keys: dict[str, str]

    def send(self, request: Request) -> Answer | None:
        """Return the answer; None when there is none."""
        with suppress(OSError, IndexError, ValueError):
            return self.web.raw(request.bytes_for(self.keys))
        return None

    def metrics(self) -> dict[str, float]:
        """Return what its process has counted."""
        lines = self.web.get("/metrics", Authorization=f"Bearer {TOKEN}").text.splitlines()
        return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line[:1] != "#")}

    def counted(self) -> dict[str, float]:
        """Return of it what both sides must count alike."""
        return {name: value for name, value in self.metrics().items() if name.startswith(COUNTED) and value}


@dataclass
class Pair:
    """A web process with the lane and one without, and organisations that only one of the two serves."""

    lane: Web
    view: Web
    numbers: Iterator[int] = field(default_factory=count)

    def sides(self, **limits: int) -> tuple[Side, Side]:
        """Make an organisation on each side; a token a minute comes back, so that each that is taken is seen."""
        generous = {"requests_per_minute": 1, "burst_requests": 90_000, "monthly_bytes": 2**40}
        number = next(self.numbers)
        plan = make_plan(**generous | limits)
        return self._side("lane", number, plan), self._side("view", number, plan)

    def _side(self, name: str, number: int, plan: Plan) -> Side:
        organisation = make_organisation(f"{name}-{number}", plan=plan)
        keys = {role: make_api_key(organisation, name=role, **fields)[1] for role, fields in ROLES.items()}
        return Side(getattr(self, name), organisation, keys)


@contextmanager
def running_pair(folder: Path) -> Iterator[Pair]:
    """Run both processes; when they have ended, all that they noted is written."""
    with ExitStack() as servers:
        environment = {"LUMINALOG_PROCESS": "web", "LUMINALOG_METRICS_TOKEN": TOKEN}
        lane, view = (
            servers.enter_context(
                web_server(LUMINALOG_EXPRESS=express, LUMINALOG_METRICS_DIR=folder / express, **environment)
            )
            for express in ("on", "off")
        )
        yield Pair(lane, view)


def said(answer: Answer | None, of: Side, *, but_for: Set[str] = frozenset()) -> Any:
    """Return what must be the same of an answer."""
    if answer is None:
        return None
    headers = {name: value for name, value in answer.headers.items() if name not in OF_THE_MOMENT | but_for}
    own_id = answer.headers.get("x-request-id", "")
    body: Any = answer.body.replace(f'"{of.organisation.pk}"'.encode(), b'"us"').replace((own_id or "-").encode(), b"-")
    with suppress(ValueError):
        members = json.loads(body)
        if isinstance(members, dict):
            headers.pop("content-length", None)
            body = {name: value for name, value in members.items() if name not in MEMBERS_OF_THE_MOMENT}
    return answer.status, headers, body, own_id if len(own_id) != 32 else "ours", "retry-after" in answer.headers


def left(answer: Answer | None) -> int:
    return int(answer.headers.get("x-ratelimit-remaining", -1)) if answer else -1


def lines_of(batch: SpooledBatch) -> list[bytes]:
    """Return its entries, without the times that they were given as they came."""
    today = batch.received_at.date().isoformat().encode()
    return [
        TIME.sub(lambda found: b"now" if found[0].startswith(today) else found[0], line)
        for line in unpack(bytes(batch.payload))
    ]


def kept(of: Side) -> list[Any]:
    names = dict(ApiKey.objects.filter(organisation=of.organisation).values_list("pk", "name"))
    batches = SpooledBatch.objects.filter(organisation_id=of.organisation.pk).order_by("batch_id")
    return [
        (
            names[one.api_key_id],
            one.project,
            one.environment,
            one.period,
            one.entries,
            one.size_bytes,
            lines_of(one),
            one.deferred_until is not None,
        )
        for one in batches
    ]


def charged(of: Side) -> list[tuple[int, int]]:
    return list(MonthlyUsage.objects.filter(organisation=of.organisation).values_list("used_bytes", "entries"))


def outcomes(of: Side) -> dict[Any, tuple[int, int, int]]:
    rows = HourlyUsage.objects.filter(organisation=of.organisation).values("api_key__name", "outcome")
    sums = rows.annotate(n=Sum("requests"), e=Sum("entries"), b=Sum("bytes"))
    return {(one["api_key__name"], one["outcome"]): (one["n"], one["e"], one["b"]) for one in sums}


def by_the_lane(of: Side) -> float:
    return of.metrics()['luminalog_express_batches_total{process="web"}']


def fallbacks(*sides: Side) -> float:
    """Return how often Valkey was too slow for the sides: then their own buckets, which are full, have answered."""
    return sum(of.metrics()['luminalog_limiter_fallbacks_total{process="web"}'] for of in sides)


class Tokens:
    """Holds two sides to the same number of tokens for each request, as long as Valkey keeps up."""

    def __init__(self, *sides: Side) -> None:
        self._sides = sides
        self._apart: int | None = 0
        self._fallbacks = 0.0

    def compare(self, ours: Answer | None, theirs: Answer | None) -> bool:
        """Tell whether a request has cost both the same; a minute that ends in between gives one of them a token."""
        apart = left(ours) - left(theirs)
        if self._apart is not None and abs(apart - self._apart) <= 1:
            return True
        before, self._fallbacks = self._fallbacks, fallbacks(*self._sides)
        known, self._apart = self._apart, None if self._fallbacks > before else apart
        return self._fallbacks > before or known is None


def send_odd_ones(lane: Side, view: Side) -> None:
    """Send both sides the same, oddities above all: the answers are the same, and cost the same."""
    source, tokens = Requests(SEED), Tokens(lane, view)
    for number in range(REQUESTS):
        request = source.request()
        ours, theirs = lane.send(request), view.send(request)
        # hyper ends the connection when a body that nobody wanted is not all here yet
        but_for = {"connection"} if len(request.body) > SMALL_BODY_BYTES else set()
        assert said(ours, lane, but_for=but_for) == said(theirs, view, but_for=but_for), (number, request)
        assert tokens.compare(ours, theirs), (number, request)
    assert REQUESTS / 5 < by_the_lane(lane) < REQUESTS
    assert by_the_lane(view) == 0


def send_large_one(lane: Side, view: Side) -> None:
    """Send both sides as many entries as a batch holds: they are read on a thread, and need no view."""
    large, before = Request(Requests(SEED).plain(MAX_ENTRIES)), by_the_lane(lane)
    for _ in range(TRIES):  # on a busy machine caches may have grown cold
        assert said(lane.send(large), lane) == said(view.send(large), view)
        if by_the_lane(lane) > before:
            break
    assert by_the_lane(lane) == before + 1


def send_too_many(pair: Pair, statuses: list[int], *, key: str = "good", **limits: int) -> tuple[Side, Side]:
    """Send plain ones until they are refused, by the lane and by the view in the same words; return the two sides."""
    for _ in range(TRIES):
        lane, view = pair.sides(**limits)
        before = fallbacks(lane, view)
        ours, theirs = ([of.send(replace(PLAIN, key=key)) for _ in statuses] for of in (lane, view))
        if fallbacks(lane, view) == before:
            break
    assert [said(one, lane) for one in ours] == [said(one, view) for one in theirs]
    for one, other, status in zip(ours, theirs, statuses, strict=True):
        assert one
        assert (one.status, left(one)) == (status, left(other))
    return lane, view


def send_many_at_once(pair: Pair) -> Side:
    """Send plain ones at the same moment, for which there is not room in everything; return whose they are."""
    for _ in range(TRIES):
        lane, _view = pair.sides(burst_requests=61, monthly_bytes=41 * SIZE_BYTES)
        before = fallbacks(lane)
        with ThreadPoolExecutor(16) as threads:
            first = lane.send(PLAIN)
            answers = [answer for answer in threads.map(lane.send, [PLAIN] * 80) if answer]
        if fallbacks(lane) == before:
            break
    assert first
    assert (first.status, Counter(answer.status for answer in answers)) == (200, {200: 40, 429: 40})
    codes = Counter(json.loads(answer.body).get("code") for answer in answers)
    assert codes == {None: 40, "quota_exhausted": 20, "rate_limited": 20}
    return lane


def test_lane_and_view_say_keep_charge_and_count_the_same(tmp_path: Path) -> None:
    with running_pair(tmp_path) as pair:
        odd = pair.sides()
        send_odd_ones(*odd)
        send_large_one(*odd)
        assert odd[0].counted() == odd[1].counted()
        limited = send_too_many(pair, [200] * 5 + [429] * 3, burst_requests=5)
        spent = send_too_many(pair, [200] * 4 + [429] * 4, monthly_bytes=4 * SIZE_BYTES)
        later = send_too_many(pair, [200] * 22 + [429] * 3, key="overflow", burst_requests=2)
        if not fallbacks(*odd):  # else a try may have had more answered 200 on one side
            assert odd[0].counted() == odd[1].counted()
        pressed = send_many_at_once(pair)
    for lane, view in (odd, limited, spent, later):
        assert kept(lane) == kept(view)
        assert charged(lane) == charged(view)
        assert outcomes(lane) == outcomes(view)
    assert outcomes(limited[0])["good", "rate_limited"][0] == 3
    assert outcomes(spent[0])["good", "quota_exhausted"][0] == 4
    assert outcomes(later[0])["overflow", "deferred"] == (20, 20, 20 * SIZE_BYTES)
    assert [is_deferred for *_, is_deferred in kept(later[0])] == [False] * 2 + [True] * 20
    assert charged(pressed) == [(41 * SIZE_BYTES, 41)]
    assert len(kept(pressed)) == 41
