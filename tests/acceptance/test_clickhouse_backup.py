"""PostgreSQL and ClickHouse, backed up under load and restored elsewhere: one point, of which all is there once."""

import itertools
import json
import shutil
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from embedded.clickhouse import EmbeddedClickHouse
from embedded.postgres import EmbeddedPostgres
from storage.clickhouse.address import address_of
from storage.clickhouse.server import Server
from tests.acceptance.product import Product
from tests.acceptance.test_backup import published
from tests.processes import PROJECT
from tests.waiting import DEADLINE_SECONDS, wait_until

pytestmark = pytest.mark.acceptance

NOW = datetime.now(UTC).isoformat()
ENTRIES_A_BATCH = 5
HOLD_DRAINS = "SELECT pg_advisory_lock(hashtext('ingest.claims'))"
MESSAGES = "SELECT message, count() FROM entry GROUP BY message"


@dataclass
class Load:
    """A client that sends one batch after another: when each was begun, and when it was answered 200."""

    product: Product
    began: dict[int, float] = field(default_factory=dict)
    answered: dict[int, float] = field(default_factory=dict)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Send in the background."""
        ends = threading.Event()
        client = threading.Thread(target=self._send, args=(ends,))
        client.start()
        try:
            yield
        finally:
            ends.set()
            client.join()

    def wait_for_more(self) -> None:
        """Return when some batches more are answered."""
        goal = len(self.answered) + 20
        wait_until(lambda: len(self.answered) >= goal, what=self.product.output)

    def _send(self, ends: threading.Event) -> None:
        for number in itertools.count():
            if ends.wait(0.02):
                return
            self.began[number] = time.monotonic()
            logs = [
                {"timestamp": NOW, "level": "error", "message": f"{number}/{one}"} for one in range(ENTRIES_A_BATCH)
            ]
            if self.product.post({"logs": logs}).status_code == 200:
                self.answered[number] = time.monotonic()


@dataclass
class Point:
    """When a backup was begun, and when it was over."""

    file: Path
    place: str
    began: float
    ended: float


def back_up(product: Product, folder: Path, name: str, *options: str) -> Point:
    began, point = time.monotonic(), f"File('{name}')"
    product.manage("backup", str(folder / name), "--store-to", point, *options)
    return Point(folder / name, point, began, time.monotonic())


def test_both_stores_are_restored_to_one_point(tmp_path: Path) -> None:
    """Even where ClickHouse's backup is much later than PostgreSQL's, whose spool it has stored by then."""
    product = Product(tmp_path / "var", STORE_URL="clickhouse+embedded:///").start()
    try:
        load = Load(product)
        with load.running():
            load.wait_for_more()
            with psycopg.connect(product.database_url, autocommit=True) as other:
                other.execute(HOLD_DRAINS)
                load.wait_for_more()
                early = back_up(product, tmp_path, "early")
                waits = last_id(product)
            load.wait_for_more()
            wait_until(lambda: is_stored(product, waits), what=product.output)
            late = back_up(product, tmp_path, "late", "--store-since", early.place)
            load.wait_for_more()
        environment = product.environment | published(product)
        backups = product.data_dir / "clickhouse" / "backups"
        assert restored(load, early, late.place, environment, backups, tmp_path / "one") > 0
        restored(load, late, late.place, environment, backups, tmp_path / "other")
    finally:
        product.stop()


def last_id(product: Product) -> int:
    """Return the largest id of a batch until now."""
    [(found,)] = product.query("SELECT max(batch_id) FROM ingest_spooledbatch")
    return int(found)


def is_stored(product: Product, batch_id: int) -> bool:
    """Tell whether a batch has its receipt, and so its entries."""
    return product.query("SELECT 1 FROM storage_receipt WHERE batch_id = %s", batch_id) == [(1,)]


def restored(load: Load, point: Point, place: str, environment: dict[str, str], backups: Path, folder: Path) -> int:
    """Restore into new servers, and look at everything; return how many batches had to be taken out of ClickHouse."""
    shutil.copytree(backups, folder / "clickhouse" / "backups")
    postgres, clickhouse = EmbeddedPostgres(folder / "postgres"), EmbeddedClickHouse(folder / "clickhouse")
    with closing(_Started(postgres, clickhouse)):
        there = environment | {
            "DATABASE_URL": postgres.url,
            "STORE_URL": clickhouse.url,
            "STORE_READ_URL": clickhouse.read_url,
        }
        manage("restore", str(point.file), environment=there)
        manage("migrate", "--no-input", environment=there)
        taken_out = json.loads(manage("restore_store", place, "--json", environment=there))["taken_out"]
        manage("migrate_store", environment=there)
        manage("drain", environment=there)
        assert json.loads(manage("verify_ledger", "--json", environment=there))["clean"] is True
        found: dict[str, int] = dict(Server(address_of(clickhouse.url, name="STORE_URL")).rows(MESSAGES))
    batches = Counter(int(message.partition("/")[0]) for message in found)
    assert set(found.values()) == {1}
    assert set(batches.values()) == {ENTRIES_A_BATCH}
    assert {number for number, at in load.answered.items() if at < point.began} <= batches.keys()
    assert not {number for number, at in load.began.items() if at > point.ended} & batches.keys()
    return int(taken_out)


class _Started:
    def __init__(self, postgres: EmbeddedPostgres, clickhouse: EmbeddedClickHouse) -> None:
        self.servers = (postgres, clickhouse)
        postgres.start()
        clickhouse.start()

    def close(self) -> None:
        for server in self.servers:
            server.stop()


def manage(*command: str, environment: dict[str, str]) -> str:
    done = subprocess.run(
        [sys.executable, str(PROJECT / "manage.py"), *command],
        env=environment, capture_output=True, text=True, timeout=2 * DEADLINE_SECONDS, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout
