"""The clients that are tried: what the document prints of each, the program around it, and what it sends."""

import os
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import STDOUT, Popen

from tests.clients import environments
from tests.clients.documents import Block, printed
from tests.clients.environments import PROGRAMS
from tests.processes import PROJECT
from tests.waiting import DEADLINE_SECONDS

ENTRIES = 1_000
LEVELS = (10, 20, 30, 40)
#: Where a program has the document's block.
PLACE = "BLOCK"


@dataclass(frozen=True, kw_only=True)
class Target:
    """Where a client is to send, by which name, and a folder of its own."""

    url: str
    key: str
    name: str
    folder: Path


@dataclass(frozen=True, kw_only=True)
class Run:
    """How a client is started, with these variables."""

    command: list[str]
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Client:
    """One client; `block` is what the document prints of it, and `start` puts a program around that."""

    name: str
    block: Block
    start: Callable[[Block, Target], Run]
    protocol: str
    levels: tuple[int, ...] = LEVELS  # in turn
    has_error: bool = False
    has_trace: bool = False
    #: Until somebody ends it.
    stays: bool = False


def _program(name: str, block: str, to: Path) -> Path:
    """Write a program around a block; return where."""
    text = (PROGRAMS / name).read_text()
    [line] = [one for one in text.splitlines() if one.endswith(PLACE)]
    to.write_text(text.replace(line, block, 1))
    to.chmod(0o600)
    return to


def _in_python(name: str) -> Callable[[Block, Target], Run]:
    def start(block: Block, target: Target) -> Run:
        path = _program(
            f"{name.partition('-')[0]}.py.txt", block.filled(target.url, target.key), target.folder / "client.py"
        )
        return _python(name, path, target)

    return start


def _python(name: str, path: Path, target: Target, **variables: str) -> Run:
    command = [sys.executable, "-W", "ignore", str(path), target.name]
    return Run(command=command, environment={"PYTHONPATH": str(environments.python(name)), **variables})


def _by_environment(block: Block, target: Target) -> Run:
    own = (PROGRAMS / "otel-environment.py.txt").read_text()
    path = _program("otel.py.txt", own, target.folder / "client.py")
    return _python("otel", path, target, **block.variables(target.url, target.key))


def _in_node(name: str, **words: str) -> Callable[[Block, Target], Run]:
    def start(block: Block, target: Target) -> Run:
        path = environments.node() / f"{target.name}.mjs"
        _program(f"{name}.mjs", block.filled(target.url, target.key, words), path)
        return Run(command=["node", str(path), target.name])

    return start


def _configured(name: str, block: str, target: Target, **values: str) -> Path:
    (target.folder / "app.log").write_text("".join(f"{target.name} {number}\n" for number in range(ENTRIES)))
    path = _program(name, block, target.folder / name)
    text = path.read_text()
    for word, value in {"FOLDER": str(target.folder), **values}.items():
        text = text.replace(word, value)
    path.write_text(text)
    return path


def _rsyslog(block: Block, target: Target) -> Run:
    words = {"/var/log/luminalog-errors": str(target.folder / "errors")}
    return rsyslog(block.filled(target.url, target.key, words), target)


def rsyslog(action: str, target: Target) -> Run:
    """Have rsyslog read a file, and do this with each line."""
    root = environments.debian()
    libraries = root / "usr/lib/x86_64-linux-gnu"
    path = _configured("rsyslog.conf", action, target)
    found = {"LD_LIBRARY_PATH": str(libraries), "RSYSLOG_MODDIR": str(libraries / "rsyslog")}
    command = [str(root / "usr/sbin/rsyslogd"), "-n", "-f", str(path), "-i", str(target.folder / "pid")]
    return Run(command=command, environment=found)


def _syslog_ng(block: Block, target: Target) -> Run:
    return syslog_ng(block.filled(target.url, target.key), target)


def syslog_ng(destination: str, target: Target) -> Run:
    """Have syslog-ng read a file, and send each line to this destination."""
    root = environments.debian()
    scl = str(root / "usr/share/syslog-ng/include/scl")
    path = _configured("syslog-ng.conf", destination, target, SCL=scl)
    own = root / "usr/lib/syslog-ng"
    command = [str(root / "usr/sbin/syslog-ng"), "-F", "-f", str(path), f"--module-path={own / '3.38'}"]
    places = [f"--{name}={target.folder / name}" for name in ("persist-file", "pidfile", "control")]
    libraries = [own, root / "usr/lib/x86_64-linux-gnu", root / "lib/x86_64-linux-gnu"]
    return Run(command=[*command, *places], environment={"LD_LIBRARY_PATH": ":".join(map(str, libraries))})


