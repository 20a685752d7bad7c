"""Daily partitions: made ahead without gaps, dropped whole, and never in anybody's way."""

from collections.abc import Iterator
from datetime import date, timedelta

import psycopg
import pytest
from django.core.management import call_command
from django.db import connection

from foundation.postgres import current_day
from storage.postgres import partitions
from storage.store import DAYS_AHEAD

pytestmark = pytest.mark.django_db


@pytest.fixture
def old_days() -> Iterator[set[date]]:
    days = {date(2020, 2, 28), date(2020, 2, 29), date(2020, 3, 1)}
    yield days
    partitions.drop_before(date(2021, 1, 1))


def test_migrated_and_made_database_has_a_week_ahead() -> None:
    assert partitions.days_ahead() == DAYS_AHEAD


def test_making_twice_makes_nothing_more() -> None:
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
            " (SELECT indexrelid FROM pg_index WHERE indrelid = 'storage_logentry_20200229'::regclass)"
        )
        assert cursor.fetchone() == (4,)


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
        cursor.execute("ALTER TABLE storage_logentry DETACH PARTITION storage_logentry_20200228 CONCURRENTLY")

    partitions.drop_detached(date(2020, 3, 1))

    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('storage_logentry_20200228')")
        assert cursor.fetchone() == (None,)


@pytest.mark.django_db(transaction=True)
def test_making_does_not_wait_for_a_long_reader(old_days: set[date]) -> None:
    parameters = connection.get_connection_params()
    address = {name: parameters[name] for name in ("dbname", "user", "password", "host", "port")}
    with psycopg.connect(**address) as reader:
        reader.execute("SELECT count(*) FROM storage_logentry")

        assert partitions.make(old_days) == sorted(old_days)


def test_command_shows_the_days(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("partitions", make=True)

    shown = capsys.readouterr().out
    assert str(current_day()) in shown
    assert "7 days ahead" in shown
