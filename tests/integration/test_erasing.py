"""Erasing: what a query finds or a value stands in is nowhere afterwards, all else stays, and the ledger is proven."""

import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import msgspec
import pytest
from auditlog.models import LogEntry as Audit
from django.contrib.admin.models import LogEntry as RecentAction
from django.core.management import CommandError, call_command
from django.db import connections
from django.test import Client

from accounts import life, looks
from accounts.caller import Caller
from accounts.looks import Look
from accounts.models import AccessRecord, ApiKey, Organisation, User
from explore.models import SavedSearch
from explore.query import parse
from foundation import faults
from foundation.postgres import current_day, execute
from ingest.models import DeadLetter, DrainClaim, SpooledBatch
from ingest.spool import dead_letters
from ingest.spool import erasing as letters
from ingest.spool.drain import drain
from ingest.spool.payload import pack, unpack
from issues import regrouping
from issues.erasing import take_back
from issues.models import Fingerprint
from operations import dump
from operations.doctor import pipeline
from operations.erasures import counting, work
from operations.erasures import life as erasures
from operations.erasures.doing import Erasing, doing_of
from operations.models import Erasure
from operations.verification import verify
from privacy.models import Policy
from quotas.models import MonthlyUsage
from storage import erasing, receipts, unrolled
from storage.conditions import EVERYTHING
from storage.found import FoundEntry
from storage.models import Erased, LogEntry, Minute, Receipt, RollupDay
from storage.search import FIRST_MOMENT, LAST_MOMENT, Search
from storage.store import store
from tests import errors
from tests.integration.spool_rows import refusing, spool_raw
from tests.organisations import make_caller
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "reads"])

PERSON, OTHER = "u-7f3a9c41", "u-7f3a9c410"  # the other one's begins with the same characters
TIME = "2026-11-26T10:00:00Z"
BUDGET = 60.0
WAITING = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
QUERY, VALUE, RULES = Erasure.Kind.QUERY, Erasure.Kind.VALUE, Erasure.Kind.RULES


@pytest.fixture(autouse=True)
def _nothing_is_left() -> Iterator[None]:
    store().days.make_ahead(1)
    yield
    DrainClaim.objects.all().delete()


@pytest.fixture
def organisation(caller: Caller) -> Organisation:
    return Organisation.objects.get(pk=caller.organisation_id)


@pytest.fixture
def ada() -> User:
    return User.objects.create_superuser("ada", password="x")


def line(message: str = "hello", **members: Any) -> bytes:
    return msgspec.json.encode({"timestamp": TIME, "level": "info", "message": message, **members})


def of(user_id: str, message: str = "hello", **members: Any) -> bytes:
    return line(message, metadata={"userId": user_id}, **members)


def bury(caller: Caller, *lines: bytes, position: int | None = None, payload: bytes | None = None) -> DeadLetter:
    """Accept a batch and bury it, as a worker does that the log store refuses it to."""
    spool_raw(caller, *lines)
    spooled = SpooledBatch.objects.latest("batch_id")
    head = {name: getattr(spooled, name) for name in ("batch_id", "organisation_id", "api_key_id", "project",
            "environment", "received_at", "period", "entries", "size_bytes")}  # fmt: skip
    spooled.delete()
    content = pack(b"\n".join(lines)) if payload is None else payload
    return DeadLetter.objects.create(**head, position=position, payload=content, reason="refused")


def erase(organisation: Organisation, wanted: str = f"userId:{PERSON}", *, kind: str = QUERY) -> Erasure:
    """Ask for an erasure and work on it once."""
    erasure = erasures.ask(organisation, kind=kind, wanted=wanted, by=looks.at_the_server())
    return go_on(erasure)


def go_on(erasure: Erasure) -> Erasure:
    work.work(budget_seconds=BUDGET)
    erasure.refresh_from_db()
    return erasure


