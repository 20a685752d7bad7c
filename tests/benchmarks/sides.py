"""Who is measured side by side: the product, what does nothing, and a peer of yours."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import psycopg

from embedded.environment import KNOWN_WARNINGS
from embedded.processes import free_port, is_taken
from tests.acceptance.product import Product
from tests.benchmarks import taken
from tests.benchmarks.bodies import json_lines, post_logs, request
from tests.benchmarks.load import Load
from tests.chaos.tenants import Tenant, make_tenants
from tests.processes import PROJECT
from tests.waiting import wait_until

LOOPBACK = "127.0.0.1"
GRANIAN = ["-m", "granian", "--host", LOOPBACK, "--workers", "1", "--log-level", "error"]
BOUNDS = "tests.benchmarks.bounds"
#: The names of sides.
OURS, EMPTY, DJANGO, MIDDLEWARES = (
    "LuminaLog", "empty RSGI application", "empty Django view", "empty view, our middlewares",
)  # fmt: skip
#: No drain claims a batch while this lock is held; it ends with its connection.
HOLD_DRAINS = "SELECT pg_advisory_lock(hashtext('ingest.claims'))"
#: A peer rests when all its processes take less than this share of a core for a second.
RESTING_SHARE = 0.05
SETTLED_WITHIN_SECONDS = 300


@dataclass(frozen=True, kw_only=True)
class Side:
    """One of those: where it listens, what it is sent, what it has taken of the CPU, when its entries can be found."""

    name: str
    address: tuple[str, int]
    request: Callable[[int], bytes]
    cpu: Callable[[], taken.Seconds]
    settle: Callable[[], object]
    takes_entries: bool = True


class Ours:
    """The running product, with organisations whose limits are out of the way; the last one's quota is nothing."""

    def __init__(self, product: Product) -> None:
        assert product.process
        self.product = product
        self.runner = product.process.pid
        self.ample, self.broad, self.spent = make_tenants(product.manage, edge_bytes=1)
        self._database = psycopg.connect(product.database_url, autocommit=True)

    @property
    def side(self) -> Side:
        return Side(
            name=OURS,
            address=(LOOPBACK, self.product.port),
            request=lambda entries: post_logs(entries, api_key=self.ample.api_key),
            cpu=lambda: taken.of_parts(self.runner),
            settle=self.settle,
        )

    @contextmanager
    def drains_held(self) -> Iterator[None]:
        """Keep what is accepted in the spool."""
        with psycopg.connect(self.product.database_url, autocommit=True) as database:
            database.execute(HOLD_DRAINS)
            yield

    def settle(self) -> None:
        """Wait until the spool is empty: what was in it can be found."""
        wait_until(
            lambda: not self._database.execute("SELECT 1 FROM ingest_spooledbatch LIMIT 1").fetchone(),
            seconds=SETTLED_WITHIN_SECONDS,
        )

    def forget(self) -> None:
        """Empty the log store, so that each round begins alike and the disk does not fill."""
        self._database.execute("TRUNCATE storage_entry")

    def load(self, sender: Tenant, *, entries: int = 1, connections: int = 8, seconds: float, rate: float = 0) -> Load:
        """Return a load of one organisation."""
        body = post_logs(entries, api_key=sender.api_key)
        return Load(address=self.side.address, requests=(body,), connections=connections, seconds=seconds, rate=rate)


@contextmanager
def ours() -> Iterator[Ours]:
    """Run the product in a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="luminalog-bench-") as folder:
        product = Product(Path(folder) / "var").start()
        try:
            yield Ours(product)
        finally:
            product.stop()


@contextmanager
def bounds(product: Product) -> Iterator[list[Side]]:
    """Run what does nothing, each in a web server of its own; the last with the product's settings and database."""
    published = dict(line.split("=", 1) for line in (product.data_dir / "env").read_text().splitlines())
    settings = {"DJANGO_SETTINGS_MODULE": f"{BOUNDS}.behind_middlewares", "PYTHONWARNINGS": KNOWN_WARNINGS}
    with ExitStack() as stack:
        yield [
            stack.enter_context(serving(name, *arguments, env=env))
            for name, arguments, env in (
                (EMPTY, ("rsgi", f"{BOUNDS}.rsgi:empty"), {}),
                (DJANGO, ("wsgi", f"{BOUNDS}.django_default:application"), {}),
                (MIDDLEWARES, ("rsgi", "luminalog.rsgi:application"), published | settings),
            )
        ]


@contextmanager
def serving(name: str, interface: str, application: str, *, env: Mapping[str, str]) -> Iterator[Side]:
    """Run a web server of one process."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, *GRANIAN, "--port", str(port), "--interface", interface, application],
        cwd=PROJECT,
        env=os.environ | env,
    )
    try:
        wait_until(lambda: is_taken(port), what=name)
        yield Side(
            name=name,
            address=(LOOPBACK, port),
            request=lambda _: request("GET", "/empty"),
            cpu=lambda: {"web": taken.of_tree(psutil.Process(process.pid))},
            settle=lambda: None,
            takes_entries=False,
        )
    finally:
        process.terminate()
        process.wait(30)


def peer(url: str) -> Side:
    """Return any address that takes JSON lines. Its CPU is counted if it runs here, as us or for root."""
    parts = urlsplit(url)
    address = (parts.hostname or LOOPBACK, parts.port or 80)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    process = taken.listener(address[1]) if address[0] in (LOOPBACK, "localhost") else None

    def seconds() -> taken.Seconds:
        return {"all": taken.of_tree(process)} if process else {}

    def rest() -> None:
        while True:
            before = sum(seconds().values())
            time.sleep(1)
            if sum(seconds().values()) - before < RESTING_SHARE:
                return

    return Side(
        name=f"peer: {process.name() if process else parts.hostname}",
        address=address,
        request=lambda entries: request(
            "POST", target, body=json_lines(entries), content_type="application/stream+json"
        ),
        cpu=seconds,
        settle=rest,
    )
