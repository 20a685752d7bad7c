"""syslog: RFC 5424, and what passes for RFC 3164: a message each, as routers, daemons and loggers write it.

It comes by no address of ours: `ingest.syslog` listens, and makes bodies of what it hears. Where it is doubtful what a
part of a message means, it belongs to the text.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, tzinfo
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import MsgspecError, Struct, msgpack

from foundation.levels import LevelName
from foundation.redaction import redact
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
Grade = tuple[LevelName, str, str]
#: What follows the time (RFC 5424, section 6.2).
HEADER = ("host", "app", "pid", "msgid")
#: In which a key is looked for.
MOST_HEAD_BYTES = 8_192
#: A structured data element of this name is for us: it may hold the key, which is not stored.
OURS = "luminalog@"

_PRIORITY = re.compile(r"<(\d{1,3})>")
_MODERN = re.compile(r"1 (\S+) (\S+) (\S+) (\S+) (\S+) (-|(?=\[))")
_ELEMENT = re.compile(r"\[([^\s=\]\"]{1,64})((?: [^\s=\]\"]{1,64}=\"(?:[^\"\\\]]++|\\.|\\)*+\")*+) ?\]", re.DOTALL)
_PARAMETER = re.compile(r" ([^\s=\]\"]{1,64})=\"((?:[^\"\\\]]++|\\.|\\)*+)\"", re.DOTALL)
_ESCAPED = re.compile(r"\\([\"\\\]])")
_OLD_TIME = re.compile(r"[A-Z][a-z]{2} [ \d]\d (?:\d{4} )?\d\d:\d\d:\d\d(?:[.,]\d{1,9})?", re.ASCII)
#: The number before it is Cisco's, and so are the marks of a clock that is not set.
_TIME = re.compile(
    r"(?:\d{1,10}: )?(?:[*.])?"
    rf"(?:(?P<old>{_OLD_TIME.pattern})(?: (?P<zone>UTC|GMT|Z))?"
    r"|(?P<new>\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?)):?(?: +|$)"
)
_SENDER = re.compile(
    r"(?:(?P<host>[\w.:-]{1,255}) +)?"
    r"(?:(?P<app>[^\s:\[\]%][^\s:\[\]]{0,127})(?:\[(?P<pid>[^\]\s]{1,64})\])?:(?: |$)|(?:: )?(?=%[A-Z]))"
    r"|(?P<address>\d{1,3}(?:\.\d{1,3}){3}) "
)
#: What of the old form is usual, in one look.
_USUAL = re.compile(r"<(\d{1,3})>(.{15}) ([\w.:-]++) ([^\s:\[\]%]++)(?:\[([^\]\s]++)\])?: ?", re.ASCII)
#: Without a time before it only this is surely whose message it is.
_BARE_SENDER = re.compile(r"(?P<app>[^\s:\[\]]{1,128})\[(?P<pid>\d{1,10})\]: ?")
_MONTHS = "JanFebMarAprMayJunJulAugSepOctNovDec"


class Heard(Struct, frozen=True, array_like=True):
    """A message, without what ends it, and the address it came from."""

    source: str
    message: bytes


_encode, _decode = msgpack.Encoder().encode, msgpack.Decoder(list[Heard]).decode


def body_of(heard: Sequence[Heard]) -> bytes:
    """Return messages as a body has them."""
    return _encode(heard)


def key_of(message: bytes) -> str | None:
    """Return the API key that a message's structured data holds: what stands elsewhere is text."""
    if OURS.encode() not in message:
        return None
    text = message[:MOST_HEAD_BYTES].decode(errors="replace")
    head = _MODERN.match(text, _priority(text)[1])
    elements = _elements(text, head.end())[0] if head else []
    keys = (values["key"] for name, values in elements if name.startswith(OURS) and "key" in values)
    return next(keys, None)


class Syslog(AgentProtocol):
    """Nobody waits for its answer: a sender hears nothing, or, by TCP, that we read no further."""

    name = "syslog"

    def drafts(self, body: bytes, wishes: Wishes, notes: Any) -> Iterator[Draft]:  # noqa: ARG002
        now, zone = receipt_time(), _zone(wishes.head.parameters.get(ZONE, "UTC"))
        try:
            heard = _decode(body)
        except MsgspecError:
            raise Refusal("malformed_json", "A body of syslog is what `body_of` makes.") from None
        for one in heard:
            yield entry_of(one.message, source=one.source, now=now, zone=zone)


