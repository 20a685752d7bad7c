"""What was around a new or regressed group is recorded once, bounded, outlives retention, and goes when it has to."""

import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import OperationalError, connections
from django.test import Client

from accounts import looks
from accounts.caller import Caller
from accounts.models import AccessRecord, Organisation, User
from assist import recording_work, recordings
from assist.models import Recording
from assist.recording_metrics import FAILURES
from foundation import faults
from foundation.alone import alone
from foundation.postgres import execute
from ingest.models import DrainClaim
from issues import changing, forgetting, turns
from issues.changing import Actor
from issues.models import Turn
from operations import dump, vitals
from operations.doctor import pipeline
from operations.erasures import counting, work
from operations.erasures import life as erasures
from operations.erasures.doing import doing_of
from operations.models import Erasure
from operations.verification import verify
from privacy.models import Policy
from quotas.models import Plan
from storage.models import LogEntry
from storage.postgres import partitions
from tests.errors import failure, store
from tests.organisations import make_api_key, make_caller

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "reads"])

BUDGET = 60.0
NOW = datetime.now(UTC)
SOMEBODY = Actor(by_key="ll_test")


@pytest.fixture(autouse=True)
def _from_the_beginning() -> Iterator[None]:
    partitions.make_ahead()
    yield
    DrainClaim.objects.all().delete()


@pytest.fixture
def organisation(caller: Caller) -> Organisation:
    return Organisation.objects.get(pk=caller.organisation_id)


def at(seconds: float, message: str, **fields: Any) -> dict[str, Any]:
    return {"timestamp": NOW + timedelta(seconds=seconds), "level": "info", "message": message, **fields}


def fail(caller: Caller, name: str = "pay", **fields: Any) -> None:
    store(caller, failure(f"{name}Error", f"no {name}", stack=[f"at {name} (/app/src/{name}.js:1:2)"], **fields))


def record() -> int:
    """Do what a worker does half a minute later."""
    execute("UPDATE issues_turn SET at = at - interval '31 seconds' WHERE recorded_at IS NULL")
    return recording_work.record(budget_seconds=BUDGET)


def recorded(caller: Caller, number: int = 1) -> list[str]:
    """Return the messages of a group's only recording."""
    page = recordings.of_group(caller.organisation_id, number, limit=9)
    assert page
    [one] = page.recordings
    found = recordings.get(caller.organisation_id, number, one.id)
    assert found
    return [entry.message for entry in found[1]]


def client_of(caller: Caller) -> Client:
    organisation = Organisation.objects.get(pk=caller.organisation_id)
    return Client(headers={"x-api-key": make_api_key(organisation, scopes=["read"])[1]})


def read(client: Client, path: str, **parameters: Any) -> Any:
    response = client.get(path, parameters)
    assert response.status_code == 200, response.content
    return response.json()


def test_trace_and_neighbours_are_recorded_once_and_outlive_the_entries(caller: Caller) -> None:
    here = {"environment": "live", "project_id": "shop"}
    store(
        caller,
        *(at(n, f"beside {n}", **here) for n in range(-60, 61) if n),
        at(-0.5, "elsewhere", environment="test"),
        at(-0.5, "other project", environment="live", project_id="web"),
        at(-400, "of the trace", environment="test", trace_id="t-1"),
        at(-300, "of it, too", metadata={"traceId": "t-1"}),
        at(0, "no pay", level="error", metadata={"trace_id": "t-1", "release": "1.0"}, **here),
    )
    assert recording_work.record(budget_seconds=BUDGET) == 0, "it is not due yet"
    assert record() == 1
    assert record() == 0
    expected = ["of the trace", "of it, too", *(f"beside {n}" for n in range(-50, 0)), "no pay"]
    expected += [f"beside {n}" for n in range(1, 51)]
    assert recorded(caller) == expected
    one = Recording.objects.get()
    assert (one.what, one.release, one.entries, one.left_out) == ("new", "1.0", 103, 0)
    assert len(bytes(one.frame)) == one.size_bytes < 262_144
    assert verify() == []

    LogEntry.objects.all().delete()
    client = client_of(caller)
    [told] = read(client, "/v1/groups/1/recordings")["recordings"]
    assert (told["what"], told["release"], told["entries"]) == ("new", "1.0", 103)
    assert datetime.fromisoformat(told["kept_until"]) - datetime.fromisoformat(told["at"]) == timedelta(days=60)
    whole = read(client, f"/v1/groups/1/recordings/{told['id']}")
    assert [log["message"] for log in whole["logs"]] == expected
    error = next(log for log in whole["logs"] if log["id"] == told["entry"])
    assert (error["group"], error["metadata"]["release"], error["environment"]) == (1, "1.0", "live")
    stranger = client_of(make_caller())
    for path in ("/v1/groups/1/recordings", f"/v1/groups/1/recordings/{told['id']}"):
        assert stranger.get(path).status_code == 404
    for path in ("/v1/groups/2/recordings", "/v1/groups/1/recordings/999", "/v1/groups/2/recordings/1"):
        assert client.get(path).status_code == 404
    assert client.get("/v1/groups/1/recordings?cursor=x").json()["code"] == "invalid_parameter"


