"""Daily partitions: made ahead without gaps, dropped whole, and never in anybody's way."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import psycopg
import pytest
from django.core.management import call_command
from django.db import OperationalError, connection, transaction
from django.test.utils import CaptureQueriesContext

from foundation.postgres import current_day, current_time, execute
from storage.batch import Batch
from storage.errors import Refused
from storage.models import LogEntry
from storage.postgres import partitions, writer
from storage.store import DAYS_AHEAD
from tests.contract.batches import batch_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def old_days() -> Iterator[set[date]]:
    days = {date(2020, 2, 28), date(2020, 2, 29), date(2020, 3, 1)}
    yield days
    partitions.drop_before(date(2021, 1, 1))


def test_migrated_and_made_database_has_a_week_ahead() -> None:
    partitions.make_ahead()  # as is done each day
    assert partitions.days_ahead() == DAYS_AHEAD


def test_making_twice_makes_nothing_more() -> None:
    partitions.make_ahead()
    assert partitions.make_ahead() == []


def test_gap_ends_the_days_ahead() -> None:
    tomorrow = current_day() + timedelta(days=1)
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE {partitions.table_name(tomorrow)}")

    assert partitions.days_ahead() == 0


@pytest.mark.django_db(transaction=True)
def test_partition_has_the_indexes_of_its_parent(old_days: set[date]) -> None:
    partitions.make(old_days)

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_inherits WHERE inhrelid IN"
            " (SELECT indexrelid FROM pg_index WHERE indrelid = 'storage_entry_20200229'::regclass)"
        )
        assert cursor.fetchone() == (5,)


@pytest.mark.django_db(transaction=True)
def test_drop_takes_the_old_days_only(old_days: set[date]) -> None:
    partitions.make(old_days)

    dropped = partitions.drop_before(date(2020, 3, 1))

    assert dropped == [date(2020, 2, 28), date(2020, 2, 29)]
    assert date(2020, 3, 1) in {partition.day for partition in partitions.list_partitions()}


@pytest.mark.django_db(transaction=True)
def test_table_left_behind_by_an_interrupted_drop_is_dropped(old_days: set[date]) -> None:
    partitions.make(old_days)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE storage_entry DETACH PARTITION storage_entry_20200228 CONCURRENTLY")

    partitions.drop_detached(date(2020, 3, 1))

    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('storage_entry_20200228')")
        assert cursor.fetchone() == (None,)


@pytest.mark.django_db(transaction=True)
def test_drop_that_was_interrupted_holds_up_no_earlier_day(old_days: set[date]) -> None:
    partitions.make(old_days)
    with connected() as reader, connection.cursor() as cursor:
        reader.execute("SELECT count(*) FROM storage_entry")
        cursor.execute("SET lock_timeout = '10ms'")
        with pytest.raises(OperationalError, match="lock timeout"):
            cursor.execute("ALTER TABLE storage_entry DETACH PARTITION storage_entry_20200229 CONCURRENTLY")
        cursor.execute("RESET lock_timeout")

    partitions.drop_before(date(2020, 3, 1))

    assert not {date(2020, 2, 28), date(2020, 2, 29)} & {partition.day for partition in partitions.list_partitions()}


def connected() -> psycopg.Connection:
    """Return a session of its own."""
    parameters = connection.get_connection_params()
    return psycopg.connect(**{name: parameters[name] for name in ("dbname", "user", "password", "host", "port")})


@pytest.mark.django_db(transaction=True)
def test_making_does_not_wait_for_a_long_reader(old_days: set[date]) -> None:
    with connected() as reader:
        reader.execute("SELECT count(*) FROM storage_entry")

        assert partitions.make(old_days) == sorted(old_days)


def entry_of_today() -> Batch:
    return batch_of({}, organisation_id=1, received_at=current_time())


def test_day_is_looked_for_once() -> None:
    partitions._found.clear()
    looks = []
    for _ in range(2):
        with CaptureQueriesContext(connection) as captured:
            writer.write([entry_of_today(), entry_of_today()])
        looks.append(sum("pg_inherits" in query["sql"] for query in captured))
    assert looks == [1, 0]


def test_day_that_was_taken_away_is_made_again() -> None:
    writer.write([entry_of_today()])
    execute(f"DROP TABLE {partitions.table_name(current_day())}")

    with pytest.raises(Refused), transaction.atomic():
        writer.write([entry_of_today()])
    writer.write([entry_of_today()])

    assert LogEntry.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_old_day_is_looked_for_each_time() -> None:
    received_at = datetime(2020, 2, 29, tzinfo=UTC)
    for _ in range(2):
        writer.write([batch_of({}, organisation_id=1, received_at=received_at)])
        partitions.drop_before(date(2021, 1, 1))


def test_command_shows_the_days(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("partitions", make=True)

    shown = capsys.readouterr().out
    assert str(current_day()) in shown
    assert "7 days ahead" in shown
