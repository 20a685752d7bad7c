"""An organisation that has gone: everything of it goes, in every store, but for what proves that nothing else did."""

import json
import re
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry as RecentAction
from django.core.management import CommandError, call_command
from django.db import connection, connections
from django.db.models import F
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts import life, looks
from accounts.caller import Caller
from accounts.models import AccessRecord, Organisation, User
from alerts.models import Rule
from archive import writing
from assist import forgetting, recording_work
from assist.models import Recording
from explore.models import Dashboard, SavedSearch
from foundation import holdings
from foundation.alone import alone
from foundation.postgres import current_time, execute, fetch_all
from ingest.models import DeadLetter, DrainClaim, SpooledBatch
from ingest.spool.drain import drain
from issues import resolving
from issues.models import Group
from notify import outbox
from notify.message import Message
from notify.models import NoticeChannel, NoticeDelivery
from operations.erasures import life as erasures
from operations.erasures import work
from operations.erasures.doing import Ending
from operations.models import Erasure
from operations.verification import verify
from privacy.models import Policy
from quotas.models import MonthlyUsage, Quota
from storage import retention
from storage.conditions import EVERYTHING
from storage.models import ArchivedDay, Minute, Receipt
from storage.search import FIRST_MOMENT, LAST_MOMENT, Search
from storage.store import Store
from tests.alerts import make_rule
from tests.errors import failure, send
from tests.organisations import make_caller
from tests.past import move_back

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "reads"])

BUDGET = 60.0
ALL = Erasure.Kind.ALL
#: What stays of an organisation that has gone: numbers by which all else is proven, settings, and who did what.
KEPT = {
    "accounts_apikey", "accounts_project", "edges_edge_organisations", "explore_accessrecord", "privacy_policy",
    "operations_erasure",
    # what was charged and lent, and of what it was
    "quotas_quota", "quotas_monthlyusage", "quotas_hourlyusage", "quotas_loan", "quotas_borrowed", "storage_receipt",
    "storage_erased", "storage_retention", "storage_rollup_day", "storage_loaded_part",
    # by age, too: errors of what retention has dropped are proven by it
    "issues_minute",
    # by age, as ever
    "ingest_idempotencykey",
    # since when nothing of it is explained: what was read before is not kept
    "assist_forgotten",
}  # fmt: skip
#: What goes with entries and batches, as with any that are erased.
GOES_WITH_ENTRIES = {
    "ingest_deadletter", "ingest_spooledbatch", "storage_entry", "storage_logentry",
    "storage_leaving", "storage_minute", "storage_event_minute",
}  # fmt: skip
DELETED = re.compile(r'\bDELETE FROM "?(\w+)')
TABLES = """
SELECT DISTINCT relname FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid
 WHERE relkind IN ('r', 'p') AND NOT relispartition AND relnamespace = 'public'::regnamespace
   AND attname = 'organisation_id' AND NOT attisdropped ORDER BY 1
"""


@pytest.fixture(autouse=True)
def _nothing_is_left() -> Iterator[None]:
    yield
    DrainClaim.objects.all().delete()
    resolving.forget()


@pytest.fixture
def organisation(caller: Caller) -> Organisation:
    return Organisation.objects.get(pk=caller.organisation_id)


def end(organisation: Organisation, *, early: bool = False, **fields: Any) -> Erasure:
    """Ask for everything of an organisation to go, a minute ago unless it is early, and work on it once."""
    erasure = erasures.ask(organisation, kind=ALL, by=looks.at_the_server(), **fields)
    if not early:
        Erasure.objects.filter(pk=erasure.pk).update(asked_at=erasure.asked_at - Ending.begins_after)
    return go_on(erasure)


def go_on(erasure: Erasure) -> Erasure:
    work.work(budget_seconds=BUDGET)
    erasure.refresh_from_db()
    return erasure


def messages(store: Store, caller: Caller) -> list[str]:
    everything = Search(caller.organisation_id, EVERYTHING, FIRST_MOMENT, LAST_MOMENT)
    return sorted(entry.message for entry in store.reader.page(everything, limit=100))


