"""One core and two edges on this machine, as docs/edges.md says: cut off, killed; every answered entry is there once.

Three whole products: `make edges` runs it; `make test` has each side alone (tests/integration/test_edge*.py).
"""

import os
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.acceptance.product import Product
from tests.processes import PROJECT
from tests.waiting import wait_until

pytestmark = [
    pytest.mark.acceptance,
    pytest.mark.skipif(not os.environ.get("LUMINALOG_TEST_EDGES"), reason="three whole products: `make edges`"),
]
NEEDED = 50


class Edge(Product):
    """An edge of a core, made by two commands."""

    def __init__(self, folder: Path, name: str, core: Product, *options: str) -> None:
        folder.mkdir()
        super().__init__(folder / name)
        token = folder / "token"
        token.write_text(core.manage("create_edge", name, *options))
        self.command += ["--data-dir", str(self.data_dir), "--edge-of", core.base_url, "--token-file", str(token)]
        self.core = core

    @property
    def api_key(self) -> str:
        return self.core.api_key


class Sender(threading.Thread):
    """Sends entries one after the other, and remembers what was answered 200, with how many bytes."""

    def __init__(self, edge: Product, name: str) -> None:
        super().__init__()
        self.edge, self.sender = edge, name
        self.key = edge.api_key
        self.answered: list[str] = []
        self.size_bytes = 0
        self.statuses: Counter[int] = Counter()
        self.is_over = threading.Event()
        self.start()

    def run(self) -> None:
        number = 0
        while not self.is_over.wait(0.05):
            number += 1
            message = f"{self.sender} {number}"
            entry = {"timestamp": "2026-01-26T14:30:00Z", "level": "info", "message": message}
            try:
                answer = requests.post(
                    f"{self.edge.base_url}/v1/logs", json={"logs": [entry]}, headers={"x-api-key": self.key}, timeout=20
                )
            except requests.RequestException:
                self.statuses[0] += 1
                continue
            self.statuses[answer.status_code] += 1
            if answer.ok:
                self.answered.append(message)
                self.size_bytes += answer.json()["bytes_used"]

    def wait_for_more(self) -> None:
        before = len(self.answered)
        wait_until(lambda: len(self.answered) >= before + NEEDED, what=lambda: str(self.statuses))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[tuple[Product, Edge, Edge]]:
    """A core and two edges, one of them for one organisation only."""
    started: list[Product] = []
    try:
        core = Product(tmp_path / "core").start()
        started.append(core)
        organisation = core.query("SELECT slug FROM accounts_organisation")[0][0]
        for name, options in (("fra1", ["--all-organisations"]), ("sfo1", ["--organisation", organisation])):
            started.append(Edge(tmp_path / f"of-{name}", name, core, *options).start())
        yield core, started[1], started[2]  # type: ignore[misc]  # edges
    finally:
        for product in reversed(started):
            if product.process and product.process.poll() is None:
                product.stop()


def test_every_entry_that_an_edge_has_answered_is_in_the_core_once(world: tuple[Product, Edge, Edge]) -> None:
    core, fra1, sfo1 = world
    senders = [Sender(fra1, "fra1"), Sender(sfo1, "sfo1")]
    for sender in senders:
        sender.wait_for_more()

    link = fra1.part_pid("link")
    os.kill(link, signal.SIGSTOP)  # cut off from the core, as far as anybody can see
    senders[0].wait_for_more()
    os.kill(link, signal.SIGCONT)

    for part in ("web", "postgres", "worker"):
        core.kill(part)
        for sender in senders:
            sender.wait_for_more()
    for part in ("link", "postgres", "web", "link"):
        sfo1.kill(part)
        for sender in senders:
            sender.wait_for_more()
    assert sfo1.process
    sfo1.process.kill()
    sfo1.process.wait()
    wait_until(lambda: not sfo1.processes(), what=sfo1.processes)
    sfo1.start()
    senders[1].wait_for_more()

    for sender in senders:
        sender.is_over.set()
    for sender in senders:
        sender.join()
    answered = {message for sender in senders for message in sender.answered}
    stored: Counter[str] = Counter()

    def are_all_there() -> bool:
        stored.clear()
        stored.update(entry["message"] for entry in core.stored("message ~ '^(fra1|sfo1) '"))
        return answered <= stored.keys()

    wait_until(are_all_there, what=lambda: f"{sorted(answered - stored.keys())[:5]}\n{fra1.output()[-2000:]}")
    assert set(stored.values()) == {1}
    unknown = len(stored) - len(answered)  # whose answer a kill has lost
    assert unknown <= sum(sender.statuses[0] for sender in senders)
    wait_until(lambda: spooled(fra1) + spooled(sfo1) + spooled(core) == 0, what=fra1.output)

    [(used, size)] = core.query(
        "SELECT (SELECT sum(used_bytes) FROM quotas_monthlyusage), (SELECT sum(size_bytes) FROM storage_receipt)"
    )
    assert used == size >= sum(sender.size_bytes for sender in senders)
    assert core.query("SELECT * FROM quotas_loan WHERE short_bytes > 0") == []
    core.manage("verify_ledger")
    _refuses_after_a_revocation(core, fra1)
    _is_no_core(fra1)


def _refuses_after_a_revocation(core: Product, edge: Edge) -> None:
    key = core.api_key
    entry = {"timestamp": "2026-01-26T14:30:00Z", "level": "info", "message": "revoked"}

    def status() -> int:
        body: dict[str, Any] = {"logs": [entry]}
        return requests.post(f"{edge.base_url}/v1/logs", json=body, headers={"x-api-key": key}, timeout=20).status_code

    assert status() == 200
    [(number,)] = core.query("SELECT min(id) FROM accounts_apikey")
    core.manage("revoke_key", str(number), "--reason", "a test")
    wait_until(lambda: status() == 401, what=edge.output, seconds=10)  # the promise itself


def _is_no_core(edge: Edge) -> None:
    for path in ("/admin/", "/v1/usage", "/v1/logs", "/v1/edge/directory", "/"):
        answer = requests.get(edge.base_url + path, timeout=20)
        assert (answer.status_code, edge.core.base_url in answer.text) == (404, True)
    assert PROJECT


def spooled(product: Product) -> int:
    [(number,)] = product.query("SELECT count(*) FROM ingest_spooledbatch")
    return int(number)
