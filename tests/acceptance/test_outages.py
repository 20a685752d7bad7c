"""What an application sees while a server is away: refused or safe, and soon; and that safe means flushed to disk."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest
import requests
from django.conf import settings

from embedded.processes import is_taken
from foundation import postgres
from tests.acceptance.product import Product
from tests.waiting import DEADLINE_SECONDS, wait_until

pytestmark = pytest.mark.acceptance
#: How long the product waits for an answer of either, where it waits.
BROKER_SECONDS: float = settings.CELERY_BROKER_TRANSPORT_OPTIONS["socket_timeout"]
POSTGRESQL_SECONDS = postgres.DEADLINE_SECONDS


def body(message: str) -> dict[str, object]:
    return {"logs": [{"timestamp": "2026-01-26T14:30:00Z", "level": "info", "message": message}]}


@contextmanager
def halted(product: Product, name: str) -> Iterator[None]:
    """Stop a part in its tracks: it keeps its connections and says nothing."""
    pid = product.part_pid(name)
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def wal_flushes(product: Product) -> int:
    [(flushes,)] = product.query("SELECT sum(fsyncs)::bigint FROM pg_stat_io WHERE object = 'wal'")
    return int(flushes)


def test_every_answer_waits_for_its_own_flush_to_disk(product: Product) -> None:
    before = wal_flushes(product)
    for number in range(50):
        assert product.post(body(f"flush {number}")).status_code == 200
    wait_until(lambda: wal_flushes(product) - before >= 50)  # an idle backend reports its figures after 10 s


def test_halted_valkey_refuses_nothing_and_delays_little(product: Product) -> None:
    usual_seconds = seconds_of_twenty(product, "with valkey")
    with halted(product, "valkey"):
        seconds = seconds_of_twenty(product, "without valkey")
    assert seconds < 20 * BROKER_SECONDS / 2 + 3 * usual_seconds  # none waited for what nobody answers
    product.wait_until_stored(20, "message LIKE 'without valkey %%'")
    assert len(product.stored("message LIKE 'without valkey %%'")) == 20


def seconds_of_twenty(product: Product, message: str) -> float:
    """Send twenty batches; return how long all of them took."""
    started = time.monotonic()
    for number in range(20):
        assert product.post(body(f"{message} {number}")).status_code == 200
    return time.monotonic() - started


def test_lost_postgresql_is_said_soon_and_forgotten_soon(own_product: Product) -> None:
    own_product.prepared().start()
    postmaster = own_product.part_pid("postgres")
    port = urlsplit(own_product.database_url).port or 0
    assert own_product.process
    os.kill(own_product.process.pid, signal.SIGSTOP)  # nobody starts it again for now
    os.kill(postmaster, signal.SIGKILL)
    wait_until(lambda: not is_taken(port), what="the end of PostgreSQL")
    answer = own_product.post(body("into the void"))
    alive = requests.get(f"{own_product.base_url}/healthz", timeout=DEADLINE_SECONDS)
    wait_until(
        lambda: requests.get(f"{own_product.base_url}/readyz", timeout=DEADLINE_SECONDS).status_code == 503,
        what="a red check",
    )
    os.kill(own_product.process.pid, signal.SIGCONT)

    assert answer.elapsed.total_seconds() < 4 * POSTGRESQL_SECONDS
    assert (answer.status_code, answer.json()["code"]) == (503, "storage_unavailable")
    assert int(answer.headers["Retry-After"]) >= 1
    assert alive.status_code == 200
    wait_until(lambda: own_product.post(body("after")).status_code == 200, what=own_product.output)
    own_product.wait_until_stored(1, "message = 'after'")
    assert own_product.stored("message = 'into the void'") == []