def resolve(caller: Caller) -> None:
    """Resolve the first group, an hour ago."""
    changing.resolve(caller.organisation_id, 1, by=SOMEBODY, how="now", release="")
    execute("UPDATE issues_group SET state_at = state_at - interval '1 hour' WHERE state = 'resolved'")


def test_release_of_a_group_is_recorded_once_and_a_merged_group_shows_all(caller: Caller) -> None:
    fail(caller)
    assert record() == 1
    resolve(caller)
    fail(caller)
    assert Turn.objects.filter(what="regressed").count() == 1
    assert record() == 0, "without a release, as before"
    resolve(caller)
    fail(caller, metadata={"release": "1.0"})
    assert record() == 1
    fail(caller, "ship")
    assert record() == 1
    found = list(Recording.objects.order_by("id").values_list("what", "release"))
    assert found == [("new", ""), ("regressed", "1.0"), ("new", "")]

    changing.merge(caller.organisation_id, 1, [2], by=SOMEBODY)
    client = client_of(caller)
    ids: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        told = read(client, "/v1/groups/1/recordings", limit=1, cursor=cursor)
        ids += [one["id"] for one in told["recordings"]]
        cursor = told["next_cursor"]
    assert ids == [str(one) for one in Recording.objects.order_by("-id").values_list("id", flat=True)]
    assert read(client, f"/v1/groups/2/recordings/{ids[1]}")["release"] == "1.0"
    forgetting.forget_organisation(caller.organisation_id)
    assert not Recording.objects.exists(), "they go with their groups"


