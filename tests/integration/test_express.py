"""The express lane and the view, each in a process of its own: they say, keep, charge and count the same."""

import json
import os
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.db.models import Sum

from accounts.models import ApiKey, Organisation
from ingest.models import SpooledBatch
from ingest.protocols.luminalog.wire import parse_batch
from ingest.spool.payload import unpack
from quotas.models import HourlyUsage, MonthlyUsage
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
COUNTED = (
    "luminalog_requests_total",
    "luminalog_accepted_",
    "luminalog_rejected_",
    "luminalog_below_",
    "luminalog_rate_",
)


ROLES: dict[str, dict[str, Any]] = {
    "good": {},
    "reader": {"scopes": ["read"]},
    "lenient": {"invalid_entries": "lenient"},
    "errors": {"minimum_level": 40},
    "here": {"allowed_networks": ["127.0.0.0/8"]},
    "elsewhere": {"allowed_networks": ["10.0.0.0/8"]},
}


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


@contextmanager
def both_sides(folder: Path, **limits: int) -> Iterator[tuple[Side, Side]]:
    """Run a web process with the lane and one without; when they have ended, all that they noted is written.

    Buckets fill up by a token a minute, so that each token that is taken is seen.
    """
    generous = {"requests_per_minute": 1, "burst_requests": 90_000, "monthly_bytes": 2**40}
    with ExitStack() as servers:
        sides = []
        for name, express in (("lane", "on"), ("view", "off")):
            organisation = make_organisation(name, plan=make_plan(**generous | limits))
            keys = {role: make_api_key(organisation, name=role, **fields)[1] for role, fields in ROLES.items()}
            environment = {"LUMINALOG_EXPRESS": express, "LUMINALOG_PROCESS": "web", "LUMINALOG_METRICS_TOKEN": TOKEN}
            web = servers.enter_context(web_server(LUMINALOG_METRICS_DIR=folder / name, **environment))
            sides.append(Side(web, organisation, keys))
        yield sides[0], sides[1]


def said(answer: Answer | None, of: Side) -> Any:
    """Return what must be the same of an answer."""
    if answer is None:
        return None
    headers = {name: value for name, value in answer.headers.items() if name not in OF_THE_MOMENT}
    body: Any = answer.body.replace(f'"{of.organisation.pk}"'.encode(), b'"us"')
    with suppress(ValueError):
        members = json.loads(body)
        if isinstance(members, dict):
            headers.pop("content-length", None)
            body = {name: value for name, value in members.items() if name not in ("request_id", "resets_at")}
    own_id = answer.headers.get("x-request-id", "")
    return answer.status, headers, body, own_id if len(own_id) != 32 else "ours", "retry-after" in answer.headers


def left(answer: Answer | None) -> int:
    return int(answer.headers.get("x-ratelimit-remaining", -1)) if answer else -1


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
            unpack(bytes(one.payload)),
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


def test_lane_and_view_say_keep_charge_and_count_the_same(tmp_path: Path) -> None:
    source = Requests(SEED)
    with both_sides(tmp_path) as (lane, view):
        for number in range(REQUESTS):
            request = source.request()
            ours, theirs = lane.send(request), view.send(request)
            assert said(ours, lane) == said(theirs, view), (number, request)
            assert abs(left(ours) - left(theirs)) <= 1, (number, request)  # a minute may end in between
        assert lane.counted() == view.counted()
        assert by_the_lane(lane) > REQUESTS / 5
        assert by_the_lane(view) == 0
    assert kept(lane) == kept(view)
    assert charged(lane) == charged(view)
    assert outcomes(lane) == outcomes(view)


PLAIN = Request(Requests(1).plain(1))
[_line] = parse_batch(PLAIN.body).entries
SIZE_BYTES = len(_line)


@pytest.mark.parametrize(
    ("limits", "statuses", "refused"),
    [
        ({"burst_requests": 5}, [200] * 5 + [429] * 3, "rate_limited"),
        ({"monthly_bytes": 4 * SIZE_BYTES}, [200] * 4 + [429] * 4, "quota_exhausted"),
    ],
)
def test_refusals_of_the_lane_are_the_views(
    tmp_path: Path, limits: dict[str, int], statuses: list[int], refused: str
) -> None:
    with both_sides(tmp_path, **limits) as (lane, view):
        for status in statuses:
            ours, theirs = lane.send(PLAIN), view.send(PLAIN)
            assert ours
            assert said(ours, lane) == said(theirs, view)
            assert (ours.status, left(ours)) == (status, left(theirs))
        assert lane.counted() == view.counted()
        assert by_the_lane(lane) == statuses.count(200) - 1  # the first has shown the lane how the view answers
    assert kept(lane) == kept(view)
    assert charged(lane) == charged(view)
    assert outcomes(lane) == outcomes(view)
    assert outcomes(lane)["good", refused][0] == statuses.count(429)


def test_many_at_once_take_a_token_each_and_no_byte_too_many(tmp_path: Path) -> None:
    limits = {"burst_requests": 61, "monthly_bytes": 41 * SIZE_BYTES}
    with both_sides(tmp_path, **limits) as (lane, _), ThreadPoolExecutor(16) as threads:
        first = lane.send(PLAIN)
        answers = list(threads.map(lane.send, [PLAIN] * 80))
        by_status = Counter(answer.status for answer in answers if answer)
        codes = Counter(json.loads(answer.body).get("code") for answer in answers if answer)
    assert first
    assert (first.status, by_status) == (200, {200: 40, 429: 40})
    assert codes == {None: 40, "quota_exhausted": 20, "rate_limited": 20}
    assert charged(lane) == [(41 * SIZE_BYTES, 41)]
    assert len(kept(lane)) == 41
