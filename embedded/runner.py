"""The runner behind `luminalog up`: the whole product on one machine, from its servers to the printed `curl`."""

import argparse
import json
import os
import signal
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from types import FrameType

from embedded import credentials, environment
from embedded.clickhouse import EmbeddedClickHouse
from embedded.credentials import Credentials
from embedded.files import locked
from embedded.heir import Heir
from embedded.output import Output
from embedded.parts import EDGE_OF, Part, is_edge, product_parts
from embedded.postgres import EmbeddedPostgres
from embedded.processes import StartError, free_port, is_taken, kill_group, start
from embedded.valkey import HARMLESS, EmbeddedValkey
from embedded.welcome import welcome, welcome_edge
from foundation.arguments import within

READY_SECONDS = 90
#: A runner that was killed leaves parts that need a moment to end.
PREDECESSOR_SECONDS = 5
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def parser() -> argparse.ArgumentParser:
    """Return what reads the options of `luminalog up`."""
    parser = argparse.ArgumentParser(prog="luminalog up", description="Run the whole product on this machine.")
    parser.add_argument(
        "--port", type=within(1, 2**16 - 1), default=os.environ.get("PORT", "8000"), help="port on 127.0.0.1"
    )
    parser.add_argument("--data-dir", type=Path, default=environment.data_dir(), help="folder of all data")
    parser.add_argument(
        "--edge-of", metavar="URL", default="", help="be an edge of the installation there: docs/edges.md"
    )
    parser.add_argument("--token-file", type=Path, help="of an edge: holds what `edges create` has printed at the core")
    return parser


def main(arguments: Sequence[str]) -> int:
    """Run the product until it is told to stop; return the exit code."""
    environment.read_dotenv()
    reader = parser()
    options = reader.parse_args(arguments)
    if options.edge_of and not options.token_file:
        reader.error("--edge-of needs --token-file")
    if options.edge_of:
        os.environ["STORE_URL"] = EDGE_OF + options.edge_of.rstrip("/")
        os.environ["LUMINALOG_EDGE_TOKEN_FILE"] = str(options.token_file.resolve())
    return run(port=options.port, folder=options.data_dir.resolve())


def run(*, port: int, folder: Path) -> int:
    """Run the product with its data in `folder` until it is told to stop; return the exit code."""
    try:
        with locked(folder):
            Runner(folder, port=port).run()
    except StartError as error:
        print(f"luminalog: {error}", file=sys.stderr)
        return 1
    return 0


