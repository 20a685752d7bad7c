"""A data folder of PostgreSQL that a start has prepared, made once a run: each of its own costs six seconds of CPU."""

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path

from embedded.postgres import EmbeddedPostgres
from tests.processes import PROJECT
from tests.stack import FOLDER
from tests.waiting import DEADLINE_SECONDS


def lay_out(folder: Path) -> None:
    """Put PostgreSQL's part of a data folder into `folder`: all tables, roles and days, and no row of anybody's."""
    made = Path(os.environ[FOLDER]) / "prepared"
    with made.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # other processes of pytest-xdist wait, and copy
        if not made.exists():
            _prepare(made.with_suffix(".draft")).rename(made)
    shutil.copytree(made, folder)


def _prepare(folder: Path) -> Path:
    server = EmbeddedPostgres(folder, settings={"fsync": "off"})  # what a crash would lose, nobody has
    server.start()
    try:
        subprocess.run(
            [sys.executable, str(PROJECT / "manage.py"), "prepare"],
            env=os.environ | {"DATABASE_URL": server.url}, check=True, capture_output=True,
            timeout=5 * DEADLINE_SECONDS,
        )  # fmt: skip
    finally:
        server.stop()
    return folder
