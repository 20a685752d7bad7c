"""The clients that are tried: how each is started, and as what its entries arrive."""

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import STDOUT, Popen

from tests.clients import environments
from tests.clients.environments import PROGRAMS
from tests.waiting import DEADLINE_SECONDS

ENTRIES = 1_000
LEVELS = (10, 20, 30, 40)
Command = tuple[list[str], Mapping[str, str]]


@dataclass(frozen=True, kw_only=True)
class Client:
    """One client; `command` gets the address, the key and a folder of its own."""

    name: str
    command: Callable[[str, str, Path, str], Command]
    protocol: str
    levels: tuple[int, ...] = LEVELS  # in turn
    has_error: bool = False
    has_trace: bool = False
    #: Until somebody ends it.
    stays: bool = False


def _in_python(name: str) -> Callable[[str, str, Path, str], Command]:
    def command(url: str, key: str, folder: Path, prefix: str) -> Command:
        program = [sys.executable, "-W", "ignore", str(PROGRAMS / f"{name}.py.txt"), url, key, prefix]
        return program, {"PYTHONPATH": str(environments.python(name))}

    return command


def _in_node(name: str, *which: str) -> Callable[[str, str, Path, str], Command]:
    def command(url: str, key: str, folder: Path, prefix: str) -> Command:
        return ["node", str(environments.node() / f"{name}.mjs"), url, key, prefix, *which], {}

    return command


def _configured(name: str, folder: Path, prefix: str, **values: str) -> Path:
    (folder / "app.log").write_text("".join(f"{prefix} {number}\n" for number in range(ENTRIES)))
    text = (PROGRAMS / name).read_text()
    for word, value in {"FOLDER": str(folder), **values}.items():
        text = text.replace(word, value)
    path = folder / name
    path.write_text(text)
    path.chmod(0o600)
    return path


def _rsyslog(url: str, key: str, folder: Path, prefix: str) -> Command:
    root = environments.debian()
    libraries = root / "usr/lib/x86_64-linux-gnu"
    values = {"LIBRARIES": str(libraries), "PORT": url.rpartition(":")[2], "KEY": key}
    path = _configured("rsyslog.conf", folder, prefix, **values)
    found = {"LD_LIBRARY_PATH": str(libraries), "RSYSLOG_MODDIR": str(libraries / "rsyslog")}
    return [str(root / "usr/sbin/rsyslogd"), "-n", "-f", str(path), "-i", str(folder / "pid")], found


def _syslog_ng(destination: str) -> Callable[[str, str, Path, str], Command]:
    def command(url: str, key: str, folder: Path, prefix: str) -> Command:
        root = environments.debian()
        values = {
            "URL": url,
            "KEY": key,
            "DESTINATION": destination,
            "SCL": str(root / "usr/share/syslog-ng/include/scl"),
        }
        path = _configured("syslog-ng.conf", folder, prefix, **values)
        own = root / "usr/lib/syslog-ng"
        program = [str(root / "usr/sbin/syslog-ng"), "-F", "-f", str(path), f"--module-path={own / '3.38'}"]
        places = [f"--{name}={folder / name}" for name in ("persist-file", "pidfile", "control")]
        libraries = [own, root / "usr/lib/x86_64-linux-gnu", root / "lib/x86_64-linux-gnu"]
        return [*program, *places], {"LD_LIBRARY_PATH": ":".join(map(str, libraries))}

    return command


CLIENTS = [
    Client(name="otel-py", command=_in_python("otel"), protocol="otlp", has_error=True, has_trace=True),
    Client(name="otel-js", command=_in_node("otel", "json"), protocol="otlp", has_error=True),
    Client(name="otel-js-proto", command=_in_node("otel", "proto"), protocol="otlp", has_error=True),
    Client(name="elastic-py", command=_in_python("elastic"), protocol="elasticsearch", has_error=True, has_trace=True),
    Client(name="elastic-js", command=_in_node("elastic", "client"), protocol="elasticsearch"),
    Client(name="pino-elastic", command=_in_node("elastic", "pino"), protocol="elasticsearch"),
    Client(name="winston-elastic", command=_in_node("elastic", "winston"), protocol="elasticsearch"),
    Client(name="rsyslog", command=_rsyslog, protocol="elasticsearch", levels=(30,), stays=True),
    Client(name="syslog-ng-bulk", command=_syslog_ng("bulk"), protocol="elasticsearch", levels=(20,), stays=True),
    Client(name="syslog-ng-lines", command=_syslog_ng("lines"), protocol="ndjson", levels=(20,), stays=True),
    Client(name="winston-loki", command=_in_node("loki", "winston"), protocol="loki"),
    Client(name="pino-loki", command=_in_node("loki", "pino"), protocol="loki"),
    Client(name="loki-py", command=_in_python("loki"), protocol="loki"),
]


@contextmanager
def running(client: Client, url: str, key: str, folder: Path) -> Iterator[Popen[bytes]]:
    """Run a client for the block; one that ends by itself has ended when the block begins."""
    command, environment = client.command(url, key, folder, client.name)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "PYTHON"))}
    with (folder / "output").open("wb") as output:
        process = Popen(command, env=kept | dict(environment), cwd=folder, stdout=output, stderr=STDOUT)
    try:
        if not client.stays:
            process.wait(2 * DEADLINE_SECONDS)
        yield process
    finally:
        process.terminate()
        process.wait(DEADLINE_SECONDS)
