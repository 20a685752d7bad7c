"""What a core does with what edges send: kept once, charged once, and only what is theirs to bring."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from msgspec import json

from accounts.caller import Caller
from accounts.models import ApiKey, Organisation
from edges import life, wire
from edges.models import Edge, EdgeBatch
from foundation import faults
from ingest.models import DeadLetter, SpooledBatch
from ingest.spool import dead_letters
from ingest.spool.drain import drain
from ingest.spool.payload import pack
from operations import verification
from quotas.models import HourlyUsage, Loan, MonthlyUsage
from storage.models import LogEntry, Receipt
from tests.edges import Sender

MakeCaller = Callable[..., Caller]


def charged(caller: Caller) -> tuple[int, int, int]:
    """Return entries and bytes charged of this month, and bytes lent."""
    month = MonthlyUsage.objects.get(organisation_id=caller.organisation_id)
    return month.entries, month.used_bytes, month.lent_bytes


@pytest.mark.django_db(transaction=True)
def test_batches_of_an_edge_are_kept_charged_and_stored_once_however_often_they_come(
    make_caller: MakeCaller, empty_store: None
) -> None:
    caller = make_caller()
    sender = Sender(caller)
    one, two = sender.carried(caller, "a", "b"), sender.carried(caller, "c")
    size = one.head.size_bytes + two.head.size_bytes
    sender.ask({"organisation_id": caller.organisation_id, "wanted_bytes": 1000, "needed_bytes": 1000})

    body = sender.body(one, two)
    answers = [sender.post(body).json() for _ in range(2)]  # the first answer was lost, say
    again = sender.forward(two, sender.carried(caller, "d")).json()

    assert answers == [{"kept": [1, 2], "refused": [], "floor": 1}] * 2
    assert again["kept"] == [2, 3]
    third = again["floor"] == 2 and sender.carried(caller, "d").head.size_bytes
    assert charged(caller) == (4, size + third, 1000 - size - third)
    assert drain() == 3
    assert sorted(LogEntry.objects.values_list("message", flat=True)) == ["a", "b", "c", "d"]
    assert verification.verify() == []


@pytest.mark.django_db(transaction=True)
def test_what_an_edge_took_says_so_and_is_used_in_the_hour_in_which_it_was_taken(
    make_caller: MakeCaller, empty_store: None
) -> None:
    caller = make_caller()
    sender, now = Sender(caller), datetime.now(UTC)
    hours_ago, ahead = now - timedelta(hours=3), now + timedelta(hours=3)
    sender.forward(sender.carried(caller, "late", received_at=hours_ago), sender.carried(caller, received_at=ahead))
    sender.forward(sender.carried(caller, "odd", payload=pack(b"{}"), entries=1, size_bytes=2))
    assert drain() == 2

    name = sender.edge.name
    assert list(LogEntry.objects.values_list("edge", flat=True)) == [name, name]
    assert set(Receipt.objects.values_list("edge_received_at", flat=True)) == {hours_ago, ahead}
    hours = set(HourlyUsage.objects.filter(outcome="accepted").values_list("hour", flat=True))
    this_hour = now.replace(minute=0, second=0, microsecond=0)
    assert min(hours) == this_hour - timedelta(hours=3)
    assert max(hours) - this_hour <= timedelta(hours=1)  # the clock of an edge never says later than ours
    [letter] = DeadLetter.objects.all()
    assert letter.edge == name
    dead_letters.replay([letter.pk])
    assert SpooledBatch.objects.get().edge == name


@pytest.mark.django_db
def test_what_was_forgotten_at_the_edge_is_forgotten_here_and_no_late_request_brings_it_back(
    make_caller: MakeCaller,
) -> None:
    caller = make_caller()
    sender = Sender(caller)
    late = sender.body(batch := sender.carried(caller))
    sender.post(late)

    assert sender.forward(forgotten=(batch.head.edge_batch_id,)).status_code == 200
    answer = sender.post(late)

    assert answer.status_code == 409
    assert not EdgeBatch.objects.exists()
    assert (answer.json()["code"], answer.json()["floor"]) == ("stale_request", 2)
    assert SpooledBatch.objects.count() == 1


@pytest.mark.django_db
def test_a_request_that_overtook_another_lets_it_through_only_above_the_floor(make_caller: MakeCaller) -> None:
    caller = make_caller()
    sender = Sender(caller)
    slow, lost = sender.body(sender.carried(caller), floor=1), sender.body(sender.carried(caller), floor=1)
    sender.forward(sender.carried(caller), floor=2)

    assert sender.post(lost).status_code == 200  # number 2: the edge still waits for it
    assert sender.post(slow).status_code == 409


@pytest.mark.django_db
def test_a_failure_at_any_point_keeps_and_charges_nothing_or_all(
    make_caller: MakeCaller, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    caller = make_caller()
    monkeypatch.setenv("LUMINALOG_FAULTS_RECORD", str(tmp_path / "record"))
    sender = Sender(caller)
    body = sender.body(sender.carried(caller))
    for point, kept in (("after_edge_rows", 0), ("before_edge_commit", 0), ("after_edge_commit", 1)):
        monkeypatch.setattr(faults, "_rules", faults.read_rules(f"{point}=raise"))
        assert sender.post(body).status_code in (500, 503)
        assert SpooledBatch.objects.count() == EdgeBatch.objects.count() == MonthlyUsage.objects.count() == kept
    monkeypatch.setattr(faults, "_rules", [])
    assert sender.post(body).json()["kept"] == [1]
    assert SpooledBatch.objects.count() == 1


@pytest.mark.django_db
def test_batches_that_are_not_an_edges_to_bring_are_refused_and_the_others_kept(make_caller: MakeCaller) -> None:
    ours, theirs = make_caller(), make_caller()
    sender = Sender(ours)
    answer = sender.forward(
        sender.carried(ours),
        sender.carried(theirs),
        sender.carried(ours, api_key_id=theirs.api_key_id),
        sender.carried(ours, project="elsewhere"),
        sender.carried(ours, period="2020-01-01"),
        sender.carried(ours, period="2099-01-01"),
        sender.carried(ours, organisation_id=10**9),
    ).json()

    assert answer["kept"] == [1]
    assert [one["reason"] for one in answer["refused"]] == [
        "organisation_not_allowed", "foreign_api_key", "foreign_project", "foreign_period", "foreign_period",
        "organisation_not_allowed",
    ]  # fmt: skip
    assert set(SpooledBatch.objects.values_list("organisation_id", flat=True)) == {ours.organisation_id}
    assert Edge.objects.get().refused_batches == 6
    assert not MonthlyUsage.objects.filter(organisation_id=theirs.organisation_id).exists()


@pytest.mark.django_db
def test_batches_of_a_suspended_organisation_and_of_a_revoked_key_were_answered_and_are_kept(
    make_caller: MakeCaller,
) -> None:
    caller = make_caller()
    sender = Sender(takes_all=True)
    Organisation.objects.update(status="suspended", suspended_reason="late")
    ApiKey.objects.update(revoked_at="2026-01-01T00:00:00Z", revoked_reason="old")

    assert sender.forward(sender.carried(caller)).json()["kept"] == [1]


@pytest.mark.django_db(transaction=True)
def test_frames_that_are_not_what_their_head_says_are_dead_letters_of_the_core_and_block_nobody(
    make_caller: MakeCaller, empty_store: None
) -> None:
    caller = make_caller()
    sender = Sender(caller)
    sender.ask({"organisation_id": caller.organisation_id, "wanted_bytes": 1000, "needed_bytes": 1000})
    answer = sender.forward(
        sender.carried(caller, payload=b"no frame"),
        sender.carried(caller, "a", "b", entries=3),
        sender.carried(caller, "a", size_bytes=7),
        sender.carried(caller, payload=pack(b'{"level":"info"}'), size_bytes=16),
        sender.carried(caller, "well"),
    ).json()

    assert answer["kept"] == [1, 2, 3, 4, 5]
    assert drain() == 1
    assert LogEntry.objects.get().message == "well"
    reasons = list(DeadLetter.objects.order_by("batch_id").values_list("reason", flat=True))
    assert len(reasons) == 4
    assert all(reason.startswith(f"from edge {sender.edge.name}: ") for reason in reasons)
    assert verification.verify() == []


@pytest.mark.django_db
def test_bodies_that_no_edge_sends_are_refused_whole(make_caller: MakeCaller) -> None:
    caller = make_caller()
    sender = Sender(caller)
    batch = sender.carried(caller)
    good = sender.body(batch, number=1)
    for body in (
        b"",
        b"{}\n",
        good[:-1],
        good + b"x",
        sender.body(batch, batch),
        sender.body(batch, number=1, floor=2),
    ):
        assert sender.post(body).json()["code"] == "invalid_payload"
    with pytest.raises(wire.WireError):
        wire.read(b"x" * 10**6)
    assert not SpooledBatch.objects.exists()


@pytest.mark.django_db
def test_only_a_good_token_from_its_networks_and_one_installation_may_forward(make_caller: MakeCaller) -> None:
    caller = make_caller()
    sender, other = Sender(caller), Sender(caller, allowed_networks=["10.0.0.0/8"])
    body = sender.body(sender.carried(caller))
    for path in ("/v1/edge/batches", "/v1/edge/grants"):
        for token in ("", "Bearer", "Bearer le_" + "0" * 48, "Bearer ll_" + "0" * 48):
            answer = sender.post(body, path, HTTP_AUTHORIZATION=token)
            assert (answer.status_code, answer.json()["code"]) == (401, "invalid_api_key")
    assert Client().get("/v1/edge/directory").status_code == 401
    assert other.forward().status_code == 403
    assert other.post(other.body(), REMOTE_ADDR="10.1.2.3").status_code == 200

    assert sender.post(body).status_code == 200
    sender.installation = other.installation  # the same token on another machine
    assert sender.forward().status_code == 403
    assert sender.ask().status_code == 403

    assert life.revoke(sender.edge.pk, reason="stolen")
    assert not life.revoke(sender.edge.pk, reason="twice")
    assert sender.post(body).status_code == 401
    assert sender.token not in str(list(Edge.objects.values()))


@pytest.mark.django_db(transaction=True)
def test_the_same_batches_in_requests_at_the_same_moment_are_kept_once(make_caller: MakeCaller) -> None:
    callers = [make_caller() for _ in range(3)]
    sender = Sender(*callers)
    batches = [sender.carried(caller, str(number)) for number in range(10) for caller in callers]

    def send(number: int) -> int:
        shuffled = batches[number:] + batches[:number]
        try:
            return int(sender.post(sender.body(*shuffled, number=number + 1, floor=1)).status_code)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as threads:
        assert set(threads.map(send, range(8))) == {200}
    assert SpooledBatch.objects.count() == EdgeBatch.objects.count() == len(batches)
    assert sum(MonthlyUsage.objects.values_list("entries", flat=True)) == len(batches)


@pytest.mark.django_db(transaction=True)
def test_what_is_forwarded_beyond_a_loan_is_kept_and_shown(make_caller: MakeCaller) -> None:
    caller = make_caller()
    sender = Sender(caller)
    batch = sender.carried(caller)
    sender.ask({"organisation_id": caller.organisation_id, "wanted_bytes": 10, "needed_bytes": 10})

    assert sender.forward(batch).json()["kept"] == [1]
    loan = Loan.objects.get()
    assert (loan.settled_bytes, loan.short_bytes) == (10, batch.head.size_bytes - 10)
    assert charged(caller) == (1, batch.head.size_bytes, 0)
    assert [one.check for one in verification.verify()] == ["loan"]


@pytest.mark.django_db(transaction=True)
def test_what_an_edge_refused_is_counted_once_and_only_what_is_its_to_tell(make_caller: MakeCaller) -> None:
    caller, stranger = make_caller(), make_caller()
    sender = Sender(caller)
    hour = int(datetime.now(UTC).timestamp()) // 3600 * 3600
    own, of_stranger = (caller.organisation_id, caller.api_key_id), (stranger.organisation_id, stranger.api_key_id)
    counts = [
        [hour, *own, "rate_limited", 3, 0, 0],
        [hour, *own, "rate_limited", 2, 0, 0],
        [hour - 3600, *own, "below_level", 0, 7, 70],
        [hour, *own, "accepted", 9, 9, 9],
        [hour, own[0], of_stranger[1], "rate_limited", 9, 9, 9],
        [hour, *of_stranger, "rate_limited", 9, 9, 9],
        [hour - 30 * 86_400, *own, "rate_limited", 9, 9, 9],
        [hour + 86_400, *own, "rate_limited", 9, 9, 9],
    ]
    reports = [{"mark": str(uuid4()), "counts": counts}]
    body = json.encode({"installation": sender.installation, "reports": reports})
    assert [sender.post(body, "/v1/edge/outcomes").status_code for _ in range(2)] == [200, 200]

    found = HourlyUsage.objects.values_list("organisation_id", "outcome", "requests", "entries", "bytes")
    assert sorted(found) == [(own[0], "below_level", 0, 7, 70), (own[0], "rate_limited", 5, 0, 0)]
    reports[0]["counts"] = [[hour, *own, "no code at all", 1, 1, 1]]
    body = json.encode({"installation": sender.installation, "reports": reports})
    assert sender.post(body, "/v1/edge/outcomes").status_code == 400
