"""A pytest plugin: PostgreSQL and Valkey for the tests, started before Django reads its settings.

Set `DATABASE_URL` and `VALKEY_URL` to test against servers of your own.
"""

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from embedded import processes
from embedded.postgres import EmbeddedPostgres
from embedded.valkey import EmbeddedValkey
from tests.leaks import leaks

#: Tells pytest-xdist's workers that the Valkey they inherit is ours, and that they may start their own.
EMBEDDED = "LUMINALOG_TESTS_EMBEDDED_VALKEY"
#: Where all servers of a run keep their data, those of pytest-xdist's workers too.
FOLDER = "LUMINALOG_TESTS_FOLDER"


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Iterator[None]:
    """Start what the environment does not name; pytest-xdist's workers inherit the addresses."""
    folder = Path(tempfile.mkdtemp(prefix="luminalog-tests-", dir=os.environ.get(FOLDER)))
    stop = [lambda: shutil.rmtree(folder, ignore_errors=True)]
    os.environ.setdefault("SECRET_KEY", secrets.token_hex(32))
    os.environ.setdefault("LUMINALOG_DEVELOPMENT", "1")
    os.environ.setdefault("LUMINALOG_DATA_DIR", str(folder))
    os.environ.setdefault(FOLDER, str(folder))
    if worker := os.environ.get("PYTEST_XDIST_WORKER"):
        os.environ["VALKEY_KEY_PREFIX"] = f"ll:{worker}:"  # they share one Valkey, but neither buckets nor caches
        workers, own = int(os.environ["PYTEST_XDIST_WORKER_COUNT"]), int(worker.removeprefix("gw"))
        processes._given.update(port for port in range(65_536) if port % workers != own)  # nor do they take one port
    if "VALKEY_URL" not in os.environ or EMBEDDED in os.environ:  # one for each worker: some tests flush or count
        os.environ[EMBEDDED] = "1"
        valkey = EmbeddedValkey(folder / "valkey")
        valkey.start()
        os.environ["VALKEY_URL"] = valkey.url
        stop.append(valkey.stop)
    if "DATABASE_URL" not in os.environ:
        postgres = EmbeddedPostgres(folder / "postgres", settings={"max_connections": "300"})  # of several workers
        postgres.start()
        os.environ["DATABASE_URL"] = postgres.url
        stop.append(postgres.stop)
    for step in stop:
        early_config.add_cleanup(step)
    return (yield)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail the run when any key of any test is in what the servers wrote: tables, write-ahead logs, Valkey's log."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        return
    if found := leaks([Path(os.environ[FOLDER])]):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        report = session.config.get_terminal_writer()
        report.line()
        for path, keys in found.items():
            report.line(f"an API key was written to {path}: {' '.join(keys)}", red=True)
