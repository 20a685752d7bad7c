"""A server that speaks S3, moto's, in a process and an interpreter of its own."""

import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from embedded.processes import free_port
from tests.clients import environments
from tests.waiting import wait_until


@contextmanager
def s3(log: Path, *, port: int | None = None) -> Iterator[str]:
    """Run a server with an empty bucket `logs`; yield its address."""
    folder, port = environments.python("moto"), port or free_port()
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with (
        log.open("ab") as output,
        subprocess.Popen(
            command, env={**os.environ, "PYTHONPATH": str(folder)}, stdout=output, stderr=output
        ) as process,
    ):
        try:
            wait_until(lambda: _has_bucket(url), what="moto")
            yield url
        finally:
            process.kill()


def _has_bucket(url: str) -> bool:
    try:
        with urllib.request.urlopen(urllib.request.Request(f"{url}/logs", method="PUT")) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
