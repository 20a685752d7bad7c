"""syslog: RFC 5424, and what passes for RFC 3164: a message each, as routers, daemons and loggers write it.

It comes by no address of ours: `ingest.syslog` listens, and makes bodies of what it hears (`frame`). Where it is
doubtful what a part of a message means, it belongs to the text.
"""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, tzinfo
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from foundation.levels import LevelName
from foundation.refusals import Refusal
from ingest.agents import AgentProtocol, Draft, receipt_time
from ingest.protocol import Wishes
from ingest.timestamps import moment_of
from storage.entry import Entry

#: Of the head: the zone of times that name none.
ZONE = "zone"
#: RFC 5424, tables 1 and 2.
FACILITIES = (
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp", "ntp",
    "audit", "alert", "clock", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
)  # fmt: skip
SEVERITIES: tuple[tuple[str, LevelName], ...] = (
    ("emerg", "fatal"), ("alert", "fatal"), ("crit", "fatal"), ("err", "error"), ("warning", "warn"),
    ("notice", "info"), ("info", "info"), ("debug", "debug"),
)  # fmt: skip
MOST_PRIORITY = 191
#: What follows the time (RFC 5424, section 6.2).
HEADER = ("host", "app", "pid", "msgid")
#: A structured data element of this name is for us: it may hold the key, which is not stored.
OURS = "luminalog@"

_FRAME = re.compile(rb"(\d{1,9}) (\S*) ")
_PRIORITY = re.compile(r"<(\d{1,3})>")
_MODERN = re.compile(r"1 (\S+) (\S+) (\S+) (\S+) (\S+) (-|(?=\[))")
_ELEMENT = re.compile(r"\[([^\s=\]\"]{1,64})((?: [^\s=\]\"]{1,64}=\"(?:[^\"\\\]]++|\\.|\\)*+\")*+) ?\]", re.DOTALL)
_PARAMETER = re.compile(r" ([^\s=\]\"]{1,64})=\"((?:[^\"\\\]]++|\\.|\\)*+)\"", re.DOTALL)
_ESCAPED = re.compile(r"\\([\"\\\]])")
#: The number before it is Cisco's, and so are the marks of a clock that is not set.
_TIME = re.compile(
    r"(?:\d{1,10}: )?(?:[*.])?"
    r"(?:(?P<old>[A-Z][a-z]{2} [ \d]\d (?:\d{4} )?\d\d:\d\d:\d\d(?:[.,]\d{1,9})?)(?: (?P<zone>UTC|GMT|Z))?"
    r"|(?P<new>\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?)):?(?: +|$)"
)
_SENDER = re.compile(
    r"(?:(?P<host>[\w.:-]{1,255}) +)?"
    r"(?:(?P<app>[^\s:\[\]%][^\s:\[\]]{0,127})(?:\[(?P<pid>[^\]\s]{1,64})\])?:(?: |$)|(?:: )?(?=%[A-Z]))"
    r"|(?P<address>\d{1,3}(?:\.\d{1,3}){3}) "
)
#: What of the old form is usual, in one look.
_USUAL = re.compile(
    r"<(\d{1,3})>([A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d) ([\w.:-]{1,255}) "
    r"([^\s:\[\]%][^\s:\[\]]{0,127})(?:\[([^\]\s]{1,64})\])?: ?"
)
#: Without a time before it only this is surely whose message it is.
_BARE_SENDER = re.compile(r"(?P<app>[^\s:\[\]]{1,128})\[(?P<pid>\d{1,10})\]: ?")
_MONTHS = "JanFebMarAprMayJunJulAugSepOctNovDec"
_KEY = re.compile(rb"\[luminalog@[^\s=\]\"]*(?: [^\s=\]\"]+=\"(?:[^\"\\\]]|\\.)*\")*? key=\"([^\"\\\]]{1,200})\"")


def frame(message: bytes, *, source: str) -> bytes:
    """Return a message as a body has it: its octets, where it came from, and itself."""
    return b"%d %s %b" % (len(message), source.encode(), message)