def bury(caller: Caller, payload: bytes | None = None) -> None:
    """Have the last batch of the spool be a dead letter, of bytes that nobody can read if some are given."""
    spooled = SpooledBatch.objects.filter(organisation_id=caller.organisation_id).latest("batch_id")
    head = {name: getattr(spooled, name) for name in ("batch_id", "organisation_id", "api_key_id", "project",
            "environment", "received_at", "period", "entries", "size_bytes")}  # fmt: skip
    content = payload or bytes(spooled.payload)
    spooled.delete()
    DeadLetter.objects.create(**head, payload=content, reason="refused")


def fill(caller: Caller) -> None:
    """Have an organisation own something in every room."""
    own = {"organisation_id": caller.organisation_id}
    ada = User.objects.get_or_create(username="ada")[0]
    for payload in (None, b"no batch"):
        send(caller, {"message": "dead"})
        bury(caller, payload)
    send(caller, failure(metadata={"user_id": "bob", "release": "1.0"}), {"message": "hello", "metadata": {"a": 1}})
    drain()
    execute("UPDATE issues_turn SET at = at - interval '31 seconds' WHERE recorded_at IS NULL")
    recording_work.record(budget_seconds=BUDGET)
    send(caller, {"message": "waits"})
    make_rule(caller)
    search = SavedSearch.objects.create(owner=ada, name="bob", query="bob", **own)
    RecentAction.objects.log_actions(ada.pk, [search], 1)
    Dashboard.objects.create(owner=ada, title="bob", document={}, **own)
    NoticeChannel.objects.create(kind="email", address="bob@example.com", **own)
    outbox.put(caller.organisation_id, Message(kind="test", title="bob", occurred_at=current_time()), key="bob")
    AccessRecord.objects.create(
        user_id=ada.pk, username="ada", organisation="acme", action="search", query="bob", **own
    )
    Policy.objects.create(**own)


def owned(caller: Caller) -> dict[str, int]:
    """Count the rows of an organisation, by table."""
    counts = {}
    for (table,) in fetch_all(TABLES):
        [(rows,)] = fetch_all(f"SELECT count(*) FROM {table} WHERE organisation_id = %s", [caller.organisation_id])
        counts[table] = rows
    return {table: rows for table, rows in counts.items() if rows}


def test_everything_goes_and_all_is_provable(store: Store, caller: Caller, organisation: Organisation) -> None:
    stranger = make_caller()
    for one in (stranger, caller):
        fill(one)
    drain()
    before, strangers = owned(caller), owned(stranger)
    assert {"alerts_rule", "assist_recording", "explore_dashboard", "issues_group", "ingest_deadletter",
            "notify_message", "quotas_noticechannel", "storage_minute"} <= before.keys()  # fmt: skip
    assert messages(store, caller) == ["hello", "no money", "waits"]
    send(caller, {"message": "on its way"})
    used = MonthlyUsage.objects.get(organisation_id=organisation.pk).used_bytes

    life.suspend(organisation.pk, reason="gone")
    erasure = end(organisation, reference="contract 7")
    assert (erasure.status, erasure.phase) == ("running", "spool")
    drain()
    assert go_on(erasure).status == "done"

    assert (erasure.entries, erasure.letters, erasure.unreadable) == (4, 2, 0)
    assert messages(store, caller) == []
    assert owned(caller).keys() <= KEPT
    assert owned(stranger) == strangers
    assert messages(store, stranger) == ["hello", "no money", "waits"]
    assert MonthlyUsage.objects.get(organisation_id=organisation.pk).used_bytes == used
    assert Receipt.objects.filter(organisation_id=caller.organisation_id).exists()
    assert set(AccessRecord.objects.values_list("organisation_id", "query")) == {
        (stranger.organisation_id, "bob"), (caller.organisation_id, ""),
    }  # fmt: skip
    assert sorted(RecentAction.objects.values_list("object_repr", flat=True)) == ["[erased]", "bob"]
    assert NoticeDelivery.objects.count() == 1
    assert erasure.elsewhere["error groups"] > 0
    assert verify() == []
    assert end(organisation).entries == 0  # a second time, nothing is there


