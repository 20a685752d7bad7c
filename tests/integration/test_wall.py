"""The second wall: with the application's own filter taken away, nobody sees a stranger's row all the same."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from typing import Any
from urllib.parse import parse_qsl

import pytest
from django.core.cache import cache
from django.db import ProgrammingError, connection, connections, transaction
from django.test import Client

from accounts.models import User
from explore.follow import follow
from explore.query import parse
from foundation.postgres import current_day, fetch_all
from operations.doctor.finding import Finding
from operations.doctor.postgresql import examine
from quotas.models import Plan
from quotas.plans import subscribe
from storage import arrivals, wall
from storage.models import LogEntry, Receipt
from storage.postgres import aggregate, finding, newest, ordered, partitions, reads, rolled, search
from storage.postgres.predicate import Predicate
from storage.postgres.reads import reading
from storage.store import store
from storage.wall import ALIAS, State
from tests.entries import line, store_batch
from tests.organisations import make_api_key, make_organisation

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "reads"])

MARKER = b"strangersmarker"
TRACE = "7f3b"
#: Every address that reads logs; each way of asking them meets rows of both organisations.
ADDRESSES = [
    "logs",
    "logs/histogram",
    "logs/fields",
    "logs/values?field=message",
    "logs/aggregate?by=message",
    "logs/patterns",
    "logs/patterns?since=2026-01-01T00:00:00Z",
    "logs/export",
    f"traces/{TRACE}",
    "logs/{own}",
    "logs/{own}/context",
]
#: So many of them search.
SEARCHES = 8
TABLES = ["storage_entry", "storage_logentry", "partition", "storage_receipt", "storage_minute", "storage_event_minute"]
TABLES += ["storage_rollup_day", "ingest_spooledbatch", "ingest_deadletter", "accounts_apikey"]
FOREIGN = ["logs/{foreign}", "logs/{foreign}/context"]
QUERIES = ["", "level:info", "strangersmarker", "userId:7", f"trace:{TRACE}"]
Ask = Callable[[str, str], tuple[int, bytes]]


class Neighbours:
    """Two organisations in one store; the second one's entry bears the marker."""

    def __init__(self) -> None:
        self.acme, self.rival = make_organisation("acme"), make_organisation("rival")
        subscribe(self.acme, Plan.objects.get(slug="scale"))
        self.key = make_api_key(self.acme)[1]
        own = store_batch(self.acme, [line("ours", trace_id=TRACE, metadata={"userId": 7})])
        metadata = {"userId": 7, "strangersmarker": "strangersmarker"}
        theirs = line("theirs strangersmarker", level="fatal", trace_id=TRACE, metadata=metadata)
        foreign = store_batch(self.rival, [theirs] * 2)
        self.ids = {"own": own * 1024, "foreign": foreign * 1024}

    def by_key(self, address: str, query: str = "") -> tuple[int, bytes]:
        return _body(
            Client(headers={"x-api-key": self.key}), f"/v1/{address.format(**self.ids)}", _given(address, query)
        )

    def by_explorer(self, address: str, query: str = "") -> tuple[int, bytes]:
        client = Client()
        client.force_login(User.objects.get_or_create(username="root", is_staff=True, is_superuser=True)[0])
        path = {"logs": "search"}.get(address, address.removeprefix("logs/"))
        path = f"entries/{path}" if "{" in path else path
        given = {"organisation": "acme", **_given(address, query)}
        return _body(client, f"/admin/explore/explorer/{path.format(**self.ids)}", given)


def _given(address: str, query: str) -> dict[str, str]:
    asked = dict(parse_qsl(address.partition("?")[2]))
    return asked | ({"query": query} if address in ADDRESSES[:SEARCHES] else {})


def _body(client: Client, path: str, given: dict[str, str]) -> tuple[int, bytes]:
    answer: Any = client.get(path.partition("?")[0], given)
    body = b"".join(answer.streaming_content) if answer.streaming else answer.content
    return answer.status_code, body


@pytest.fixture
def neighbours() -> Iterator[Neighbours]:
    cache.clear()
    yield Neighbours()
    LogEntry.objects.all().delete()
    Receipt.objects.all().delete()


