"""`make bench`: what accepting and storing costs, as ratios to bounds measured in the same run.

(a) accepted requests against an empty view; (b) drained entries against a bare COPY of the same rows;
(c) how long after its acceptance a batch is in the store, at a steady 2,000 entries/s.
"""

import argparse
import json
import os
import random
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import psycopg

from tests.benchmarks.load import Load, request, requests_a_second, send
from tests.benchmarks.product import PROJECT, Product, running

#: No drain claims a batch while this lock is held; it ends with its connection.
HOLD_DRAINS = "SELECT pg_advisory_lock(hashtext('ingest.claims'))"
STEADY_ENTRIES = 100
STEADY_BATCHES_A_SECOND = 20
DRAINED_BATCHES = 100


def main() -> None:
    """Start the product, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5, help="length of each load of (a) and, times 3, of (c)")
    seconds = parser.parse_args().seconds
    with running() as product:
        print(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}, one web process\n")
        _accept(product, seconds)
        _latency(product, 3 * seconds)
        _drain(product)


def _accept(product: Product, seconds: float) -> None:
    """Measure accepting by itself, and again while the worker stores what was accepted: they share the cores."""
    print("(a) requests/s          rate    of the empty view              while draining")
    empty = request("GET", "/healthz")
    requests_a_second(Load(port=product.port, request=empty, seconds=1))  # warms up
    bound = requests_a_second(Load(port=product.port, request=empty, seconds=seconds))
    print(f"    empty view      {bound:8,.0f}    1.00")
    for entries in (1, 100, 1000):
        load = Load(
            port=product.port,
            request=request("POST", "/v1/logs", body=body(entries), api_key=product.api_key),
            seconds=seconds,
        )
        with psycopg.connect(product.database_url, autocommit=True) as database:
            database.execute(HOLD_DRAINS)
            alone = requests_a_second(load)
        shared = requests_a_second(load)
        _wait_until_drained(product)
        print(
            f"    {entries:5} entries   {alone:8,.0f}    {alone / bound:.2f}    {alone * entries:9,.0f} entries/s"
            f"    {shared:8,.0f}    {shared / bound:.2f}"
        )


def _latency(product: Product, seconds: float) -> None:
    """Post at a steady pace, and watch receipts appear. The time counts from `received_at`, just before the 200."""
    data = request("POST", "/v1/logs", body=body(STEADY_ENTRIES), api_key=product.api_key)
    began, sent, seen, delays = time.monotonic(), 0, set[int](), []
    with (
        socket.create_connection(("127.0.0.1", product.port)) as client,
        psycopg.connect(product.database_url, autocommit=True) as database,
    ):
        seen.update(batch_id for batch_id, _ in _receipts(database))
        while (elapsed := time.monotonic() - began) < seconds + 5:
            if elapsed < seconds and sent < elapsed * STEADY_BATCHES_A_SECOND:
                send(client, data)
                sent += 1
            for batch_id, delay in _receipts(database):
                if batch_id not in seen:
                    seen.add(batch_id)
                    delays.append(delay)
            time.sleep(0.005)
    delays.sort()
    assert len(delays) == sent, f"{sent} batches sent, {len(delays)} stored"
    p50, p99 = delays[len(delays) // 2], delays[int(len(delays) * 0.99)]
    pace = sent * STEADY_ENTRIES / seconds
    print(f"\n(c) accepted to stored at {pace:,.0f} entries/s: p50 {p50:.3f} s, p99 {p99:.3f} s, {sent} batches")


def _receipts(database: "psycopg.Connection[tuple[int, float]]") -> Iterator[tuple[int, float]]:
    yield from database.execute(
        "SELECT batch_id, extract(epoch FROM clock_timestamp() - received_at)::float8 FROM storage_receipt"
        " WHERE received_at > now() - interval '10 seconds'"
    ).fetchall()


def _wait_until_drained(product: Product) -> None:
    with psycopg.connect(product.database_url, autocommit=True) as database:
        while database.execute("SELECT 1 FROM ingest_spooledbatch LIMIT 1").fetchone():
            time.sleep(0.5)


def _drain(product: Product) -> None:
    """Run in a process of its own, inside Django."""
    print(flush=True)
    subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.drain", str(DRAINED_BATCHES)],
        cwd=PROJECT,
        env=product.environment | {"DJANGO_SETTINGS_MODULE": "luminalog.settings"},
        check=True,
    )


def body(entries: int) -> bytes:
    """Return a batch of about 290 bytes an entry, the same at every run."""
    chance = random.Random(entries)
    logs = [
        {
            "timestamp": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
            "level": chance.choice(["debug", "info", "info", "info", "warn", "error"]),
            "message": f"GET /v1/orders/{chance.randrange(10**6)} answered {chance.choice([200, 201, 404])}",
            "environment": "production",
            "metadata": {
                "user_id": f"user-{chance.randrange(10**5)}",
                "duration_ms": chance.randrange(3000),
                "region": chance.choice(["eu-central-1", "us-east-1"]),
                "request": {"method": "GET", "bytes": chance.randrange(10**5)},
            },
        }
        for _ in range(entries)
    ]
    return json.dumps({"logs": logs}).encode()


if __name__ == "__main__":
    main()
