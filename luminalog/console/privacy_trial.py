"""What privacy rules would do: to an entry that somebody has pasted, and to an organisation's newest. Keeps nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec

from foundation.refusals import Refusal
from ingest.protocol import Wishes
from ingest.protocols.ndjson import NDJSON
from privacy.admin import PolicyAdmin
from privacy.rules import Rules
from privacy.scrubbing import Findings, Scrubber
from storage.conditions import EVERYTHING
from storage.errors import Unavailable
from storage.found import FoundEntry
from storage.search import LAST_MOMENT, Search
from storage.store import store

NEWEST = 1_000
REACH = timedelta(days=30)
MOST_CHARACTERS = 100_000


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What was found in a field of the pasted entry, and what became of it."""

    field: str
    detector: str
    action: str


@dataclass(frozen=True, kw_only=True)
class Tried:
    """A pasted entry, before and after; or what is wrong with it."""

    before: str = ""
    after: str = ""
    findings: Sequence[Finding] = ()
    complaint: str = ""


@dataclass(frozen=True, kw_only=True)
class Preview:
    """In how many of the newest entries something would be found."""

    entries: int
    changed: Sequence[tuple[str, int]]
    reported: Sequence[tuple[str, int]]


def trial(organisation_id: int, rules: Rules, sample: str, *, now: datetime) -> dict[str, Any]:
    """Return what the page of an organisation's rules shows of a trial."""
    return {
        "tried": try_on(sample, rules) if sample else None,
        "preview": preview(organisation_id, rules, now=now),
    }


PolicyAdmin.trial = staticmethod(trial)


def try_on(sample: str, rules: Rules) -> Tried:
    """Scrub what somebody has pasted: an entry as it is sent, or a text, which is taken for a message."""
    if len(sample) > MOST_CHARACTERS:
        return Tried(complaint=f"Paste at most {MOST_CHARACTERS:,} characters.")
    try:
        line = _line_of(sample)
    except Refusal as refusal:
        return Tried(complaint=refusal.detail)
    scrubbed, changes = Scrubber(rules).scrub_line(line)
    return Tried(
        before=_readable(line),
        after=_readable(scrubbed or line),
        findings=[
            Finding(field=".".join(change.path) or "entry", detector=change.detector, action=change.action)
            for change in changes
        ],
    )


def preview(organisation_id: int, rules: Rules, *, now: datetime) -> Preview | None:
    """Look what rules would do to an organisation's newest entries; None while the log store does not answer."""
    search = Search(organisation_id, EVERYTHING, now - REACH, LAST_MOMENT)
    try:
        newest = store().reader.page(search, limit=NEWEST)
    except (Unavailable, Refusal):
        return None
    findings = _findings(newest, Scrubber(rules))
    return Preview(
        entries=len(newest), changed=sorted(findings.changed.items()), reported=sorted(findings.reported.items())
    )


def _findings(entries: Sequence[FoundEntry], scrubber: Scrubber) -> Findings:
    return scrubber.scrub(b"\n".join(map(_stored_line, entries))).findings


def _stored_line(entry: FoundEntry) -> bytes:
    members = {
        "timestamp": entry.timestamp,
        "level": entry.level.label,
        "message": entry.message,
        "environment": entry.environment,
        "privacy_mode": entry.privacy_mode,
        "metadata": entry.metadata,
        "error": entry.error,
    }
    return msgspec.json.encode({name: value for name, value in members.items() if value is not None})


def _line_of(sample: str) -> bytes:
    """Return the canonical form of a sample. Raises: `Refusal`."""
    if not sample.lstrip().startswith("{"):
        sample = msgspec.json.encode({"timestamp": "2026-01-01T00:00:00Z", "level": "info", "message": sample}).decode()
    body = b"[%b]" % sample.encode(errors="replace")
    incoming = NDJSON.read(body, Wishes())
    return incoming.entries[0]


def _readable(line: bytes) -> str:
    return msgspec.json.format(line, indent=2).decode()