def sources(body: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield the messages of a body, each after where it came from. Raises: `Refusal`."""
    at = 0
    while at < len(body):
        head = _FRAME.match(body, at)
        if head is None or (end := head.end() + int(head[1])) > len(body):
            raise Refusal("malformed_json", "A body of syslog is messages, each after its octets and its source.")
        yield head[2].decode(errors="replace"), body[head.end() : end]
        at = end


def key_of(message: bytes) -> str | None:
    """Return the API key that a message's structured data holds."""
    found = _KEY.search(message, 0, 8_192) if OURS.encode() in message else None
    return found[1].decode(errors="replace") if found else None


class Syslog(AgentProtocol):
    """Nobody waits for its answer: a sender hears nothing, or, by TCP, that we read no further."""

    name = "syslog"

    def drafts(self, body: bytes, wishes: Wishes, notes: Any) -> Iterator[Draft]:  # noqa: ARG002
        now, zone = receipt_time(), _zone(wishes.head.parameters.get(ZONE, "UTC"))
        for source, message in sources(body):
            yield entry_of(message, source=source, now=now, zone=zone)


def entry_of(message: bytes, *, source: str, now: datetime, zone: tzinfo = UTC) -> Entry:
    """Make an entry of a message; `now` and `source` are its time and its host where it names none."""
    text = message.decode(errors="replace").rstrip("\r\n\0")
    return _usual(text, now, zone) or _entry(text, source, now, zone)


def _usual(text: str, now: datetime, zone: tzinfo) -> Entry | None:
    """Do what `_entry` does for a message of the old form as it usually is, in half the time; else None."""
    found = _USUAL.match(text)
    if found is None:
        return None
    priority, time, host, app, pid = found.groups()
    moment = _moment(time, zone, now.date())
    said = text[found.end() :]
    if moment is None or (number := int(priority)) > MOST_PRIORITY or not said:
        return None
    metadata = dict(_of_priority(number))
    metadata["host"], metadata["app"] = host, app
    if pid:
        metadata["pid"] = pid
    return Entry(moment, SEVERITIES[number & 7][1], said, None, None, None, None, None, None, metadata)


def _entry(text: str, source: str, now: datetime, zone: tzinfo) -> Entry:
    priority, at = _priority(text)
    metadata = dict(_of_priority(priority)) if priority is not None else {}
    level = SEVERITIES[priority & 7][1] if priority is not None else "info"
    if priority is not None and (modern := _MODERN.match(text, at)):
        moment, said = _modern(text, modern, metadata)
    else:
        moment, said = _old(text, at, metadata, now, zone)
    metadata.setdefault("host", source)
    said = said.removeprefix("\ufeff")
    return Entry(moment or now, level, said if said.strip() else text, metadata=metadata)


def _priority(text: str) -> tuple[int | None, int]:
    """Return facility and severity in one, and where they end; None where there are none."""
    found = _PRIORITY.match(text)
    if found is None or int(found[1]) > MOST_PRIORITY:
        return None, 0
    return int(found[1]), found.end()


@lru_cache(maxsize=MOST_PRIORITY + 1)
def _of_priority(priority: int) -> tuple[tuple[str, str], ...]:
    return ("facility", FACILITIES[priority >> 3]), ("severity", SEVERITIES[priority & 7][0])


def _modern(text: str, head: re.Match[str], metadata: dict[str, Any]) -> tuple[datetime | None, str]:
    """Read what follows the priority by RFC 5424."""
    time, *names, _ = head.groups()
    metadata.update((name, value) for name, value in zip(HEADER, names, strict=True) if value != "-")
    at, data = head.end(), {}
    while element := _ELEMENT.match(text, at):
        at = element.end()
        values = {name: _ESCAPED.sub(r"\1", value) for name, value in _PARAMETER.findall(element[2])}
        if element[1].startswith(OURS):
            values.pop("key", None)
        if values or not element[1].startswith(OURS):
            data[element[1]] = values
    if data:
        metadata["sd"] = data
    return (None if time == "-" else moment_of(time)), text[at:].removeprefix(" ")


def _old(text: str, at: int, metadata: dict[str, Any], now: datetime, zone: tzinfo) -> tuple[datetime | None, str]:
    """Read what follows the priority as it has been written since before RFC 3164."""
    time = _TIME.match(text, at)
    if time is None:
        if sender := _BARE_SENDER.match(text, at):
            metadata.update(sender.groupdict())
            at = sender.end()
        return None, text[at:]
    old, is_utc, new = time.groups()
    moment = moment_of(new.replace(",", ".")) if new else _moment(old, UTC if is_utc else zone, now.date())
    if moment is None:
        return None, text[at:]
    if sender := _SENDER.match(text, time.end()):
        found = sender.groupdict()
        found["host"] = found.pop("address") or found["host"]
        metadata.update((name, value) for name, value in found.items() if value)
        return moment, text[sender.end() :]
    return moment, text[time.end() :]


@lru_cache(maxsize=4_096)
def _moment(text: str, zone: tzinfo, today: date) -> datetime | None:
    """Return the moment of a time without a year: in that year which puts it nearest to `today`."""
    month, day, *year, clock = text.split()
    years = map(int, year) if year else (today.year - 1, today.year, today.year + 1)
    moments = [moment for one in years if (moment := _in_year(one, month, int(day), clock, zone))]
    return min(moments, key=lambda moment: abs(moment.date() - today), default=None)


def _in_year(year: int, month: str, day: int, clock: str, zone: tzinfo) -> datetime | None:
    """Return the moment in a year; None when there is none: 29 February, or a month of another language."""
    whole, _, fraction = clock.replace(",", ".").partition(".")
    hour, minute, second = map(int, whole.split(":"))
    microsecond = int(f"{fraction:0<6}"[:6])
    try:
        number = _MONTHS.index(month) // 3 + 1
        moment = datetime(year, number, day, hour, minute, min(second, 59), microsecond, tzinfo=zone)
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


@lru_cache(maxsize=64)
def _zone(name: str) -> tzinfo:
    return UTC if name == "UTC" else ZoneInfo(name)


SYSLOG = Syslog()
