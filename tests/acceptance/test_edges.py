"""One core and two edges on this machine, as docs/edges.md says: cut off, killed; every answered entry is there once.

Three whole products: `make edges` runs it; `make test` has each side alone (tests/integration/test_edge*.py).
"""

import os
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.acceptance.edge_products import Edge, Sender, spooled
from tests.acceptance.product import Product
from tests.chaos.proxy import Link, Mode, Proxy
from tests.waiting import wait_until

pytestmark = [
    pytest.mark.acceptance,
    pytest.mark.skipif(not os.environ.get("LUMINALOG_TEST_EDGES"), reason="three whole products: `make edges`"),
]
CUT_SECONDS = 60
OF_SENDERS = "message ~ '^(fra1|sfo1) '"


@pytest.fixture
def line() -> Iterator[Link]:
    """The line between the first edge and its core, which can be cut."""
    proxy = Proxy()
    yield proxy.link("fra1-core", target_port=0)
    proxy.close()


@pytest.fixture
def world(tmp_path: Path, line: Link) -> Iterator[tuple[Product, Edge, Edge]]:
    """A core and two edges, one of them behind the line, one for one organisation only."""
    with ExitStack() as started:
        core = Product(tmp_path / "core").start()
        started.callback(_stop, core)
        line.target_port = core.port
        organisation = core.query("SELECT slug FROM accounts_organisation")[0][0]
        behind = f"http://127.0.0.1:{line.port}"
        fra1 = Edge(tmp_path / "of-fra1", "fra1", core, "--all-organisations", core_url=behind)
        started.callback(_stop, fra1.start())
        sfo1 = Edge(tmp_path / "of-sfo1", "sfo1", core, "--organisation", organisation)
        started.callback(_stop, sfo1.start())
        yield core, fra1, sfo1


def _stop(product: Product) -> None:
    if product.process and product.process.poll() is None:
        product.stop()


def test_every_entry_that_an_edge_has_answered_is_in_the_core_once(
    world: tuple[Product, Edge, Edge], line: Link, sdk: Path
) -> None:
    core, fra1, sfo1 = world
    with ExitStack() as sending:
        senders = [
            sending.enter_context(closing(Sender(edge, name, sdk=sdk)))
            for edge, name in ((fra1, "fra1"), (sfo1, "sfo1"))
        ]
        for _ in range(3):  # so that both edges know how much they use
            for sender in senders:
                sender.wait_for_more()
        _cut_off(line, core, senders)
        _kill_parts_and_all(core, ("web", "postgres", "worker"), senders)
        _kill_parts_and_all(sfo1, ("link", "postgres", "web", "link"), senders)
        for sender in senders:
            sender.end()

    wait_until(lambda: spooled(fra1) + spooled(sfo1) + spooled(core) == 0, what=fra1.output)
    _is_each_there_once(core, senders)
    _sums_are_equal(core, senders)
    assert core.query("SELECT * FROM quotas_loan WHERE short_bytes > 0") == []
    core.manage("verify_ledger")
    _refuse_after_a_revocation(core, (fra1, sfo1))
    _is_no_core(fra1)


def _cut_off(line: Link, core: Product, senders: Sequence[Sender]) -> None:
    """Cut the first edge off for a minute: it answers on as far as its loans go, and nothing of it arrives."""
    line.become(Mode.CUT)
    cut, other = senders
    before = len(cut.answered)
    time.sleep(CUT_SECONDS)
    other.wait_for_more()
    assert len(cut.answered) > before, cut.statuses()
    wait_until(lambda: spooled(core) == 0, what=core.output)
    [(arrived,)] = core.query("SELECT count(*) FROM storage_entry WHERE edge = 'fra1'")
    assert arrived < len(cut.answered)
    line.become(Mode.PASS)
    cut.wait_for_more()


def _kill_parts_and_all(product: Product, parts: Sequence[str], senders: Sequence[Sender]) -> None:
    """Kill one part after another, then the product as a whole, and start it again; each time both edges go on."""
    for part in parts:
        product.kill(part)
        for sender in senders:
            sender.wait_for_more()
    assert product.process
    product.process.kill()
    product.process.wait()
    wait_until(lambda: not product.processes(), what=product.processes)
    product.start()
    for sender in senders:
        sender.wait_for_more()


def _is_each_there_once(core: Product, senders: Sequence[Sender]) -> None:
    """Compare with what the clients heard: they send again what was in doubt, and nothing else may be there twice."""
    answered, doubted = (sum((one.times(in_doubt=it) for one in senders), Counter[str]()) for it in (False, True))
    stored = Counter[str]()

    def are_all_there() -> bool:
        stored.clear()
        stored.update(entry["message"] for entry in core.stored(OF_SENDERS))
        return answered.keys() <= stored.keys()

    wait_until(are_all_there, what=lambda: sorted(answered.keys() - stored.keys())[:5])
    assert set(answered.values()) == {1}
    wrong = {one: times for one, times in stored.items() if not answered[one] <= times <= answered[one] + doubted[one]}
    assert not wrong
    assert len(doubted) < len(answered) / 10  # most of them say exactly once


def _sums_are_equal(core: Product, senders: Sequence[Sender]) -> None:
    """Compare bytes: used is what is stored, and that is what was answered, and what is there of requests in doubt."""
    [(used, received)] = core.query(
        "SELECT (SELECT sum(used_bytes) FROM quotas_monthlyusage), (SELECT sum(size_bytes) FROM storage_receipt)"
    )
    entries = core.stored(OF_SENDERS)
    unheard = Counter(entry["message"] for entry in entries)
    unheard.subtract(message for one in senders for message in one.answered)
    sizes = {entry["message"]: entry["size_bytes"] for entry in entries}
    answered_bytes = sum(attempt.bytes for one in senders for attempt in one.attempts if attempt.status == 200)
    of_others = core.query(f"SELECT coalesce(sum(size_bytes), 0) FROM storage_entry WHERE NOT {OF_SENDERS}")[0][0]
    assert used == received == answered_bytes + sum(sizes[one] * times for one, times in unheard.items()) + of_others


def _refuse_after_a_revocation(core: Product, edges: Sequence[Edge]) -> None:
    """Revoke the key at the core: within ten seconds, which is the promise itself, no edge takes it any more."""
    key = core.api_key
    entry = {"timestamp": "2026-01-26T14:30:00Z", "level": "info", "message": "revoked"}

    def status(edge: Edge) -> int:
        body: dict[str, Any] = {"logs": [entry]}
        return requests.post(f"{edge.base_url}/v1/logs", json=body, headers={"x-api-key": key}, timeout=20).status_code

    assert [status(edge) for edge in edges] == [200, 200]
    [(number,)] = core.query("SELECT min(id) FROM accounts_apikey")
    core.manage("revoke_key", str(number), "--reason", "a test")
    said: list[list[int]] = []

    def is_refused() -> bool:
        said.append([status(edge) for edge in edges])
        return said[-1] == [401, 401]

    wait_until(is_refused, what=lambda: f"{said[-3:]}: {[edge.output()[-2000:] for edge in edges]}", seconds=10)


def _is_no_core(edge: Edge) -> None:
    for path in ("/admin/", "/v1/usage", "/v1/logs", "/v1/edge/directory", "/"):
        answer = requests.get(edge.base_url + path, timeout=20)
        assert (answer.status_code, edge.core_url in answer.text) == (404, True)