def test_each_table_of_an_organisation_stays_or_goes(organisation: Organisation) -> None:
    """Whoever adds a table says what becomes of it: `Belongings` in the room's `held.py`, or `KEPT` here."""
    with CaptureQueriesContext(connection) as queries:
        for one in holdings.belongings():
            one.forget(organisation.pk)
    deleted = {table for query in queries for table in DELETED.findall(query["sql"])}
    tables = {table for (table,) in fetch_all(TABLES)}
    archived = {"storage_archived_day", "storage_archived_part"}  # none is set up here
    assert tables - KEPT - GOES_WITH_ENTRIES - archived <= deleted
    assert not deleted & KEPT


def test_whoever_comes_back_begins_anew(in_memory: Store, caller: Caller, organisation: Organisation) -> None:
    fill(caller)
    drain()
    life.suspend(organisation.pk, reason="gone")
    assert end(organisation).status == "done"
    life.resume(organisation.pk)
    send(caller, failure(), {"message": "back"})
    drain()
    assert messages(in_memory, caller) == ["back", "no money"]
    assert Group.objects.get(organisation_id=organisation.pk).number == 1
    assert Minute.objects.filter(organisation_id=organisation.pk).exists()
    assert make_rule(caller).pk
    assert verify() == []


def test_what_is_left_of_before_is_a_breach(in_memory: Store, caller: Caller, organisation: Organisation) -> None:
    send(caller, {"message": "hello"})
    drain()
    life.suspend(organisation.pk, reason="gone")
    erasure = end(organisation)
    send(caller, {"message": "from an edge, later"})
    drain()
    assert verify() == []
    Erasure.objects.filter(pk=erasure.pk).update(began_at=current_time())
    assert [(one.check, one.found) for one in verify()] == [("gone", "1 entries")]


def test_errors_of_days_that_retention_dropped_stay_proven(
    store: Store, caller: Caller, organisation: Organisation
) -> None:
    send(caller, failure())
    send(make_caller(), {"message": "a stranger's, for whom the day is kept"})
    move_back(timedelta(days=3))
    drain()
    Quota.objects.filter(organisation=organisation).update(retention_days=1)
    send(caller, failure())
    drain()
    retention.drop_expired()
    retention.delete_expired()
    life.suspend(organisation.pk, reason="gone")
    assert end(organisation).entries == 1
    assert verify() == []


def test_it_begins_once_nobody_sends_any_more(in_memory: Store, caller: Caller, organisation: Organisation) -> None:
    send(caller, {"message": "hello"})
    drain()
    with pytest.raises(erasures.NotSuspended):
        end(organisation)
    life.suspend(organisation.pk, reason="gone")
    erasure = end(organisation, early=True)
    assert (erasure.status, erasure.began_at) == ("running", None)
    Erasure.objects.update(asked_at=erasure.asked_at - Ending.begins_after)
    life.resume(organisation.pk)
    assert go_on(erasure).last_error == "NotSuspended"
    assert messages(in_memory, caller) == ["hello"]
    life.suspend(organisation.pk, reason="gone after all")
    assert go_on(erasure).status == "done"
    assert (messages(in_memory, caller), erasure.last_error) == ([], "")


