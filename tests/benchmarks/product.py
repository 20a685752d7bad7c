"""The whole product in a temporary folder, as `manage.py up` runs it, with limits out of the way."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from embedded.processes import free_port

PROJECT = Path(__file__).resolve().parents[2]
START_SECONDS = 120
UNLIMITED = """
UPDATE quotas_quota SET requests_per_minute = 60000000, monthly_bytes = 1000000000000000, overrides_from = NULL,
       overrides_until = NULL
"""


@dataclass(frozen=True, kw_only=True)
class Product:
    """A running product: where it listens, a key, and its database."""

    port: int
    api_key: str
    database_url: str
    environment: dict[str, str]


@contextmanager
def running() -> Iterator[Product]:
    """Start the product on a free port, and stop it at the end."""
    with tempfile.TemporaryDirectory(prefix="luminalog-bench-") as folder:
        data, port = Path(folder), free_port()
        process = subprocess.Popen(
            [sys.executable, "manage.py", "up", "--port", str(port), "--data-dir", folder],
            cwd=PROJECT,
            stdout=subprocess.DEVNULL,
        )
        try:
            bootstrap = _wait_for(data / "bootstrap.json", process)
            published = dict(line.split("=", 1) for line in (data / "env").read_text().splitlines())
            with psycopg.connect(published["DATABASE_URL"]) as database:
                database.execute(UNLIMITED)
            time.sleep(10)  # the limits that the processes know grow old
            yield Product(
                port=port,
                api_key=bootstrap["api_key"],
                database_url=published["DATABASE_URL"],
                environment={**os.environ, **published},
            )
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(30)


def _wait_for(path: Path, process: "subprocess.Popen[bytes]") -> dict[str, str]:
    deadline = time.monotonic() + START_SECONDS
    while not path.is_file():
        if process.poll() is not None or time.monotonic() > deadline:
            raise SystemExit("the product did not start: try `make run`")
        time.sleep(0.1)
    found: dict[str, str] = json.loads(path.read_text())
    return found