def messages(organisation: Organisation) -> list[str]:
    found = store().reader.page(Search(organisation.pk, parse(""), FIRST_MOMENT, LAST_MOMENT), limit=100)
    return sorted(entry.message for entry in found)


def some(found: dict[str, int]) -> dict[str, int]:
    """Of what holds clients' words, what has held some."""
    return {name: rows for name, rows in found.items() if rows}


def dumped(tmp_path: Path) -> str:
    path = tmp_path / "dump.sql"
    dump._run("pg_dump", "--format=plain", f"--file={path}")
    payloads = [
        *DeadLetter.objects.values_list("payload", flat=True),
        *SpooledBatch.objects.values_list("payload", flat=True),
    ]
    return path.read_text() + "".join(dead_letters.readable(bytes(payload)) for payload in payloads)


def test_erased_value_is_in_no_dump_and_the_ledger_is_provable(
    caller: Caller, organisation: Organisation, ada: User, tmp_path: Path
) -> None:
    stranger = make_caller()
    spool_raw(caller, of(PERSON), of(OTHER, "other", environment="lab"), of(PERSON, environment=PERSON))
    spool_raw(caller, of(PERSON, trace_id=PERSON))
    spool_raw(caller, of(OTHER, "other"))
    spool_raw(stranger, of(PERSON, "a stranger's"))
    drain()
    bury(caller, of(PERSON), of(OTHER, "dead"))
    bury(caller, of(PERSON), position=0)
    broken = bury(caller, of(OTHER), payload=b"no frame")
    spool_raw(caller, of(PERSON), of(OTHER, "late"))
    for name, query in [("hers", f'userId:"{PERSON}" level:error'), (f"of {PERSON}", ""), ("all", "level:error")]:
        SavedSearch.objects.create(owner=ada, organisation=organisation, name=name, query=query)
    RecentAction.objects.log_actions(ada.pk, SavedSearch.objects.all(), 2, change_message="")
    look = Look(action=AccessRecord.Action.SEARCH, query=f"userId:{PERSON} OR userId:{OTHER}", subject=PERSON)
    looks.record(look, by=ada, organisation=organisation, address="192.0.2.1")
    life.revoke(ApiKey.objects.get(organisation=organisation).pk, reason=f"leaked by {PERSON}")
    charged = MonthlyUsage.objects.get(organisation=organisation)
    assert verify() == []

    counts = counting.count(organisation.pk, doing_of(QUERY, f"userId:{PERSON}", organisation.pk))
    assert (counts.entries, counts.letters, counts.unreadable, counts.waiting) == (3, 2, 1, 1)
    assert some(counts.elsewhere) == {"audit trail": 1, "reasons": 1, "recorded queries": 1, "saved searches": 2}
    assert verify() == []

    erasure = erase(organisation)
    assert (erasure.status, erasure.phase, erasure.entries, erasure.letters) == ("running", "spool", 3, 2)
    assert verify() == []
    drain()
    erasure = go_on(erasure)

    assert (erasure.status, erasure.entries, erasure.letters, erasure.unreadable) == ("done", 4, 2, 1)
    assert some(erasure.elsewhere) == {"audit trail": 1, "reasons": 1, "recorded queries": 1, "saved searches": 2}
    assert verify() == []
    assert messages(organisation) == ["late", "other", "other"]
    left = MonthlyUsage.objects.get(organisation=organisation)
    assert (left.used_bytes, left.entries) == (charged.used_bytes, charged.entries)  # the quota is not given back
    record = AccessRecord.objects.get()
    assert (record.query, record.subject) == (f"userId:[erased] OR userId:{OTHER}", "[erased]")
    assert [search.name for search in SavedSearch.objects.all()] == ["all"]
    assert Minute.objects.filter(organisation_id=organisation.pk, environment=PERSON).count() == 0

    assert len(messages(Organisation.objects.get(pk=stranger.organisation_id))) == 1
    text = dumped(tmp_path).replace(OTHER, "")
    assert text.count(PERSON) == 1, "but for the stranger's"
    assert "a stranger's" in text
    dead_letters.replay([letter.pk for letter in DeadLetter.objects.exclude(pk=broken.pk)])
    drain()
    assert messages(organisation) == ["dead", "late", "other", "other"]
    assert verify() == []