def test_whoever_dies_or_comes_second_makes_no_second_one(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    fail(caller)
    monkeypatch.setenv("LUMINALOG_FAULTS_RECORD", "/dev/null")
    monkeypatch.setattr(faults, "_record", lambda _rule: True)
    monkeypatch.setattr(faults, "_rules", faults.read_rules("before_recording_commit=bug"))
    failures = FAILURES._value.get()
    assert record() == 0
    assert FAILURES._value.get() == failures + 1
    assert not Recording.objects.exists()
    monkeypatch.setattr(faults, "_rules", [])

    made: list[int] = []

    def work_beside() -> None:
        try:
            made.append(recording_work.record(budget_seconds=BUDGET))
        finally:
            connections.close_all()

    workers = [threading.Thread(target=work_beside) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(made) == [0, 0, 1]
    assert Recording.objects.count() == 1
    assert record() == 0


def test_one_thread_of_all_workers_records_whoever_s_it_is(caller: Caller) -> None:
    fail(caller)

    def record_beside() -> int:
        try:
            return record()
        finally:
            connections.close_all()

    with alone(recording_work.LOCK), ThreadPoolExecutor(1) as beside:
        assert beside.submit(record_beside).result() == 0
    assert record() == 1


def test_oldest_go_and_what_plans_do_not_keep(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    stranger = make_caller()
    fail(stranger)
    for name in ("a", "b", "c"):
        fail(caller, name)
        record()
    own = Recording.objects.filter(organisation_id=caller.organisation_id).order_by("id")
    ids, room = list(own.values_list("id", flat=True)), sum(own.values_list("size_bytes", flat=True))
    monkeypatch.setattr(recordings, "MOST_BYTES_IN_ALL", room)
    fail(caller, "d")
    assert record() == 1
    left = list(own.values_list("id", flat=True))
    assert 1 < len(left) < 4
    assert left[:-1] == ids[-len(left) + 1 :]
    assert sum(own.values_list("size_bytes", flat=True)) <= room
    assert Recording.objects.count() == len(left) + 1, "a stranger's stays"
    monkeypatch.setattr(recordings, "MOST_BYTES_IN_ALL", 10)
    assert {one.check for one in verify()} == {"recording"}
    monkeypatch.undo()
    assert verify() == []

    assert recordings.forget_expired() == 0
    execute(
        "UPDATE assist_recording SET at = at - interval '60 days 1 hour'"
        " WHERE id = (SELECT max(id) FROM assist_recording)"
    )
    assert recordings.forget_expired() == 1
    Plan.objects.update(recording_days=0)
    fail(caller, "e")
    assert record() == 0
    assert not Turn.objects.filter(recorded_at=None, what="new").exists()
    assert recordings.forget_expired() == 0, "they go with retention"
    execute("UPDATE assist_recording SET at = at - interval '30 days 1 hour'")
    assert recordings.forget_expired() == len(left)


def test_what_fails_is_told_tried_again_and_left_in_the_end(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    stranger = make_caller()
    fail(caller)
    fail(stranger)

    def broken(turn: turns.Turn) -> Any:
        if turn.organisation_id == caller.organisation_id:
            raise OperationalError("away")
        return entry_of(turn)

    entry_of = turns.entry_of
    monkeypatch.setattr(turns, "entry_of", broken)
    assert record() == 1, "others' go on"
    assert Recording.objects.get().organisation_id == stranger.organisation_id
    assert not vitals.recordings_are_late()
    execute("UPDATE issues_turn SET at = at - interval '20 minutes' WHERE recorded_at IS NULL")
    assert [finding.level for finding in pipeline._recordings()] == ["warning"]
    assert vitals.state().oldest_turn_seconds > 1200
    execute("UPDATE issues_turn SET at = at - interval '2 hours' WHERE recorded_at IS NULL")
    record()
    monkeypatch.undo()
    assert record() == 0
    assert [finding.level for finding in pipeline._recordings()] == ["ok"]
    LogEntry.objects.all().delete()
    execute("UPDATE issues_turn SET recorded_at = NULL")
    assert record() == 0, "there is nothing to record any more"
    assert not Turn.objects.filter(recorded_at=None).exists()


def test_erased_and_scrubbed_entries_are_in_no_recording(
    caller: Caller, organisation: Organisation, tmp_path: Path
) -> None:
    person, mail = "u-7f3a9c41", "bob@example.com"
    store(
        caller,
        at(-3, "hello", metadata={"userId": person}),
        at(-2, f"mail to {mail}"),
        at(-1, "quiet", level="debug"),
        at(-1, "card 4111 1111 1111 1111"),
        at(0, "no pay", level="error", metadata={"release": "1.0", "owner": person}),
        at(1, "stays"),
    )
    assert record() == 1
    Policy.objects.create(organisation=organisation)

    def erase(kind: str, wanted: str = "") -> Erasure:
        counts = counting.count(organisation.pk, doing_of(kind, wanted, organisation.pk))
        erasure = erasures.ask(organisation, kind=kind, wanted=wanted, by=looks.at_the_server())
        work.work(budget_seconds=BUDGET)
        erasure.refresh_from_db()
        assert erasure.status == "done", erasure.last_error
        assert counts.elsewhere.get(recordings.NAME, 0) == erasure.elsewhere.get(recordings.NAME, 0) > 0
        return erasure

    erase(Erasure.Kind.RULES)
    assert recorded(caller)[3].startswith("card [card")
    erase(Erasure.Kind.QUERY, "level:debug")
    erase(Erasure.Kind.VALUE, mail)
    erase(Erasure.Kind.QUERY, f"userId:{person}")
    assert recorded(caller) == ["card [card]", "no pay", "stays"]
    erase(Erasure.Kind.VALUE, person)
    assert recorded(caller) == ["card [card]", "stays"]
    one = Recording.objects.get()
    assert (one.release, one.entries) == ("1.0", 2)
    path = tmp_path / "dump.sql"
    dump._run("pg_dump", "--format=plain", f"--file={path}")
    frames = repr(
        [entry for _, entries in [recordings.get(organisation.pk, 1, one.pk) or (0, [])] for entry in entries]
    )
    for gone in (person, mail, "4111 1111"):
        assert gone not in path.read_text() + frames
    recordings.rewrite(organisation.pk, lambda _entries: {}, cut=lambda text: text.replace("1.0", "[erased]"))
    assert Recording.objects.filter(pk=one.pk, release="[erased]").exists()
    erase(Erasure.Kind.QUERY, "-stays OR stays")
    assert not Recording.objects.exists()
    assert verify() == []


def test_page_shows_it_to_those_who_may_look_and_records_the_look(caller: Caller, organisation: Organisation) -> None:
    fail(caller, metadata={"note": "<b>bold</b>"})
    user = User.objects.create_user("ada", password="x", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_logs"))
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    group = f"/admin/errors/1/?organisation={organisation.slug}"
    assert "Nothing yet. Half a minute" in client.get(group).content.decode()
    record()
    [address] = re.findall(
        r'href="(/admin/errors/1/recordings/\d+/\?organisation=[^"]+)"', client.get(group).content.decode()
    )
    began = datetime.now(UTC)
    page = client.get(address)
    assert page.status_code == 200
    assert "<b>bold</b>" not in page.content.decode()
    text = unescape(page.content.decode())
    assert "When it was new" in text
    assert "the error" in text
    assert "<b>bold</b>" in text
    look = AccessRecord.objects.get(at__gte=began)
    assert (look.action, look.username, look.subject) == (
        "recording",
        "ada",
        f"#1, recording {Recording.objects.get().pk}",
    )
    for path in (address.replace("/1/recordings", "/2/recordings"), address.replace("recordings/", "recordings/9")):
        assert client.get(path).status_code == 404
    Plan.objects.update(recording_days=0)
    assert "retention takes it" in client.get(address).content.decode()
    Recording.objects.all().delete()
    assert "is not recorded" in client.get(group).content.decode()
    nobody = Client()
    nobody.force_login(
        User.objects.create_user("eve", is_staff=True), backend="django.contrib.auth.backends.ModelBackend"
    )
    assert nobody.get(address).status_code == 403
    only_sends = make_api_key(organisation, scopes=["ingest"])[1]
    assert Client(headers={"x-api-key": only_sends}).get("/v1/groups/1/recordings").status_code == 403