@pytest.fixture
def filterless(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the application's filter by organisation out of every query on logs."""
    for module in (finding, search, rolled):
        monkeypatch.setattr(module, "of_organisation", lambda _: Predicate("TRUE"))
    unwalled = arrivals.ARRIVALS.replace("AND organisation_id = ANY(%(organisations)s::bigint[])", "")
    batch = search.BATCH.replace("organisation_id = %s", "%s::bigint IS NOT NULL")
    assert "%(organisations)" not in unwalled
    assert "organisation_id =" not in batch
    monkeypatch.setattr(arrivals, "ARRIVALS", unwalled)
    monkeypatch.setattr(search, "BATCH", batch)


@pytest.fixture
def wall_down(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read what the views read, as the owner."""
    [(view,)] = fetch_all("SELECT pg_get_viewdef(%s::regclass)", [wall.ENTRIES])
    entries = f"({view.rpartition('WHERE')[0]}) AS everything"
    for module in (search, ordered, aggregate, newest):
        monkeypatch.setattr(module, "ENTRIES", entries)
    told = rolled.TOLD.replace(wall.ROLLED_DAYS, "storage_rollup_day")
    monkeypatch.setattr(rolled, "TOLD", told.replace(wall.EVENT_MINUTES, "storage_event_minute"))
    monkeypatch.setattr(arrivals, "ARRIVALS", arrivals.ARRIVALS.replace(wall.RECEIPTS, "storage_receipt"))
    monkeypatch.setattr(search, "BATCH", search.BATCH.replace(wall.ENTRIES, entries))
    monkeypatch.setattr(reads, "TAKE_PLACE", "SELECT pg_try_advisory_xact_lock(%s, %s), %s")
    monkeypatch.setattr(wall, "GO_BEHIND", "%s")


def shows_a_stranger(ask: Ask, address: str, query: str) -> bool:
    status, body = ask(address, query)
    assert status in (200, 404)
    return MARKER in body or (b'"totals"' in body and b'"fatal":0' not in body.rpartition(b'"totals"')[2])


@pytest.mark.parametrize("query", QUERIES)
def test_without_the_filter_no_stranger_is_seen(filterless: None, neighbours: Neighbours, query: str) -> None:
    for ask in (neighbours.by_key, neighbours.by_explorer):
        for address in ADDRESSES if query == "" else ADDRESSES[:SEARCHES]:
            assert ask(address, query)[0] == 200
            assert not shows_a_stranger(ask, address, query), address


def test_without_the_filter_a_stranger_s_entry_is_not_found(filterless: None, neighbours: Neighbours) -> None:
    for ask in (neighbours.by_key, neighbours.by_explorer):
        for address in FOREIGN:
            assert ask(address, "")[0] == 404


def test_without_filter_and_wall_strangers_are_seen_everywhere(
    filterless: None, wall_down: None, neighbours: Neighbours
) -> None:
    """Else the tests above would prove nothing."""
    for ask in (neighbours.by_key, neighbours.by_explorer):
        # Fields of one's own context: the project is the same, so strangers are neighbours there, too.
        for address in (*[one for one in ADDRESSES if one != "logs/{own}"], *FOREIGN):
            assert shows_a_stranger(ask, address, ""), address


@pytest.mark.parametrize("query", QUERIES)
def test_with_the_wall_down_the_filter_shows_no_stranger(wall_down: None, neighbours: Neighbours, query: str) -> None:
    """The first wall by itself: while both stand, nobody would see that it is gone."""
    for ask in (neighbours.by_key, neighbours.by_explorer):
        for address in (*ADDRESSES, *FOREIGN) if query == "" else ADDRESSES[:SEARCHES]:
            assert not shows_a_stranger(ask, address, query), address


def test_wall_alone_costs_nothing_of_one_s_own(neighbours: Neighbours) -> None:
    for address in ADDRESSES[3:]:
        assert b"ours" in neighbours.by_key(address)[1], address


def heard(neighbours: Neighbours) -> list[str]:
    """What `follow` yields of two entries that are stored while it listens: the stranger's, then one's own."""
    following = follow(neighbours.acme.pk, parse(""), poll_seconds=0.05)
    has_heard = threading.Event()

    def store() -> None:
        while not has_heard.wait(0.2):  # again, until it listens
            with transaction.atomic():
                store_batch(neighbours.rival, [line("theirs")])
                store_batch(neighbours.acme, [line("own")])
        connection.close()

    storing = threading.Thread(target=store)
    storing.start()
    try:
        return [entry.message for entry in islice(following, 1)]
    finally:
        has_heard.set()
        storing.join()
        connections[ALIAS].close()


def test_without_the_filter_a_tail_hears_no_stranger(filterless: None, neighbours: Neighbours) -> None:
    assert heard(neighbours) == ["own"]


def test_with_the_wall_down_a_tail_hears_no_stranger(wall_down: None, neighbours: Neighbours) -> None:
    assert heard(neighbours) == ["own"]


def test_without_filter_and_wall_a_tail_hears_strangers(
    filterless: None, wall_down: None, neighbours: Neighbours
) -> None:
    assert heard(neighbours) == ["theirs"]


def test_tail_cannot_read_entries_of_a_batch_under_another_s_name(filterless: None, neighbours: Neighbours) -> None:
    all_found: list[arrivals.Arrival] = []
    window: arrivals.Window | None = arrivals.Window(seen="1:1:", until=arrivals.snapshot())
    while window:
        found, window = arrivals.of(window, organisations=[neighbours.rival.pk])
        all_found += found
    [arrival] = all_found
    stolen = replace(arrival, organisation_id=neighbours.acme.pk)
    assert len(store().reader.batch(arrival)) == 2
    assert store().reader.batch(stolen) == []


def rows_read(organisation_id: int, sql: str) -> list[tuple[Any, ...]]:
    with reading(organisation_id) as reader:
        return reader.rows(sql)


@pytest.mark.parametrize("table", TABLES)
def test_readers_may_not_name_a_table(neighbours: Neighbours, table: str) -> None:
    name = partitions.table_name(current_day()) if table == "partition" else table
    with pytest.raises(ProgrammingError, match="permission denied"):
        rows_read(neighbours.acme.pk, f"SELECT count(*) FROM {name}")


def test_without_a_named_organisation_there_are_no_rows(neighbours: Neighbours) -> None:
    for view in wall.VIEWS:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT count(*) FROM {view}")
            assert cursor.fetchone() == (0,)


def test_connection_comes_back_from_behind_the_wall(neighbours: Neighbours) -> None:
    before = rows_of("SELECT current_user, current_setting('luminalog.organisations', true)")
    assert rows_read(neighbours.acme.pk, "SELECT current_user") == [(wall.ROLE,)]
    with pytest.raises(ProgrammingError):
        rows_read(neighbours.acme.pk, "SELECT no_such_column")
    assert [row[0] for row in rows_of("SELECT current_user")] == [before[0][0]]
    assert rows_of("SELECT coalesce(current_setting('luminalog.organisations', true), '')") == [("",)]
    with transaction.atomic(using=ALIAS):  # a test, or a caller, with a transaction of its own
        rows_read(neighbours.acme.pk, "SELECT 1")
        assert rows_of("SELECT current_user") == [before[0][:1]]


def rows_of(sql: str) -> list[tuple[Any, ...]]:
    with connections[ALIAS].cursor() as cursor:
        cursor.execute(sql)
        return list(cursor.fetchall())


def test_whoever_else_may_read_the_table_meets_its_policy(neighbours: Neighbours) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("CREATE ROLE wall_analyst; GRANT USAGE ON SCHEMA public TO wall_analyst")
        cursor.execute("GRANT SELECT ON storage_entry TO wall_analyst")
        cursor.execute("SET LOCAL ROLE wall_analyst")
        cursor.execute("SELECT count(*) FROM storage_entry")
        assert cursor.fetchone() == (0,)
        cursor.execute("SELECT set_config('luminalog.organisations', %s, true)", [str(neighbours.rival.pk)])
        cursor.execute("SELECT count(*), min(organisation_id) FROM storage_entry")
        assert cursor.fetchone() == (2, neighbours.rival.pk)
        transaction.set_rollback(True)


def row_security_finding() -> Finding:
    return next(finding for finding in examine() if finding.subject == "row security")


def test_state_tells_how_much_of_the_wall_stands(neighbours: Neighbours) -> None:
    assert wall.state() is State.STANDS
    assert row_security_finding().level == "ok"
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("GRANT SELECT ON storage_receipt TO luminalog_reader")
        assert wall.state() is State.ROLE_MAY_TOO_MUCH
        assert row_security_finding().level == "warning"
        transaction.set_rollback(True)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("REVOKE SELECT ON storage_shown_entry FROM luminalog_reader")
        assert wall.state() is State.NO_ROLE
        assert row_security_finding().level == "warning"
        transaction.set_rollback(True)


def test_without_the_role_the_views_filter_still(
    filterless: None, monkeypatch: pytest.MonkeyPatch, neighbours: Neighbours
) -> None:
    with connection.cursor() as cursor:
        cursor.execute("REVOKE SELECT ON storage_shown_entry FROM luminalog_reader")
    try:
        assert rows_read(neighbours.acme.pk, "SELECT current_user") != [(wall.ROLE,)]
        assert not shows_a_stranger(neighbours.by_key, "logs", "")
        assert b"ours" in neighbours.by_key("logs")[1]
    finally:
        with connection.cursor() as cursor:
            cursor.execute("GRANT SELECT ON storage_shown_entry TO luminalog_reader")