def test_rollups_stay_equal_to_the_entries(caller: Caller, organisation: Organisation) -> None:
    for n in range(3):
        at = {"timestamp": f"2026-11-26T10:0{n}:00Z"}
        spool_raw(caller, *(msgspec.json.encode(msgspec.json.decode(of(one)) | at) for one in (PERSON, OTHER, PERSON)))
    drain()
    erasure = erase(organisation)
    assert (erasure.status, erasure.entries) == ("done", 6)
    assert sum(Minute.objects.values_list("entries", flat=True)) == 3
    assert sum(one.count for one in counted(organisation)) == 3
    assert RollupDay.objects.get().event_minutes == 3
    erase(organisation, f"userId:{OTHER}")
    assert (Minute.objects.count(), RollupDay.objects.get().event_minutes) == (0, 0)
    assert counted(organisation) == []
    assert verify() == []


def counted(organisation: Organisation) -> list[Any]:
    search = Search(organisation.pk, parse(""), FIRST_MOMENT, LAST_MOMENT)
    return list(store().reader.level_counts(search, step=timedelta(hours=1)))


@pytest.mark.parametrize(("point", "seen"), [("after_erasing", 2), ("before_erasing_commit", 4)])
def test_whoever_dies_leaves_all_provable_and_the_next_goes_on(
    caller: Caller, organisation: Organisation, point: str, seen: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasing, "GROUP_BATCHES", 2)
    for _ in range(5):
        spool_raw(caller, of(PERSON), of(OTHER))
    drain()
    erasure = erasures.ask(organisation, kind=QUERY, wanted=f"userId:{PERSON}", by=looks.at_the_server())
    monkeypatch.setenv("LUMINALOG_FAULTS_RECORD", "/dev/null")
    monkeypatch.setattr(faults, "_record", lambda _rule: Erasure.objects.get().entries == seen)
    monkeypatch.setattr(faults, "_rules", faults.read_rules(f"{point}=bug"))
    erasure = go_on(erasure)
    assert (erasure.status, erasure.entries, erasure.last_error) == ("running", 2, "InjectedError")
    assert LogEntry.objects.count() == 8
    assert verify() == []
    monkeypatch.setattr(faults, "_rules", [])
    erasure = go_on(erasure)
    assert (erasure.status, erasure.entries) == ("done", 5)
    assert verify() == []


