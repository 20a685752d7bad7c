"""The overflow lane: what is beyond a limit is kept and charged at once, and stored when a token would have come."""

import io
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db.models import Sum
from django.test import Client
from django.urls import reverse

from accounts.caller import Caller
from accounts.life import rotate
from accounts.models import ApiKey
from foundation.postgres import execute, fetch_all
from ingest.models import SLOT_SECONDS, DrainClaim, SpooledBatch
from ingest.overflow import due_at
from ingest.spool import backlog, claims, erasing, table
from ingest.spool import capacity as room
from ingest.spool.capacity import MOST_DEFERRED_BYTES, capacity, most_deferred_bytes
from ingest.spool.drain import drain
from operations import vitals
from operations.doctor import pipeline
from operations.verification import verify
from quotas import limits, outcomes
from quotas.models import HourlyUsage, MonthlyUsage, Quota
from storage.models import LogEntry
from tests.integration.spool_rows import fill_spool, part_of
from tests.organisations import caller_of, make_api_key, make_organisation, make_plan
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True)

LOG = {"timestamp": "2026-01-26T14:30:00.000Z", "level": "info", "message": "User logged in"}
BATCH = json.dumps({"logs": [LOG, LOG]}).encode()
Post = Callable[..., Any]


@pytest.fixture(autouse=True)
def _begin_anew(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    call_command("partitions", make=True, verbosity=0)
    monkeypatch.setattr(claims, "frontier", claims.Frontier())
    capacity.forget()
    limits.forget()
    yield
    capacity.forget()
    DrainClaim.objects.all().delete()


def poster(*, monthly_bytes: int = 2**30, **fields: Any) -> tuple[ApiKey, Post]:
    """Return a key of an organisation of its own, which gets a token a minute, and what posts with it."""
    plan = make_plan(requests_per_minute=1, burst_requests=1, monthly_bytes=monthly_bytes)
    api_key, secret = make_api_key(make_organisation(f"of-{plan.slug}", plan=plan), **fields)

    def post(body: bytes = BATCH, path: str = "/v1/logs", **headers: str) -> Any:
        given = {"x-api-key": secret, **headers}
        return Client().post(path, body, content_type="application/json", headers=given)

    return api_key, post


def make_due() -> None:
    """Let all that is deferred have waited long enough."""
    earlier = "{0} = {0} - interval '2 hours'"
    columns = ", ".join(map(earlier.format, ("received_at", "deferred_until")))
    execute(f"UPDATE ingest_spooledbatch SET {columns} WHERE deferred_until IS NOT NULL")
    claims.frontier.distrust()  # nobody else moves batches into the past


def test_beyond_its_limit_a_key_with_the_lane_is_answered_200_charged_and_stored_later() -> None:
    api_key, post = poster(keeps_overflow=True)
    before = datetime.now(UTC)

    first, *deferred, refused = [post() for _ in range(12)]

    assert (first.status_code, "deferred" in first.json(), "X-RateLimit-Deferred" in first.headers) == (
        200,
        False,
        False,
    )
    assert {answer.status_code for answer in deferred} == {200}
    assert {(answer.json()["deferred"], answer.json()["processed"]) for answer in deferred} == {(2, 2)}
    assert {(answer["X-RateLimit-Deferred"], answer["X-RateLimit-Remaining"]) for answer in deferred} == {("2", "0")}
    due = [datetime.fromisoformat(answer.json()["deferred_until"]) for answer in deferred]
    assert [(one - before) // timedelta(minutes=1) for one in due] == list(range(1, 11))
    assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
    assert MonthlyUsage.objects.get().used_bytes == 11 * first.json()["bytes_used"]
    kept = list(SpooledBatch.objects.order_by("batch_id").values_list("deferred_until", flat=True))
    assert kept[0] is None
    apart = [abs(told - until) for told, until in zip(due, kept[1:], strict=True) if until]
    assert max(apart) <= timedelta(seconds=SLOT_SECONDS)  # it may begin between our look at the clock and PostgreSQL's

    assert drain() == 1
    assert LogEntry.objects.count() == 2
    assert verify() == []
    make_due()
    assert drain() == 10
    assert LogEntry.objects.count() == 22
    assert verify() == []
    outcomes.flush()
    hours = HourlyUsage.objects.filter(api_key=api_key).order_by().values_list("outcome")
    sums = hours.annotate(Sum("requests"), Sum("entries"))
    counted = {outcome: (requests, entries) for outcome, requests, entries in sums}
    assert {**counted, "accepted": None} == {"accepted": None, "deferred": (10, 20), "rate_limited": (1, 0)}


@pytest.mark.parametrize("seconds", [0, 1, SLOT_SECONDS - 1, SLOT_SECONDS])
def test_batch_is_never_stored_before_its_time_and_in_the_slot_after_it(caller: Caller, seconds: int) -> None:
    table.accept(caller, [part_of("later")], deferred_ms=1 + 1_000 * seconds)
    [(until, received_at, slot)] = fetch_all("SELECT deferred_until, received_at, slot FROM ingest_spooledbatch")
    wait = (until - received_at).total_seconds()
    assert seconds < wait <= seconds + SLOT_SECONDS + 0.001
    assert until.timestamp() == slot * SLOT_SECONDS
    assert due_at(1 + 1_000 * seconds, now=received_at.timestamp()) == until


def test_all_rows_of_a_large_request_wait_together(caller: Caller) -> None:
    table.accept(caller, [part_of("a"), part_of("b")], deferred_ms=60_000)
    assert SpooledBatch.objects.exclude(deferred_until=None).count() == 2
    assert drain() == 0
    make_due()
    assert drain() == 2


@pytest.mark.parametrize(
    ("key", "organisation", "path", "refused"),
    [
        ({}, {}, "/v1/logs", "rate_limited"),
        ({"keeps_overflow": True}, {}, "/v1/ndjson", "rate_limited"),  # agents wait by themselves
        ({"keeps_overflow": True}, {"monthly_bytes": 600}, "/v1/logs", "quota_exhausted"),
    ],
)
def test_lane_is_for_keys_that_ask_no_agents_and_no_spent_quota(
    key: dict[str, Any], organisation: dict[str, Any], path: str, refused: str
) -> None:
    _, post = poster(**key, **organisation)
    answers = iter(lambda: post(json.dumps([LOG] * 1_000).encode() if path != "/v1/logs" else BATCH, path), None)
    last = next(answer for answer in answers if answer.status_code != 200)
    assert (last.status_code, last.json()["code"]) == (429, refused)
    assert SpooledBatch.objects.exclude(deferred_until=None).exists() is (refused == "quota_exhausted")


def test_repeated_request_is_told_again_what_was_deferred() -> None:
    _, post = poster(keeps_overflow=True)
    post()
    first, again = (post(**{"Idempotency-Key": "once"}) for _ in range(2))
    assert first.json() == again.json()
    assert first.json()["deferred"] == 2
    assert (again["Idempotency-Replayed"], "X-RateLimit-Deferred" in again.headers) == ("true", False)
    assert SpooledBatch.objects.count() == 2


def test_request_of_which_nothing_is_kept_defers_nothing() -> None:
    _, post = poster(keeps_overflow=True, minimum_level=40)
    answers = [post() for _ in range(2)]
    assert [("deferred" in one.json(), one.json()["processed"]) for one in answers] == [(False, 0)] * 2


def test_turns_are_kept_among_what_has_become_due() -> None:
    fill_spool(1, rows=2 * claims.GROUP_BATCHES, age=timedelta(hours=1), deferred=timedelta(minutes=-1))
    fill_spool(2, rows=1)
    claim = claims.claim()
    assert claim
    assert SpooledBatch.objects.filter(batch_id__in=claim.batch_ids, organisation_id=2).exists()


@pytest.mark.parametrize("deferred", [None, timedelta(hours=3)])
def test_batch_of_a_clock_that_was_set_back_waits_for_a_sweep_only(caller: Caller, deferred: timedelta | None) -> None:
    """It was received in the future, or is due in a future that nothing is deferred to."""
    part, future = part_of("early"), timedelta(minutes=-5) if deferred is None else timedelta(hours=-2.5)
    fill_spool(
        caller.organisation_id,
        rows=1,
        payload=part.payload,
        payload_bytes=part.size_bytes,
        age=future,
        deferred=deferred,
    )
    fill_spool(caller.organisation_id + 1, rows=50, deferred=timedelta(minutes=2))
    assert (claim := claims.claim())
    assert caller.organisation_id in SpooledBatch.objects.filter(batch_id__in=claim.batch_ids).values_list(
        "organisation_id", flat=True
    )


def test_backlog_is_as_old_as_what_is_due(caller: Caller) -> None:
    fill_spool(caller.organisation_id, rows=3, age=timedelta(minutes=50), deferred=timedelta(minutes=5))
    measured = backlog.measure()
    assert (measured.rows, measured.deferred_rows, measured.oldest_seconds) == (3, 3, 0)
    assert vitals.oldest_batch() is None
    assert not vitals.waiting().is_late
    assert capacity.look() == set()
    [found] = [one for one in pipeline._spool() if one.subject == "spool"]
    assert "3 of them are deferred, and not due yet" in found.what

    fill_spool(caller.organisation_id, rows=1, age=timedelta(minutes=50), deferred=timedelta(minutes=-2))
    oldest = vitals.oldest_batch()
    assert oldest
    assert oldest.is_very_late
    assert 110 < (datetime.now(UTC) - oldest.waits_since).total_seconds() < 300


def test_organisation_has_room_for_so_much_and_another_for_its_own(settings: Any) -> None:
    settings.SPOOL_MAX_BYTES = 200_000
    api_key, post = poster(keeps_overflow=True)
    other = poster(keeps_overflow=True)[0]
    assert post().status_code == 200
    fill_spool(api_key.organisation_id, rows=2, payload_bytes=12_000, deferred=timedelta(minutes=5))
    assert capacity.look() == set()
    assert [capacity.lets_defer(one.organisation_id) for one in (api_key, other)] == [False, True]
    assert post().json()["code"] == "rate_limited"
    [found] = [one for one in pipeline._spool() if one.subject == "overflow"]
    assert str(api_key.organisation_id) in found.what

    SpooledBatch.objects.exclude(deferred_until=None).delete()
    capacity.look()
    assert post().json()["deferred"] == 2


def test_process_counts_what_it_defers_and_looks_early(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "LOOK_EVERY_SECONDS", 3600.0)
    monkeypatch.setattr(room, "LOOK_AGAIN_SECONDS", 0.0)
    process = room.Capacity()
    try:
        process.deferred(7, MOST_DEFERRED_BYTES // 2)
        assert process.lets_defer(7)
        process.deferred(7, MOST_DEFERRED_BYTES // 2)
        wait_until(lambda: process.lets_defer(7), what="a look, which finds nothing of it")
    finally:
        process._thread.stop()


def test_room_is_64_mebibytes_or_a_tenth_of_the_spool(settings: Any) -> None:
    settings.SPOOL_MAX_BYTES = 2**31
    assert most_deferred_bytes() == 64 * 2**20
    settings.SPOOL_MAX_BYTES = 2**20
    assert most_deferred_bytes() == 2**20 / 10


def test_erasing_waits_for_what_is_deferred(caller: Caller) -> None:
    table.accept(caller, [part_of("later")], deferred_ms=60_000)
    assert erasing.look(caller.organisation_id, until=datetime.now(UTC) + timedelta(seconds=5)).is_waiting


def test_raised_limit_ends_deferring() -> None:
    api_key, post = poster(keeps_overflow=True)
    assert ["deferred" in post().json() for _ in range(2)] == [False, True]
    Quota.objects.filter(organisation=api_key.organisation).update(requests_per_minute=1_000)
    wait_until(lambda: is_kept_at_once(post()), what="limits old enough to be read again")


def is_kept_at_once(answer: Any) -> bool:
    return answer.status_code == 200 and "deferred" not in answer.json()


def test_key_gets_the_lane_by_command_and_its_successor_too() -> None:
    make_organisation("acme")
    said = io.StringIO()
    call_command("create_key", "acme", "shop", "--name", "sdk", "--overflow", "--json", stdout=said)
    made = json.loads(said.getvalue())
    api_key = ApiKey.objects.get(pk=made["id"])
    assert made["keeps_overflow"] is True
    assert caller_of(api_key).keeps_overflow
    assert rotate(api_key.pk, by=None).api_key.keeps_overflow
    with pytest.raises(CommandError, match="for secret keys"):
        call_command("create_key", "acme", "shop", "--name", "sdk", "--kind", "public", "--overflow")


@pytest.mark.parametrize(
    ("client", "fields", "is_offered"),
    [
        ("luminalog-python/0.1.0", {}, True),
        ("@luminalog/logger/1.2.0", {}, True),
        ("LuminaLog-Go/1.0", {}, True),
        ("luminalog-python/0.1.0", {"keeps_overflow": True}, False),
        ("luminalog-python/0.1.0", {"kind": "public", "scopes": ["ingest"]}, False),
        ("curl/8.1 luminalog-like", {}, False),
        ("", {}, False),
    ],
)
def test_lane_is_offered_where_the_client_drops_what_is_refused(
    admin_client: Client, client: str, fields: dict[str, Any], is_offered: bool
) -> None:
    api_key, _ = make_api_key(make_organisation("acme"), last_used_client=client, **fields)
    page = admin_client.get(reverse("admin:accounts_apikey_change", args=[api_key.pk])).content.decode()
    assert ("drops what is answered 429. With the" in page) is is_offered
    assert 'name="keeps_overflow"' in page


@pytest.mark.parametrize(("kind", "is_kept"), [("secret", True), ("public", False)])
def test_lane_is_switched_on_in_the_form_of_a_secret_key(admin_client: Client, kind: str, is_kept: bool) -> None:
    api_key, _ = make_api_key(make_organisation("acme"), kind=kind, scopes=["ingest"])
    address = reverse("admin:accounts_apikey_change", args=[api_key.pk])
    given = {"name": "sdk", "environment": "production", "scopes": ["ingest"], "invalid_entries": "strict"}
    answer = admin_client.post(address, given | {"minimum_level": "10", "keeps_overflow": "on"})
    assert answer.status_code == (302 if is_kept else 200)
    assert is_kept or "for secret keys" in answer.content.decode()
    assert ApiKey.objects.get().keeps_overflow is is_kept