def _structlog(block: Block, target: Target) -> Run:
    path = _program("structlog.py.txt", block.text, target.folder / "client.py")
    run = _python("structlog", path, target)
    pipe = f"{shlex.join(run.command)} | env -u PYTHONPATH {PROJECT}/bin/luminalog send --ndjson"
    addresses = {"LUMINALOG_URL": target.url, "LUMINALOG_API_KEY": target.key}
    return Run(command=["bash", "-o", "pipefail", "-c", pipe], environment={**run.environment, **addresses})


SDKS, ELASTIC = "OpenTelemetry SDKs", "Elasticsearch's clients"
TO_PROTOBUF = {"exporter-logs-otlp-http": "exporter-logs-otlp-proto"}
CLIENTS = [
    Client(
        name="otel-py", block=printed(SDKS, "python"), start=_in_python("otel"), protocol="otlp", has_error=True,
        has_trace=True,
    ),
    Client(
        name="otel-environment", block=printed(SDKS, "sh"), start=_by_environment, protocol="otlp", has_error=True,
        has_trace=True,
    ),
    Client(name="otel-js", block=printed(SDKS, "js"), start=_in_node("otel"), protocol="otlp", has_error=True),
    Client(
        name="otel-js-proto", block=printed(SDKS, "js"), start=_in_node("otel", **TO_PROTOBUF), protocol="otlp",
        has_error=True,
    ),
    Client(
        name="elastic-py", block=printed(ELASTIC, "python"), start=_in_python("elastic"), protocol="elasticsearch",
        has_error=True, has_trace=True,
    ),
    Client(name="elastic-js", block=printed(ELASTIC, "js"), start=_in_node("elastic"), protocol="elasticsearch"),
    Client(name="pino-elastic", block=printed("pino", "js", 1), start=_in_node("pino"), protocol="elasticsearch"),
    Client(
        name="winston-elastic", block=printed("winston", "js", 1), start=_in_node("winston"), protocol="elasticsearch"
    ),
    Client(
        name="rsyslog", block=printed("rsyslog"), start=_rsyslog, protocol="elasticsearch", levels=(30,), stays=True
    ),
    Client(
        name="syslog-ng-bulk", block=printed("syslog-ng", "", 1), start=_syslog_ng, protocol="elasticsearch",
        levels=(20,), stays=True,
    ),
    Client(
        name="syslog-ng-lines", block=printed("syslog-ng"), start=_syslog_ng, protocol="ndjson", levels=(20,),
        stays=True,
    ),
    Client(name="winston-loki", block=printed("winston", "js"), start=_in_node("winston"), protocol="loki"),
    Client(name="pino-loki", block=printed("pino", "js"), start=_in_node("pino"), protocol="loki"),
    Client(name="loki-py", block=printed("Python logging", "python"), start=_in_python("loki"), protocol="loki"),
    Client(
        name="splunk-py", block=printed("Splunk's loggers", "python"), start=_in_python("splunk"), protocol="splunk",
        levels=(20,),
    ),
    Client(name="splunk-js", block=printed("Splunk's loggers", "js"), start=_in_node("splunk"), protocol="splunk"),
    Client(
        name="graypy", block=printed("GELF", "python"), start=_in_python("handler"), protocol="gelf", has_error=True
    ),
    Client(
        name="winston-http", block=printed("winston", "js", 2), start=_in_node("winston-http"), protocol="ndjson",
        has_error=True,
    ),
    Client(
        name="logging-http", block=printed("Python logging", "python", 1), start=_in_python("handler"),
        protocol="ndjson", has_error=True,
    ),
    Client(name="structlog", block=printed("structlog", "python"), start=_structlog, protocol="ndjson"),
]  # fmt: skip
SENTRY = "Sentry's SDKs"
#: They send a log each 999 times, and an unhandled exception then.
OF_ERRORS = [
    Client(name="sentry-py", block=printed(SENTRY, "python"), start=_in_python("sentry"), protocol="sentry"),
    Client(name="sentry-brotli", block=printed(SENTRY, "python"), start=_in_python("sentry-brotli"), protocol="sentry"),
    Client(name="sentry-js", block=printed(SENTRY, "js"), start=_in_node("sentry"), protocol="sentry"),
]


@contextmanager
def running(client: Client, url: str, key: str, folder: Path) -> Iterator[Popen[bytes]]:
    """Run a client for the block; one that ends by itself has ended when the block begins."""
    run = client.start(client.block, Target(url=url, key=key, name=client.name, folder=folder))
    with started(run, folder, stays=client.stays) as process:
        yield process


@contextmanager
def started(run: Run, folder: Path, *, stays: bool) -> Iterator[Popen[bytes]]:
    """Run a program for the block; one that does not stay has ended when the block begins."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "PYTHON"))}
    with (folder / "output").open("wb") as output:
        process = Popen(run.command, env=kept | dict(run.environment), cwd=folder, stdout=output, stderr=STDOUT)
    try:
        if not stays:
            process.wait(2 * DEADLINE_SECONDS)
        yield process
    finally:
        process.terminate()
        process.wait(DEADLINE_SECONDS)