@pytest.mark.parametrize("room", ["alerts", "error groups", "notices and channels"])
def test_whoever_dies_leaves_the_rest_to_the_next(
    in_memory: Store, caller: Caller, organisation: Organisation, room: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(caller)
    drain()
    life.suspend(organisation.pk, reason="gone")

    def dies(_organisation_id: int) -> int:
        raise KeyError(room)

    with monkeypatch.context() as patch:
        patch.setitem(holdings._belongings, room, holdings.Belongings(name=room, forget=dies))
        assert end(organisation).last_error == "KeyError"
    assert go_on(Erasure.objects.get()).status == "done"
    assert owned(caller).keys() <= KEPT
    assert verify() == []


def test_archives_go_unless_somebody_writes(
    in_memory: Store, caller: Caller, organisation: Organisation, settings: Any, tmp_path: Path
) -> None:
    settings.ARCHIVE_URL = f"file://{tmp_path}/archive"
    (tmp_path / "archive").mkdir()
    send(caller, {"message": "hello"})
    send(make_caller(), {"message": "a stranger's"})
    move_back(timedelta(days=3))
    while drain():
        pass
    assert writing.write(None, None) == 2
    assert len(list(tmp_path.rglob("manifest.json"))) == 2
    life.suspend(organisation.pk, reason="gone")

    def end_beside() -> Erasure:
        try:
            return end(organisation)
        finally:
            connections.close_all()

    with alone(writing.LOCK), ThreadPoolExecutor(1) as beside:
        erasure = beside.submit(end_beside).result()
    assert (erasure.status, erasure.last_error) == ("running", "ArchiveError")
    assert go_on(erasure).elsewhere["archived days"] == 1
    assert len(list(tmp_path.rglob("manifest.json"))) == ArchivedDay.objects.count() == 1
    assert writing.write(None, None) == 0  # nothing is left to be archived again


def told(*arguments: str) -> str:
    output = StringIO()
    call_command("erase", *arguments, stdout=output)
    return output.getvalue()


def test_command_counts_first_and_takes_everything_only_from_who_has_gone(
    in_memory: Store, caller: Caller, organisation: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Ending, "begins_after", timedelta())
    send(caller, {"message": "hello"})
    drain()
    own = f"--organisation={organisation.slug}"
    for wrong in (["--all"], [own], [own, "--all", "a"], [own, "--all", "--value"]):
        with pytest.raises(CommandError, match="Say whose and what"):
            told(*wrong)
    with pytest.raises(CommandError, match="Suspend the organisation first"):
        told(own, "--all", "--yes")
    life.suspend(organisation.pk, reason="gone")
    assert "Nothing was changed" in told(own, "--all")
    assert messages(in_memory, caller) == ["hello"]
    done: Mapping[str, Any] = json.loads(told(own, "--all", "--yes", "--json"))
    assert (done["kind"], done["status"], done["entries"], done["fingerprint"]) == ("all", "done", 1, "")


def test_page_wants_the_short_name_and_says_what_goes(
    in_memory: Store, caller: Caller, organisation: Organisation
) -> None:
    fill(caller)
    drain()
    Policy.objects.update(erasing_needs_two=True)
    first, second = Client(), Client()
    first.force_login(User.objects.create_superuser("bea", password="x"))
    second.force_login(User.objects.create_superuser("cyd", password="x"))
    add = "/admin/operations/erasure/add/"
    form = {"organisation": organisation.pk, "kind": "all", "wanted": organisation.slug}
    assert "Suspend the organisation first" in first.post(add, form).content.decode()
    life.suspend(organisation.pk, reason="gone")
    assert "write the organisation" in first.post(add, form | {"wanted": "another"}).content.decode()
    looked = first.post(add, form).content.decode()
    assert f"Everything of {organisation.name} is erased for ever" in looked
    assert "error groups" in looked
    assert not Erasure.objects.exists()
    assert "somebody else" in first.post(add, form | {"_erase": "1"}, follow=True).content.decode()
    erasure = Erasure.objects.get()
    assert erasure.wanted == ""
    page = f"/admin/operations/erasure/{erasure.pk}/"
    assert f"everything of {organisation.name}" in second.get(f"{page}confirm/").content.decode()
    second.post(f"{page}confirm/")
    assert "no key works" in second.get(f"{page}change/").content.decode()
    Erasure.objects.update(confirmed_at=F("confirmed_at") - Ending.begins_after)
    assert go_on(erasure).status == "done"
    assert " error groups, " in second.get(f"{page}change/").content.decode()
    assert not Rule.objects.exists()
    assert not Recording.objects.exists()
    assert forgetting.count(organisation.pk) == 0