def entry_of(message: bytes, *, source: str, now: datetime, zone: tzinfo = UTC) -> Entry:
    """Make an entry of a message; `now` and `source` are its time and its host where it names none."""
    text = message.decode(errors="replace")
    return _usual(text, now, zone) or _entry(text, source, now, zone)


def _usual(text: str, now: datetime, zone: tzinfo) -> Entry | None:
    """Do what `_entry` does for a message of the old form as it usually is, in half the time; else None."""
    found = _USUAL.match(text)
    if found is None:
        return None
    priority, time, host, app, pid = found.groups()
    moment, graded, said = _moment(time, zone, now.date()), _grade(priority), text[found.end() :]
    if moment is None or graded is None or not said:
        return None
    level, facility, severity = graded
    metadata = {"facility": facility, "severity": severity, "host": host, "app": app}
    if pid:
        metadata["pid"] = pid
    return Entry(moment, level, said, None, None, None, None, None, None, metadata)


def _entry(text: str, source: str, now: datetime, zone: tzinfo) -> Entry:
    if OURS in text:
        text = redact(text)  # also where its element is not whole, and so is text
    graded, at = _priority(text)
    level: LevelName = "info"
    metadata: dict[str, Any] = {}
    if graded:
        level, metadata["facility"], metadata["severity"] = graded
    if graded and (modern := _MODERN.match(text, at)):
        moment, said = _modern(text, modern, metadata)
    else:
        moment, said = _old(text, at, metadata, now, zone)
    metadata.setdefault("host", source)
    said = said.removeprefix("\ufeff")
    return Entry(moment or now, level, said if said.strip() else text, metadata=metadata)


def _priority(text: str) -> tuple[Grade | None, int]:
    """Return what the priority says, and where it ends; None where there is none."""
    found = _PRIORITY.match(text)
    graded = _grade(found[1]) if found else None
    return (graded, found.end()) if found and graded else (None, 0)


@lru_cache(maxsize=1_024)
def _grade(priority: str) -> Grade | None:
    """Return our level, and the names of facility and severity; None for what is no priority."""
    number = int(priority)
    if number > MOST_PRIORITY:
        return None
    severity, level = SEVERITIES[number & 7]
    return level, FACILITIES[number >> 3], severity


def _modern(text: str, head: re.Match[str], metadata: dict[str, Any]) -> tuple[datetime | None, str]:
    """Read what follows the priority by RFC 5424."""
    time, *names, _ = head.groups()
    metadata.update((name, value) for name, value in zip(HEADER, names, strict=True) if value != "-")
    elements, at = _elements(text, head.end())
    data = {}
    for name, values in elements:
        if name.startswith(OURS):
            values.pop("key", None)
        if values or not name.startswith(OURS):
            data[name] = values
    if data:
        metadata["sd"] = data
    return (None if time == "-" else moment_of(time)), text[at:].removeprefix(" ")


def _elements(text: str, at: int) -> tuple[list[tuple[str, dict[str, str]]], int]:
    """Return the elements of structured data that begins at `at`, and where it ends."""
    elements = []
    while element := _ELEMENT.match(text, at):
        at = element.end()
        values = {name: _ESCAPED.sub(r"\1", value) for name, value in _PARAMETER.findall(element[2])}
        elements.append((element[1], values))
    return elements, at


def _old(text: str, at: int, metadata: dict[str, Any], now: datetime, zone: tzinfo) -> tuple[datetime | None, str]:
    """Read what follows the priority as it has been written since before RFC 3164."""
    time = _TIME.match(text, at)
    if time is None:
        if sender := _BARE_SENDER.match(text, at):
            metadata.update(sender.groupdict())
            at = sender.end()
        return None, text[at:]
    old, is_utc, new = time.groups()
    moment = _of_iso(new, zone) if new else _moment(old, UTC if is_utc else zone, now.date())
    if moment is None:
        return None, text[at:]
    if sender := _SENDER.match(text, time.end()):
        found = sender.groupdict()
        found["host"] = found.pop("address") or found["host"]
        metadata.update((name, value) for name, value in found.items() if value)
        return moment, text[sender.end() :]
    return moment, text[time.end() :]


def _of_iso(text: str, zone: tzinfo) -> datetime | None:
    """Return the moment of an RFC 3339 time, or one like it; in `zone` if it names none."""
    try:
        found = datetime.fromisoformat(text.replace(",", "."))
        return (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        return moment_of(text)  # a leap second


@lru_cache(maxsize=4_096)
def _moment(text: str, zone: tzinfo, today: date) -> datetime | None:
    """Return the moment of a time without a year, in that year which puts it nearest to `today`; None if it is none."""
    if not _OLD_TIME.fullmatch(text):
        return None
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
