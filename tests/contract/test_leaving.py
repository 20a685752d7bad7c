"""While ClickHouse is backed up nothing is deleted there, and whoever backs up waits for those who delete."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TypeVar

import pytest
from django.db import connection, connections

from accounts.caller import Caller
from explore.query import parse
from ingest.spool.drain import drain
from issues.erasing import take_back
from operations.backups import back_up
from operations.verification import verify
from storage import erasing, leaving
from storage import store as door
from storage.clickhouse.keeper import Keeper
from storage.errors import Unavailable
from storage.models import Leaving, Receipt
from storage.store import BackupFailed, Store
from storage.tasks import retention
from tests.clickhouse.server import ForTests
from tests.contract.test_drain import at_once
from tests.errors import send
from tests.past import move_back

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "reads"])

Answer = TypeVar("Answer")
MESSAGES = "SELECT message FROM entry ORDER BY message"


def elsewhere(do: Callable[[], Answer]) -> Answer:
    """Do something in a session of its own."""

    def done() -> Answer:
        try:
            return do()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(done).result()


def erase_bob(caller: Caller) -> None:
    owner, query = caller.organisation_id, parse("bob")
    places = door.store().eraser.holding(owner, query, day=Receipt.objects.latest("received_at").received_at.date())
    erasing.erase(owner, places, query, fits=lambda _: True, uncount=take_back, note=lambda _: None)


def test_nothing_leaves_while_a_backup_is_taken(
    caller: Caller, in_clickhouse: Store, clickhouse: ForTests, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Keeper, "fill_seconds", 0.0)
    send(caller, {"message": "old"})
    move_back(timedelta(days=400))
    send(caller, {"message": "bob"}, {"message": "stays"})
    assert drain() == 2
    with leaving.nothing_leaves():
        elsewhere(retention)
        with pytest.raises(Unavailable):
            elsewhere(lambda: erase_bob(caller))
        assert clickhouse.as_writer.rows(MESSAGES) == [("bob",), ("old",), ("stays",)]
        assert not Leaving.objects.exists()
    retention()
    erase_bob(caller)
    assert clickhouse.as_writer.rows(MESSAGES) == [("stays",)]
    assert verify(wait=at_once) == []


def test_who_backs_up_waits_for_those_who_delete(in_clickhouse: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leaving, "TRIES", 1)
    with leaving.may_leave(), pytest.raises(Unavailable):
        elsewhere(_back_up)
    elsewhere(_back_up)


def _back_up() -> None:
    with leaving.nothing_leaves():
        pass


def test_session_that_ended_meanwhile_is_told(in_clickhouse: Store) -> None:
    """Its lock has ended with it."""
    closed = leaving.nothing_leaves()
    closed.__enter__()
    connection.close()
    with pytest.raises(BackupFailed, match="ended our session"):
        closed.__exit__(None, None, None)


@pytest.mark.parametrize("place", ["monday", "File('a') SETTINGS x = 1", "File('a\\'')", "TABLE('x')", "File()"])
def test_place_says_nothing_but_where(in_clickhouse: Store, place: str) -> None:
    backup = in_clickhouse.backup
    assert backup
    with pytest.raises(BackupFailed, match="is no place"):
        backup.back_up(place)


def test_what_clickhouse_says_of_a_backup_is_told(in_clickhouse: Store) -> None:
    backup = in_clickhouse.backup
    assert backup
    with pytest.raises(BackupFailed, match="not found"):
        backup.restore("File('nothing')")


def test_entries_of_postgresql_need_no_place(transactional_db: None, tmp_path: object) -> None:
    with pytest.raises(BackupFailed, match="in PostgreSQL"):
        back_up(tmp_path / "file", store_to="File('a')")  # type: ignore[operator]
