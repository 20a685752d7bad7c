"""The second wall in ClickHouse, with the limits of who reads; and what the doctor and a scrape say of the server."""

import re
from dataclasses import replace
from typing import Any

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError

from foundation.postgres import execute
from operations import metrics
from operations.doctor import log_store
from operations.doctor.finding import Severity
from storage import store as door
from storage.clickhouse import health, question
from storage.clickhouse.address import WALL_SETTING, address_of
from storage.clickhouse.errors import answering
from storage.clickhouse.server import Server
from storage.clickhouse.wall import state
from storage.errors import Unavailable
from storage.store import Store
from storage.wall import State
from tests.clickhouse.server import ForTests
from tests.contract.batches import batch_of, whole
from tests.processes import PROJECT

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "reads"])

COUNT = "SELECT count() FROM entry"


@pytest.fixture
def reader(clickhouse: ForTests) -> Server:
    return Server(address_of(clickhouse.read_url, name="STORE_READ_URL"))


@pytest.fixture
def neighbours(in_clickhouse: Store) -> tuple[int, int]:
    """Two organisations, each with an entry."""
    in_clickhouse.writer.write([batch_of({"message": f"of {owner}"}, organisation_id=owner) for owner in (71, 72)])
    return 71, 72


def test_reader_sees_nobody_s_entries_and_then_one_organisation_s(reader: Server, neighbours: tuple[int, int]) -> None:
    for said, seen in [({}, 0), ({"log_comment": ""}, 0), ({"log_comment": "x"}, 0), ({"log_comment": "72"}, 1)]:
        assert reader.rows(COUNT, settings=said) == [(seen,)]
    assert reader.rows("SELECT count() FROM entry WHERE organisation_id = 71", settings={"log_comment": "72"}) == [(0,)]


def test_query_that_forgets_its_organisation_finds_no_stranger_s(
    in_clickhouse: Store, neighbours: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(question, "OWN", "organisation_id <> {}")  # it even asks for strangers'
    for owner in neighbours:
        assert in_clickhouse.reader.page(whole(owner), limit=10) == []
    monkeypatch.setattr(question, "OWN", "1 OR organisation_id = {}")
    for owner in neighbours:
        assert [one.message for one in in_clickhouse.reader.page(whole(owner), limit=10)] == [f"of {owner}"]


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO entry (id) VALUES (1)",
        "ALTER TABLE entry DELETE WHERE 1",
        "DROP TABLE entry",
        "SELECT * FROM url('http://127.0.0.1:1/', 'CSV', 'a String')",
        "SELECT * FROM file('/etc/passwd', 'CSV', 'a String')",
        "SELECT * FROM remote('127.0.0.1', system.one)",
        "SELECT * FROM system.processes",
        "SELECT * FROM schema_migration",
        "SELECT 1 SETTINGS max_execution_time = 3600",
        "SELECT 1 SETTINGS max_execution_time = 0",
        "SELECT 1 SETTINGS max_memory_usage = 0",
        "SELECT 1 SETTINGS max_rows_to_read = 0",
        "CREATE TABLE other (a Int8) ENGINE = Memory",
        "SELECT * FROM system.users",
    ],
)
def test_reader_may_do_nothing_but_read_entries(in_clickhouse: Store, reader: Server, statement: str) -> None:
    with pytest.raises(DatabaseError) as refused:
        reader.run(statement)
    assert refused.value.code in {497, 452, 164, 1}, refused.value


def test_what_takes_too_long_is_told_as_that(in_clickhouse: Store, reader: Server) -> None:
    with pytest.raises(Unavailable) as raised, answering(71):
        reader.rows("SELECT sum(sleepEachRow(0.05)) FROM numbers(1000) SETTINGS max_block_size = 10", seconds=0.1)
    assert raised.value.code == "query_timeout"


def test_state_tells_how_much_of_the_wall_stands(
    in_clickhouse: Store, clickhouse: ForTests, neighbours: tuple[int, int], settings: Any
) -> None:
    execute("TRUNCATE storage_entry, storage_logentry")  # of other tests, in PostgreSQL, where nobody reads now
    assert in_clickhouse.reader.wall() is State.STANDS
    assert state(clickhouse.as_writer, None) is State.NO_ROLE
    assert state(clickhouse.as_writer, clickhouse.as_writer) is State.NO_ROLE
    assert {one.level for one in log_store.examine()} == {Severity.OK}
    settings.STORE_READ_URL = ""
    door._opened.cache_clear()
    assert [one.subject for one in log_store.examine() if one.level is Severity.WARNING] == ["row policy"]
    assert len(door.store().reader.page(whole(71), limit=10)) == 1  # the first wall is there
    door._opened.cache_clear()


def test_server_that_is_away_is_found_and_scraped_as_that(settings: Any, transactional_db: None) -> None:
    settings.STORE_URL = "clickhouse://a:secret@127.0.0.1:1/logs"
    [finding] = log_store.examine()
    assert finding.level is Severity.ERROR
    assert "secret" not in f"{finding}"
    assert "luminalog_store_up 0.0" in metrics.exposition().decode()


def test_scrape_tells_how_the_server_is(in_clickhouse: Store, neighbours: tuple[int, int]) -> None:
    scraped = metrics.exposition().decode()
    for line in ("store_up 1.0", "store_parts 1.0", "store_detached_parts 0.0", "wall_stands 1.0"):
        assert f"luminalog_{line}" in scraped


@pytest.mark.parametrize(
    ("wrong", "level", "words"),
    [
        ({}, None, ""),
        ({"is_readonly": True}, Severity.ERROR, "read-only"),
        ({"replica_delay_seconds": 61, "replication_queue": 7}, Severity.WARNING, "61 s behind, with 7 things"),
        ({"absent_replicas": 1}, Severity.WARNING, "1 of its replicas are away"),
    ],
)
def test_replica_that_is_late_or_away_is_found(
    in_clickhouse: Store, clickhouse: ForTests, wrong: dict[str, Any], level: Severity | None, words: str
) -> None:
    """No server of the wheel is a replica: it can only say that what is asked of one is there to be asked."""
    assert clickhouse.as_writer.rows(health.REPLICA, {"database": "luminalog"}) == []
    assert in_clickhouse.health
    found = list(log_store._replica(replace(in_clickhouse.health(), **wrong)))
    assert [one.level for one in found] == ([level] if level else [])
    assert words in "".join(one.what for one in found)


def test_shipped_sql_of_users_is_sql(in_clickhouse: Store, clickhouse: ForTests) -> None:
    """The server of the wheel has no users made by SQL; but it can read what makes them."""
    text = re.sub(r"^--.*$", "", (PROJECT / "deploy/clickhouse/users.sql").read_text(), flags=re.MULTILINE)
    statements = [one.strip() for one in text.split(";") if one.strip()]
    assert len(statements) > 10
    for statement in statements:
        [(read,)] = clickhouse.as_writer.rows("SELECT formatQuery({statement:String})", {"statement": statement})
        assert read
    assert WALL_SETTING in statements[-2]