class Runner:
    """Starts the parts in order, starts again what dies, stops them in the reverse order."""

    def __init__(self, folder: Path, *, port: int) -> None:
        self.folder = folder
        self.port = port
        self.base_url = f"http://127.0.0.1:{port}"
        self.output = Output(as_json=environment.is_on("LUMINALOG_LOG_JSON"), left_out={"valkey": HARMLESS})
        self.parts: list[Part] = []
        self.heir = Heir()
        self.core_url = os.environ.get("STORE_URL", "").removeprefix(EDGE_OF) if is_edge(os.environ) else ""

    def run(self) -> None:
        """Run until a signal says stop. Raises: `StartError`."""
        for number in STOP_SIGNALS:
            signal.signal(number, _interrupt)
        try:
            self._start()
            while True:
                self._watch()
                time.sleep(0.1)
        except KeyboardInterrupt:
            self.output.say("up", "stopping")
        finally:
            for number in STOP_SIGNALS:
                signal.signal(number, signal.SIG_IGN)
            self._stop()

    def _start(self) -> None:
        credentials.retract(self.folder)
        if complaint := credentials.bind_to_core(self.folder, self.core_url) or self._complaint_of_token():
            raise StartError(complaint)
        tail_port = int(os.environ.get("TAIL_PORT", "0")) or free_port()
        mcp_port = _mcp_port(self.port)
        for port in filter(None, (self.port, tail_port, mcp_port)):
            _wait_until_free(port)
        servers = self._start_servers() | {"LUMINALOG_TAIL_URL": f"http://127.0.0.1:{tail_port}"}
        env = environment.compute(self.folder, servers=servers)
        if not env.get("CSRF_TRUSTED_ORIGINS"):
            env.setdefault("LUMINALOG_PUBLIC_URL", self.base_url)  # where links in messages lead
        environment.publish(self.folder, env)
        first = None if self.core_url else credentials.obtain(self.folder)
        self._manage("prepare", *(["--bootstrap"] if first else []), env=env)
        for part in product_parts(env, port=self.port, tail_port=tail_port, mcp_port=mcp_port, heir=self.heir):
            self._add(part)
        self._wait_until_ready(None if self.core_url else tail_port)
        if mcp_port:
            self.output.say("up", f"MCP: http://127.0.0.1:{mcp_port}/mcp")
        self._announce(first)

    def _announce(self, first: Credentials | None) -> None:
        """Say that all is ready, and how to come in."""
        if first is None:
            credentials.announce_edge(self.folder, base_url=self.base_url, core_url=self.core_url)
            self.output.show(welcome_edge(base_url=self.base_url, core_url=self.core_url, folder=self.folder))
            return
        credentials.announce(self.folder, first, base_url=self.base_url)
        if self.output.as_json:  # a log is kept, and read by others
            self.output.say("up", f"ready: {self.base_url}; key and log-in are in {self.folder}/bootstrap.json")
        else:
            self.output.show(welcome(first, base_url=self.base_url, folder=self.folder))

    def _complaint_of_token(self) -> str:
        """Say why the token of an edge cannot be read; nothing when it can, or there is to be none."""
        path = Path(os.environ.get("LUMINALOG_EDGE_TOKEN_FILE", ""))
        if not self.core_url or (os.access(path, os.R_OK) and path.is_file()):
            return ""
        return f"The token file {path} cannot be read: write what `edges create` has printed at the core into it."

    def _start_servers(self) -> dict[str, str]:
        """Start the servers that the environment does not name; return their addresses."""
        addresses = {}
        if "DATABASE_URL" not in os.environ:
            postgres = EmbeddedPostgres(self.folder / "postgres")
            self._add(
                Part(
                    name="postgres", launch=postgres.launch, heir=self.heir, stop_signal=signal.SIGINT, stop_seconds=2.3
                )
            )
            postgres.wait_until_ready()
            addresses["DATABASE_URL"] = postgres.url
        if "VALKEY_URL" not in os.environ:
            valkey = EmbeddedValkey(self.folder / "valkey")
            self._add(Part(name="valkey", launch=valkey.launch, heir=self.heir, stop_seconds=0.8))
            valkey.wait_until_ready()
            addresses["VALKEY_URL"] = valkey.url
        if os.environ.get("STORE_URL", "").startswith(environment.EMBEDDED_STORE):
            addresses |= self._start_clickhouse()
        return addresses

    def _start_clickhouse(self) -> dict[str, str]:
        clickhouse = EmbeddedClickHouse(self.folder / "clickhouse")
        self._add(Part(name="clickhouse", launch=clickhouse.launch, heir=self.heir, stop_seconds=2.0))
        clickhouse.wait_until_ready()
        self.output.say("up", "entries are kept in an embedded ClickHouse: experimental, for development and tests")
        return {"STORE_URL": clickhouse.url, "STORE_READ_URL": clickhouse.read_url}

    def _add(self, part: Part) -> None:
        self.parts.append(part)
        part.start(self.output.writer(part.name))
        self.output.say("up", f"started {part.name}")

    def _manage(self, *command: str, env: dict[str, str]) -> None:
        """Run a command to its end; show what it says if it fails. Raises: `StartError`."""
        name = "luminalog " + " ".join(command)
        with tempfile.TemporaryFile() as said:
            process = start(
                [sys.executable, str(environment.PROJECT / "manage.py"), *command],
                env={**env, "LUMINALOG_PROCESS": command[0]},
                output=said,
                last_signal=signal.SIGTERM,
            )
            self.heir.note(process.pid)
            try:
                code = process.wait()
            finally:
                kill_group(process)
                self.heir.forget(process.pid)
            if code:
                said.seek(0)
                self.output.say(command[0], said.read().decode(errors="replace"))
                raise StartError(f"`{name}` failed: see above.")
        self.output.say("up", f"done: {name}")

    def _wait_until_ready(self, tail_port: int | None) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            if (tail_port is None or is_taken(tail_port)) and _works(f"{self.base_url}/readyz"):
                return
            self._watch()
            time.sleep(0.1)
        raise StartError(f"{self.base_url} and its tail were not ready within {READY_SECONDS} s: see the log above.")

    def _watch(self) -> None:
        for part in self.parts:
            try:
                said = part.watch(self.output.writer(part.name))
            except (StartError, OSError) as error:
                said = f"could not be started again: {error}"
            if said:
                self.output.say("up", f"{part.name} {said}")

    def _stop(self) -> None:
        credentials.retract(self.folder)
        for part in reversed(self.parts):
            if complaint := part.stop():
                self.output.say("up", f"{part.name} {complaint}")
        self.heir.close()
        environment.withdraw(self.folder)
        if self.parts:
            self.output.say("up", "stopped")
        self.output.close()


def _interrupt(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - signal's signature
    raise KeyboardInterrupt


def _mcp_port(port: int) -> int | None:
    """Return where MCP is to listen, if it is switched on. Raises: `StartError`."""
    if not environment.is_on("LUMINALOG_MCP"):
        return None
    if find_spec("mcp") is None:
        raise StartError(
            "LUMINALOG_MCP is on, and needs more packages:"
            " .venv/bin/pip install --require-hashes -r requirements-mcp.txt"
        )
    return int(os.environ.get("MCP_PORT", "0")) or min(port + 2, 2**16 - 1)


def _wait_until_free(port: int) -> None:
    deadline = time.monotonic() + PREDECESSOR_SECONDS
    while is_taken(port):
        if time.monotonic() > deadline:
            raise StartError(f"Port {port} of 127.0.0.1 is taken. Free it or choose another: PORT={port + 1} make run")
        time.sleep(0.1)


def _works(url: str) -> bool:
    """Ask `/readyz`. A full spool is no reason not to start, nor is a log store that takes nothing: that is mended."""
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 - our own address
            return bool(answer.status == 200)
    except urllib.error.HTTPError as refusal:
        with refusal:
            return bool(json.load(refusal).get("status") in ("full", "stuck"))
    except (OSError, ValueError):
        return False
