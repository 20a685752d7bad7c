"""Run all benchmarks on the real stack, started by `manage.py up`, and print the table of docs/performance.md."""

import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from luminalog.embedded.parts import GRANIAN
from luminalog.embedded.processes import free_port, is_taken
from tests.acceptance.product import PROJECT, Product, wait_for
from tests.benchmarks.client import entries, load, request_bytes
from tests.benchmarks.delay import measure_delay

SECONDS = 4.0
UNLIMITED = "UPDATE quotas_quota SET requests_per_minute = 2000000000, monthly_bytes = 1000000000000000"


def main() -> None:
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, one web process\n")
    empty = measure_empty_view()
    print(f"empty Django view           {empty:9,.0f} requests/s")
    with tempfile.TemporaryDirectory(prefix="luminalog-bench-") as folder:
        product = Product(Path(folder) / "var").start()
        try:
            product.query(UNLIMITED)
            with paused(product, "worker", "beat"):
                measure_accepting(product, empty)
                measure_draining(product)
            p50, p99 = measure_delay(product, entries_per_second=2000, seconds=10)
            print(f"200 → in the store at 2,000 entries/s: p50 {p50 * 1000:.0f} ms, p99 {p99 * 1000:.0f} ms")
        finally:
            product.stop()


def measure_empty_view() -> float:
    """Return the requests a second of a bare Django view on the same server with the same flags."""
    port = free_port()
    options = [
        "--port",
        str(port),
        "--interface",
        "wsgi",
        "--blocking-threads",
        "8",
        "tests.benchmarks.empty:application",
    ]
    server = subprocess.Popen([sys.executable, "-m", *GRANIAN, *options], cwd=PROJECT, stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: is_taken(port), 10)
        body = request_bytes({"logs": entries(1)}, port=port, headers={})
        load(body, port=port, seconds=1)
        return load(body, port=port, seconds=SECONDS).requests_per_second
    finally:
        server.terminate()
        server.wait()


def measure_accepting(product: Product, empty: float) -> None:
    """Print requests/s of accepting batches of three sizes, each with its ratio to the empty view."""
    for count in (1, 100, 1000):
        body = request_bytes({"logs": entries(count)}, port=product.port, headers={"x-api-key": product.api_key})
        load(body, port=product.port, seconds=1)
        rate = load(body, port=product.port, seconds=SECONDS).requests_per_second
        print(f"accept {count:>5,} entries        {rate:9,.0f} requests/s  {rate * count:9,.0f} entries/s  ", end="")
        print(f"{rate / empty:.3f} of the empty view")


def measure_draining(product: Product) -> None:
    """Print the rate of draining 100,000 entries, and its ratio to a bare COPY of the same rows."""
    product.query("TRUNCATE ingest_spooledbatch")
    body = {"logs": entries(1000)}
    assert all(product.post(body).status_code == 200 for _ in range(100))
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.draining"],
        env=product.environment, cwd=PROJECT, capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    rates = json.loads(done.stdout.splitlines()[-1])
    print(
        f"drain {rates['entries']:,} entries       {rates['drain']:9,.0f} entries/s, bare COPY {rates['copy']:,.0f}: ",
        end="",
    )
    print(f"{rates['drain'] / rates['copy']:.2f} of it")


@contextmanager
def paused(product: Product, *names: str) -> Iterator[None]:
    """Hold parts still, so that they take nothing of the two cores."""
    pids = [product.part_pid(name) for name in names]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


if __name__ == "__main__":
    main()