def test_what_moves_meanwhile_is_looked_at_again(
    caller: Caller, organisation: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch of before is buried and replayed behind the back of who waits for it, twice."""
    spool_raw(caller, of(PERSON))
    erasure = erase(organisation)
    assert erasure.phase == "spool"
    execute("UPDATE ingest_spooledbatch SET attempts = 8")
    dead_letters.bury_hopeless()
    dead_letters.replay(list(DeadLetter.objects.values_list("pk", flat=True)))
    assert go_on(erasure).phase == "spool"  # it is received anew, and waited for nevertheless
    drain()  # as one that came after the erasure had begun
    assert (go_on(erasure).status, erasure.entries) == ("done", 1)

    letter = bury(caller, of(PERSON))
    erasure = erasures.ask(organisation, kind=QUERY, wanted=f"userId:{PERSON}", by=looks.at_the_server())
    Erasure.objects.filter(pk=erasure.pk).update(phase="again", seen="1:1:", until="2100-01-01T00:00Z")
    look = letters.look

    def replayed_after_the_look(*arguments: Any, **options: Any) -> Any:
        found = look(*arguments, **options)
        dead_letters.replay([letter.pk])
        return found

    monkeypatch.setattr(letters, "look", replayed_after_the_look)
    assert go_on(erasure).phase == "spool"
    monkeypatch.setattr(letters, "look", look)
    drain()
    assert (go_on(erasure).status, erasure.entries) == ("done", 1)
    assert verify() == []


def somebody_waits() -> bool:
    """Tell whether somebody waits for a lock; on another connection, for ours has a statement in hand."""
    with connections["reads"].cursor() as cursor:
        cursor.execute(WAITING)
        return cursor.fetchone() is not None


def test_errors_that_are_grouped_meanwhile_are_counted_by_one_of_the_two(
    caller: Caller, organisation: Organisation
) -> None:
    """Whoever erases has seen an entry without a group; somebody else wants to give it one before it goes."""
    with refusing("issues_group", sqlstate="22001", when="true", how="BEFORE"):
        errors.store(caller, errors.failure(), errors.failure(environment="lab"))
    assert Receipt.objects.get().errors == receipts.NOT_GROUPED

    def regroup() -> None:
        try:
            regrouping.regroup(budget_seconds=BUDGET)
        finally:
            connections.close_all()

    regrouper = threading.Thread(target=regroup)

    def fits(entry: FoundEntry) -> bool:
        if entry.environment == "lab":
            regrouper.start()
            wait_until(lambda: not regrouper.is_alive() or somebody_waits())
        return entry.environment == "lab"

    places = store().eraser.holding(organisation.pk, EVERYTHING, day=current_day())
    erasing.erase(organisation.pk, places, EVERYTHING, fits=fits, uncount=take_back, note=lambda _taken: None)
    regrouper.join()
    [left] = LogEntry.objects.all()
    assert left.error_key is not None
    assert Fingerprint.objects.get().events == 1
    assert verify() == []


def test_value_is_found_wherever_it_stands_and_nothing_else(caller: Caller, organisation: Organisation) -> None:
    value = "bob@example.com"
    Policy.objects.create(organisation=organisation)
    kept = Erasing(erasures.read(VALUE, value, organisation.pk)).sought.wanted.values[-1]
    gone = [
        line(f"mail to {value.upper()}, again"),
        line(metadata={value: 1}),
        line(metadata={"a": [{"b": f"x\n{value}"}]}),
        line(metadata={"body": json.dumps({"text": f"line\n{value}"})}),
        line("get /?q=bob%40example.com&x=1"),
        line(f"mail to {kept}"),
        line(trace_id=value),
        line(error={"message": value}),
        line(environment=value),
    ]
    stays = ["jimbob@example.com", "bob@example.community", "bob@example.co", "nothing"]
    spool_raw(caller, *gone, *map(line, stays))
    drain()
    bury(caller, line(f"dead {value}"), line("dead"))
    assert kept.startswith("[email:")
    erasure = erase(organisation, value, kind=VALUE)
    assert (erasure.status, erasure.entries, erasure.letters) == ("done", len(gone), 1)
    assert messages(organisation) == sorted(stays)
    assert [unpack(bytes(one.payload)) for one in DeadLetter.objects.all()] == [[line("dead")]]
    assert verify() == []


def test_days_and_batches_of_before_are_erased_too(caller: Caller, organisation: Organisation) -> None:
    """Documents that were `jsonb`, and batches that are in no rollup yet."""
    day = current_day()
    execute(
        f"CREATE TABLE storage_logentry_{day:%Y%m%d} PARTITION OF storage_logentry"
        f" FOR VALUES FROM ('{day}') TO ('{day}'::date + 1)"
    )
    try:
        spool_raw(caller, of(PERSON), of(OTHER, "other"))
        drain()
        columns = "id, organisation_id, received_at, timestamp, level, environment, project, message, size_bytes"
        execute(
            f"INSERT INTO storage_logentry ({columns}, metadata) SELECT {columns}, metadata::jsonb FROM storage_entry"
        )
        execute("DELETE FROM storage_entry")
        execute("UPDATE storage_receipt SET is_rolled_up = false")
        for table in ("storage_minute", "storage_event_minute", "storage_rollup_day"):
            execute(f"DELETE FROM {table}")
        assert verify() == []
        assert erase(organisation).status == "done"
        assert messages(organisation) == ["other"]
        assert verify() == []
        unrolled.roll_up(budget_seconds=BUDGET)
        assert Receipt.objects.get().is_rolled_up
        assert sum(Minute.objects.values_list("entries", flat=True)) == 1
        assert verify() == []
    finally:
        execute(f"DROP TABLE storage_logentry_{day:%Y%m%d}")


def test_second_person_confirms_what_an_organisation_wants_confirmed(
    caller: Caller, organisation: Organisation, ada: User
) -> None:
    Policy.objects.create(organisation=organisation, erasing_needs_two=True)
    spool_raw(caller, of(PERSON))
    drain()
    erasure = erase(organisation)
    assert (erasure.status, LogEntry.objects.count()) == ("asked", 1)
    assert [finding.level for finding in pipeline._erasures()] == ["warning"]
    with pytest.raises(erasures.ErasureError, match="Somebody else"):
        erasures.confirm(erasure.pk, by=looks.at_the_server())
    erasures.confirm(erasure.pk, by=looks.member_of_staff(ada, address="192.0.2.1"))
    assert (go_on(erasure).status, LogEntry.objects.count()) == ("done", 0)
    with pytest.raises(erasures.ErasureError):
        erasures.withdraw(erasure.pk, by=looks.at_the_server())
    other = erase(organisation)
    erasures.withdraw(other.pk, by=looks.at_the_server())
    assert (go_on(other).status, other.wanted) == ("withdrawn", "")
    audit = list(Audit.objects.filter(content_type__model="erasure").values_list("changes", flat=True))
    assert len(audit) == 5
    assert PERSON not in json.dumps(audit)
    digests = [changes["digest"][1] for changes in audit if "digest" in changes]
    assert digests == [erasure.digest, erasure.digest]  # the same was asked for twice
    assert erasure.digest


def test_commands_count_first_and_say_what_they_did(caller: Caller, organisation: Organisation) -> None:
    spool_raw(caller, of(PERSON), of(OTHER))
    drain()

    def said(*arguments: str) -> str:
        output = StringIO()
        call_command(*arguments, stdout=output)
        return output.getvalue()

    own = f"--organisation={organisation.slug}"
    assert json.loads(said("erase", own, f"userId:{PERSON}", "--json"))["entries"] == 1
    assert "Nothing was changed" in said("erase", own, f"userId:{PERSON}")
    assert LogEntry.objects.count() == 2
    done = json.loads(said("erase", own, f"userId:{PERSON}", "--yes", "--json", "--reference=DPR-1"))
    assert (done["status"], done["entries"], done["reference"]) == ("done", 1, "DPR-1")
    assert "DPR-1" in said("erase", "--list")
    assert "status=done" in said("erase", "--list")
    for wrong in ([own], [own, ""], [own, "a AND"], ["--organisation=nobody", "x"], [own, "--value", "x", "--yes"],
                  [own, f"userId:{PERSON}", f"--reference={PERSON}", "--yes"]):  # fmt: skip
        with pytest.raises(CommandError):
            said("erase", *wrong)
    assert Erasure.objects.count() == 1


def test_stored_entries_are_scrubbed_by_the_rules_of_today(
    caller: Caller, organisation: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    Policy.objects.create(organisation=organisation)
    monkeypatch.setattr(erasing, "GROUP_BATCHES", 1)
    spool_raw(caller, line("mail to bob@example.com", metadata={"paid": "4111 1111 1111 1111"}), line("clean"))
    spool_raw(caller, line("password=hunter2", environment="bob@example.com"), line("x" * 9))
    drain()
    bury(caller, line("dead bob@example.com"))
    output = StringIO()
    call_command("scrub", "--stored", "--json", stdout=output)
    told = json.loads(output.getvalue())
    assert (told["entries"], told["letters"]) == (2, 1)
    assert told["found"] == {"card": 1, "email": 3, "named_secret": 1}
    assert "mail to bob@example.com" in messages(organisation)

    monkeypatch.setattr(work, "time", _Clock())  # each try has time for one group
    erasure = erasures.ask(organisation, kind=RULES, by=looks.at_the_server())
    tries = 0
    while go_on(erasure).status == "running":
        tries += 1
        assert verify() == []
    assert tries >= 2
    assert (erasure.entries, erasure.letters) == (2, 1)
    assert erasure.elsewhere == told["found"]
    assert not any("bob@" in one or "hunter2" in one for one in messages(organisation))
    entries = {entry.message: entry for entry in LogEntry.objects.all()}
    assert entries["clean"].size_bytes == len(line("clean"))
    assert [row.entries for row in Erased.objects.filter(entries=0)] == [0, 0, 0]
    assert Minute.objects.filter(environment__contains="@").count() == 0
    assert "bob@" not in dead_letters.readable(bytes(DeadLetter.objects.get().payload))
    assert verify() == []
    output = StringIO()
    call_command("scrub", "--stored", "--json", stdout=output)
    assert json.loads(output.getvalue())["entries"] == 0, "scrubbing what is scrubbed changes nothing"
    dead_letters.replay([DeadLetter.objects.get().pk])
    drain()
    assert verify() == []


class _Clock:
    """A clock that moves on whenever somebody looks, so that there is time for a little only."""

    def __init__(self) -> None:
        self._now = 0.0

    def monotonic(self) -> float:
        self._now += BUDGET * 0.4
        return self._now


def test_page_shows_how_much_it_is_before_anything_goes(caller: Caller, organisation: Organisation, ada: User) -> None:
    Policy.objects.create(organisation=organisation, erasing_needs_two=True)
    spool_raw(caller, of(PERSON), of(OTHER))
    drain()
    first, second = Client(), Client()
    first.force_login(ada)
    second.force_login(User.objects.create_superuser("bea", password="x"))
    add = "/admin/operations/erasure/add/"
    assert b"Erase" in first.get(f"/admin/accounts/organisation/{organisation.pk}/change/").content
    form = {"organisation": organisation.pk, "kind": "query", "wanted": f"userId:{PERSON}", "reference": "DPR-2"}
    assert first.get(f"{add}?organisation={organisation.pk}").status_code == 200
    assert "character" in first.post(add, form | {"wanted": "a AND"}).content.decode()
    assert "must not hold" in first.post(add, form | {"reference": PERSON}).content.decode()
    looked = first.post(add, form).content.decode()
    assert '<td class="number">1</td>' in looked
    assert Erasure.objects.count() == 0
    asked = first.post(add, form | {"_erase": "1"}, follow=True)
    assert "somebody else" in asked.content.decode()
    erasure = Erasure.objects.get()
    page = f"/admin/operations/erasure/{erasure.pk}/"
    first.post(f"{page}confirm/")
    assert Erasure.objects.get().status == "asked"
    assert PERSON in second.get(f"{page}confirm/").content.decode()
    assert b"Confirm" in second.get(f"{page}change/").content
    second.post(f"{page}confirm/")
    assert go_on(erasure).status == "done"
    done = second.get(f"{page}change/").content.decode()
    assert "Backups" in done
    assert PERSON not in done
    assert second.get("/admin/operations/erasure/").status_code == 200
    staff = Client()
    staff.force_login(User.objects.create_user("eve", is_staff=True))
    assert {staff.get(one).status_code for one in (add, page + "change/", page + "confirm/")} == {403}
