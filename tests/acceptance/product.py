"""The whole product as a test sees it: started by `manage.py up`, reached over HTTP, its store looked at by SQL."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psycopg
import requests

from embedded.processes import free_port
from tests import clusters
from tests.leaks import leaks
from tests.processes import PROJECT
from tests.waiting import DEADLINE_SECONDS, wait_until

#: The runner makes these itself: a test of the whole product must not lend it the addresses of the test's servers.
OWN = (
    "SECRET_KEY", "DATABASE_URL", "VALKEY_URL", "VALKEY_KEY_PREFIX", "CELERY_BROKER_URL", "DJANGO_SETTINGS_MODULE",
    "PYTHONWARNINGS",
)  # fmt: skip


class Product:
    """One running product with its data in `data_dir`."""

    def __init__(self, data_dir: Path, *, command: Sequence[str] = (), **environment: str) -> None:
        self.data_dir = data_dir
        self.port = free_port()
        self.base_url = f"http://127.0.0.1:{self.port}"
        self.command = [*command, sys.executable, str(PROJECT / "manage.py"), "up"]
        self.environment = {name: value for name, value in os.environ.items() if name not in OWN}
        self.environment |= {"LUMINALOG_DATA_DIR": str(data_dir), "PORT": str(self.port)} | environment
        self.log = data_dir.with_name(data_dir.name + ".log")
        self.process: subprocess.Popen[bytes] | None = None

    # --- life ---

    def prepared(self) -> "Product":
        """Have it begin with a database that is prepared already, for tests that are not about the first start."""
        self.data_dir.mkdir(mode=0o700)
        clusters.lay_out(self.data_dir / "postgres")
        return self

    def start(self) -> "Product":
        """Start it and wait until it says that it is ready."""
        (self.data_dir / "bootstrap.json").unlink(missing_ok=True)  # of a killed one
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(self.command, env=self.environment, stdout=log, stderr=log, cwd=PROJECT)
        ready = self.data_dir / "bootstrap.json"
        wait_until(lambda: ready.exists() or self._ended(), what=self.output, seconds=2 * DEADLINE_SECONDS)
        assert not self._ended(), self.output()
        return self

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """Stop it as an operator does: it ends well, and nothing of it may be left."""
        assert self.process
        self.process.send_signal(how)
        wait_until(self._ended, what=self.output)
        assert self.process.returncode == 0, self.output()
        wait_until(lambda: not self.processes(), what=self.processes)

    def output(self) -> str:
        """Return what it printed until now."""
        return self.log.read_text(errors="replace")

    def processes(self) -> dict[int, str]:
        """Return process id and command of every living process of this product, found by its data folder.

        Servers that write over their environment to change their title are found by where they stand.
        """
        mark = f"LUMINALOG_DATA_DIR={self.data_dir}".encode()
        found = {}
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                ours = mark in (folder / "environ").read_bytes().split(b"\0")
                if command and (ours or (folder / "cwd").readlink().is_relative_to(self.data_dir)):
                    found[int(folder.name)] = command
        return found

    def part_pid(self, name: str) -> int:
        """Return the process id of the part `name`: web, tail, worker, beat, valkey or postgres."""
        assert self.process
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        for pid in map(int, children):
            with contextlib.suppress(OSError):
                environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
                program = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0]
                if f"LUMINALOG_PROCESS={name}".encode() in environment or f"/{name}".encode() in program:
                    return pid
        raise LookupError(f"{name} is not running")

    def kill(self, name: str) -> None:
        """Kill the part `name` at once, as the kernel does when memory runs out."""
        os.kill(self.part_pid(name), signal.SIGKILL)

    # --- secrets and addresses ---

    @property
    def announcement(self) -> dict[str, str]:
        """The contents of `bootstrap.json`."""
        read: dict[str, str] = json.loads((self.data_dir / "bootstrap.json").read_text())
        return read

    @property
    def api_key(self) -> str:
        return self.announcement["api_key"]

    @property
    def admin(self) -> tuple[str, str]:
        """User name and password of the administrator."""
        return self.announcement["admin_username"], self.announcement["admin_password"]

    @property
    def database_url(self) -> str:
        """The address of its database while it runs."""
        lines = (self.data_dir / "env").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines)["DATABASE_URL"]

    # --- use ---

    def post(self, body: Any, **headers: str) -> requests.Response:
        """POST `body` as JSON to /v1/logs with the first key."""
        return requests.post(
            f"{self.base_url}/v1/logs",
            json=body,
            headers={"x-api-key": self.api_key, **headers},
            timeout=DEADLINE_SECONDS,
        )

    def query(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Run `statement` in its database; return the rows."""
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            cursor = connection.execute(statement.encode(), parameters)
            return cursor.fetchall() if cursor.description else []

    def stored(self, condition: str = "true", *parameters: object) -> list[dict[str, Any]]:
        """Return the stored entries that meet the SQL `condition`, by id."""
        documents = "jsonb_build_object('metadata', metadata::jsonb, 'error', error::jsonb)"  # text, as they came
        sql = f"SELECT to_jsonb(e) || {documents} FROM storage_entry e WHERE {condition} ORDER BY id"
        rows = self.query(sql, *parameters)
        return [row for (row,) in rows]

    def wait_until_stored(self, count: int, condition: str = "true", *parameters: object) -> list[dict[str, Any]]:
        """Wait until at least `count` entries meet `condition`; return them all."""
        wait_until(lambda: len(self.stored(condition, *parameters)) >= count, what=self.output)
        return self.stored(condition, *parameters)

    def manage(self, *command: str, seconds: float = 2 * DEADLINE_SECONDS) -> str:
        """Run a `manage.py` command against it; return what it prints."""
        done = subprocess.run(
            [sys.executable, str(PROJECT / "manage.py"), *command],
            env=self.environment, capture_output=True, text=True, timeout=seconds, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    def leaked_keys(self) -> dict[str, list[str]]:
        """Return file → keys in it, but for the first key where it is announced."""
        announced = {"credentials.json", "bootstrap.json", self.log.name}
        found = leaks([self.data_dir, self.log])
        return {
            path: rest
            for path, keys in found.items()
            if (rest := [key for key in keys if key != self.api_key or Path(path).name not in announced])
        }

    def _ended(self) -> bool:
        return self.process is not None and self.process.poll() is not None
