"""`luminalog send`: what another program prints, or a text, becomes log entries. Needs no Django, and little memory."""

import argparse
import json
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from types import FrameType
from typing import Any

from django.core.management import CommandError

from command.files import files
from command.lines import batches, pieces
from command.server import Server, server
from embedded import environment
from foundation.arguments import within
from foundation.command_line import NOT_UNDERSTOOD
from foundation.levels import BY_NAME
from foundation.stopping import SIGNALS

DESCRIPTION = """Send a text as one entry, or each line of the standard input, or of files, as one. Where nothing else
is named, they go to the LuminaLog that `make run` has started, with its first key."""
EPILOG = """journalctl --follow | bin/luminalog send --project web-1
bin/luminalog send --file /var/log/app.log --follow --state /var/lib/app.sent
bin/luminalog send --level warn --field version=42 Deployed"""
#: How long a batch in hand is tried when we are told to stop.
LAST_SECONDS = 5


def parser() -> argparse.ArgumentParser:
    """Return what reads the arguments of `luminalog send`."""
    made = argparse.ArgumentParser(
        prog="luminalog send", description=DESCRIPTION, epilog=EPILOG, formatter_class=Formatter
    )
    made.add_argument("text", nargs="*", help="the message; without one, the lines of the standard input")
    made.add_argument("--level", choices=list(BY_NAME), default="info", help="(%(default)s)")
    made.add_argument(
        "--field", type=_field, action="append", default=[], metavar="NAME=VALUE", help="metadata; repeatable"
    )
    made.add_argument("--project", metavar="NAME", help="the key's own, unless named")
    made.add_argument("--environment", metavar="NAME", help="the key's own, unless named")
    made.add_argument(
        "--ndjson", action="store_true", help="lines are entries already: JSON objects as of POST /v1/logs"
    )
    made.add_argument("--file", type=Path, action="append", default=[], metavar="FILE", help="its lines; repeatable")
    made.add_argument("--follow", action="store_true", help="go on as files grow, also where they are rotated")
    made.add_argument("--state", type=Path, metavar="FILE", help="remember there how far files were sent")
    made.add_argument("--url", metavar="URL", help="of the server (LUMINALOG_URL)")
    made.add_argument("--key-file", type=Path, metavar="FILE", help="with the key, which else is in LUMINALOG_API_KEY")
    made.add_argument(
        "--patience", type=within(0, 10**6), default=60, metavar="SECONDS",
        help="how long to try while the server does not answer or has no room (%(default)s)",
    )  # fmt: skip
    made.add_argument("--json", action="store_true", help="answer in JSON")
    return made


class Formatter(argparse.RawDescriptionHelpFormatter):
    """Wraps the description, and leaves the examples below it as they are."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        if text == EPILOG:
            return super()._fill_text(text, width, indent)
        return argparse.HelpFormatter._fill_text(self, text, width, indent)


def main(arguments: Sequence[str]) -> int:
    """Send until there is no more; return the exit status. Raises: `CommandError`."""
    options = parser().parse_args(arguments)
    if ((options.follow or options.state) and not options.file) or (options.file and options.text):
        raise CommandError("--follow and --state go with --file, and that with no text.", returncode=NOT_UNDERSTOOD)
    environment.read_dotenv()
    sender = Sender(server(url=options.url, key_file=options.key_file), options)
    with _until_told(sender.stopped):
        if options.text:
            sender.deliver([" ".join(options.text).encode(errors="replace")])
        else:
            for batch in _lines(options, sender.stopped):
                sender.deliver(batch)
    sender.tell()
    return 1 if sender.refused else 0


def _lines(options: argparse.Namespace, stopped: Event) -> Iterator[list[bytes]]:
    if options.file:
        return files(options.file, state=options.state, follows=options.follow).batches(stopped=stopped)
    return batches(sys.stdin.fileno(), stopped=stopped)


@dataclass
class Sender:
    """Counts what was sent and refused. Lines are numbered from 1, empty ones left out."""

    server: Server
    options: argparse.Namespace

    def __post_init__(self) -> None:
        self.stopped = Event()
        self.lines = self.sent = self.refused = 0

    def deliver(self, lines: Sequence[bytes]) -> None:
        """Send `lines`; tell of those that the server refuses. Raises: `CommandError` when it takes none."""
        numbers, entries = zip(*self._entries(lines), strict=True)
        self.lines += len(lines)
        try:
            answer = self.server.send(list(entries), is_over=self._is_over, wait=self.stopped.wait)
        except CommandError as error:
            what = f"{error} Line {numbers[0]} and what followed were not sent; {self.sent} entries were."
            raise CommandError(what, returncode=error.returncode) from error
        self.sent += answer.get("processed", 0)
        self.refused += answer.get("rejected", 0)
        for one in answer.get("errors", []):
            _, place, field = f"{one['pointer']}//".split("/", 2)
            what = f"{field.strip('/')} {one['detail']}".strip()
            print(f"luminalog: Line {numbers[int(place)]}: {what}", file=sys.stderr)

    def tell(self) -> None:
        """Say how many there were."""
        said = {"sent": self.sent, "refused": self.refused, "lines": self.lines}
        print(json.dumps(said) if self.options.json else f"{self.sent} sent, {self.refused} refused")

    def _is_over(self, seconds: float) -> bool:
        patience: int = self.options.patience
        return seconds > (min(LAST_SECONDS, patience) if self.stopped.is_set() else patience)

    def _entries(self, lines: Sequence[bytes]) -> Iterator[tuple[int, bytes]]:
        """Yield the number of a line, and an entry of it."""
        for number, line in enumerate(lines, self.lines + 1):
            if self.options.ndjson and not self.options.text:
                yield number, line
                continue
            for message in pieces(line):
                yield number, json.dumps(self._entry(message)).encode()

    def _entry(self, message: str) -> dict[str, Any]:
        named = {"project_id": self.options.project, "environment": self.options.environment}
        entry = {"timestamp": datetime.now(UTC).isoformat(), "level": self.options.level, "message": message}
        entry |= {name: value for name, value in named.items() if value}
        return entry | ({"metadata": dict(self.options.field)} if self.options.field else {})


@contextmanager
def _until_told(stopped: Event) -> Iterator[None]:
    """Set `stopped` at SIGINT or SIGTERM: what is in hand is still sent. A second one ends the process at once."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        stopped.set()
        for number in SIGNALS:
            signal.signal(number, signal.SIG_DFL)

    before = {number: signal.signal(number, stop) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _field(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise argparse.ArgumentTypeError("write NAME=VALUE")
    return name, value
