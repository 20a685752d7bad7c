"""What real clients need, each in a folder of its own below `.clients/`: made once, from PyPI, npm and Debian."""

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.processes import PROJECT

FOLDER = PROJECT / ".clients"
PROGRAMS = Path(__file__).with_name("programs")
PYTHON = {
    "otel": ["opentelemetry-sdk==1.45.2", "opentelemetry-exporter-otlp-proto-http==1.45.2"],
    "elastic": ["elasticsearch==9.5.1"],
    "handler": ["graypy==2.1.0"],
    "loki": ["python-logging-loki==0.3.1"],
    "moto": ["moto[s3]==5.2.5", "flask==3.1.3", "flask-cors==6.0.5"],
    "openai": ["openai==3.51.0"],
    "sentry": ["sentry-sdk==2.75.0"],
    "sentry-brotli": ["sentry-sdk==2.75.0", "brotli"],
    "splunk": ["splunk-handler==3.0.0"],
    "structlog": ["structlog==26.1.0"],
}
NODE = [
    "@opentelemetry/sdk-logs@0.223", "@opentelemetry/exporter-logs-otlp-http@0.223",
    "@opentelemetry/exporter-logs-otlp-proto@0.223", "@elastic/elasticsearch@9.4.3", "pino@10",
    "pino-elasticsearch@9.0.0", "winston@3", "winston-elasticsearch@0.19.0", "winston-loki@6.1.7", "pino-loki@3.0.0",
    "@sentry/node@11.12.0", "splunk-logging@0.11.1",
]  # fmt: skip
DEBIAN = [
    "rsyslog", "rsyslog-elasticsearch", "syslog-ng-core", "syslog-ng-mod-http", "syslog-ng-scl", "libivykis0",
    "libnet1", "libwrap0", "libestr0", "libfastjson4", "liblognorm5", "libpcre3",
]  # fmt: skip


def python(name: str) -> Path:
    """Return the folder of packages of a client in Python."""
    return _made(f"python-{name}", lambda folder: [[_uv(), "pip", "install", "-q", "--target", folder, *PYTHON[name]]])


def node() -> Path:
    """Return a folder whose `node_modules` hold the clients in JavaScript: programs run in it."""
    if not shutil.which("npm"):
        pytest.skip("npm is missing: clients in JavaScript are not tried")
    flags = ["--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error", "--prefix"]
    return _made("node", lambda folder: [["npm", "install", *flags, folder, *NODE]])


def debian() -> Path:
    """Return a folder into which Debian's packages are unpacked; nothing of the system is touched."""
    if not shutil.which("apt-get"):
        pytest.skip("This is no Debian: rsyslog and syslog-ng are not tried")
    unpack = "for package in *.deb; do dpkg -x $package root; done"
    folder = _made("debian", lambda _: [["apt-get", "download", "-q", *DEBIAN], ["sh", "-ec", unpack]])
    return folder / "root"


def _uv() -> str:
    return str(Path(sys.executable).with_name("uv"))


def _made(name: str, commands: object) -> Path:
    folder = FOLDER / name
    stamp, wanted = folder / "made.json", commands(str(folder))  # type: ignore[operator]
    if not stamp.exists() or json.loads(stamp.read_text()) != wanted:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for command in wanted:
            _run(command, folder)
        stamp.write_text(json.dumps(wanted))
    return folder


def _run(command: Sequence[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"Could not be installed: {' '.join(command[:4])} … {done.stderr[-300:]}")
