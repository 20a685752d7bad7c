"""The same entries in ClickHouse, out of the wheel: asked beside PostgreSQL, in the same run."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

from django.test import override_settings

from embedded.clickhouse import EmbeddedClickHouse
from explore import aggregates
from explore.dashboards import overview, sparing
from storage.clickhouse.address import address_of
from storage.clickhouse.server import Server
from storage.postgres.writer import COLUMNS
from storage.store import store
from tests.benchmarks.search_entries import Order, lines

#: An insert makes a part a day.
CHUNK_LINES = 100_000
INSERT = f"INSERT INTO entry ({', '.join(COLUMNS)}) FORMAT TabSeparated"
#: Lines as PostgreSQL copies them: times with a zone, levels as numbers.
READ_SO = {"date_time_input_format": "best_effort", "input_format_tsv_enum_as_number": 1}
INSERT_SECONDS = 60.0


@contextmanager
def running(folder: Path) -> Iterator[EmbeddedClickHouse]:
    """Run a server with its data below `folder`."""
    server = EmbeddedClickHouse(folder)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def asked(server: EmbeddedClickHouse) -> Iterator[None]:
    """Have the whole product ask ClickHouse meanwhile; neither store's answers are taken for the other's."""
    _forget()
    with override_settings(STORE_URL=server.url, STORE_READ_URL=server.read_url):
        yield
    _forget()


def fill(server: EmbeddedClickHouse, entries: int, *, order: Order) -> None:
    """Make the table and load `entries`, unless that has been done here."""
    with asked(server):
        store().migrate()
    writer = Server(address_of(server.url, name="STORE_URL"))
    if writer.rows("SELECT count() FROM entry") != [(0,)]:
        return
    source = lines(entries, order=order)
    while chunk := list(islice(source, CHUNK_LINES)):
        writer.insert(INSERT, ("\n".join(chunk) + "\n").encode(), {}, settings=READ_SO, seconds=INSERT_SECONDS)
    writer.close()


def size(server: EmbeddedClickHouse) -> str:
    """Say what the entries take there."""
    with asked(server):
        taken = sum(day.size_bytes for day in store().days.stored())
    return f"\nIn ClickHouse all of it: {taken // 10**6:,} MB."


def _forget() -> None:
    aggregates.forget_answers()
    overview.forget()
    sparing.forget()
