"""The evidence of a group: gathered in seconds, part by part, and kept as a snapshot until somebody asks for newer.

A part that takes too long or fails says so, and the others stand.
"""

import time
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any

import structlog
from django.db import DatabaseError, InterfaceError
from msgspec import json

from assist import metrics, snapshots
from assist.looked_at import ALL_SECONDS, FAILING_BYTES, PART_SECONDS, LookedAt, TooLate
from assist.part_shape import Part
from assist.parts import OTHERS_BYTES, PARTS
from explore.answers import Hold
from explore.shape import as_text
from foundation.outages import sqlstate
from foundation.refusals import Refusal
from foundation.shares import Shares
from issues import reading
from issues.listing import Summary
from issues.reading import Detail

log = structlog.get_logger(__name__)

#: What was gathered so lately is told again; less long where a part is missing.
FRESH, FRESH_IF_INCOMPLETE = timedelta(minutes=5), timedelta(seconds=20)
QUERY_CANCELED = "57014"  # PostgreSQL manual, appendix A
#: How many of a process gather at once, and how many of one organisation.
_gathering = Shares(2, for_each=1)
#: The lists whose items are evidence of their own.
ITEMS = {
    "different": "findings",
    "before": "lines",
    "when": "began_with_it",
    "relatives": "groups",
    "traces": "groups",
}


@dataclass(frozen=True, slots=True)
class Evidence:
    """The evidence of a group, in the API's shape; `digest` is of all but when it was gathered."""

    organisation_id: int
    group_id: int
    number: int
    digest: str
    made_at: datetime
    oldest_at: datetime
    is_complete: bool
    document: dict[str, Any]

    @property
    def ids(self) -> list[str]:
        """What may be referred to: each part that says something, and each item of one."""
        return [
            one["id"]
            for name, part in self.document["parts"].items()
            if part["status"] == "ok"
            for one in (part, *part.get(ITEMS.get(name, ""), ()))
        ]


def evidence_of(organisation_id: int, number: int, *, anew: bool = False) -> Evidence | None:
    """Return the evidence of a group, or of the one that it was merged into; None if there is no such group.

    What was gathered in the last minutes, unless it is wanted `anew`. Raises: `Refusal`, `OperationalError`.
    """
    now = snapshots.current_time()
    detail = reading.group(organisation_id, number, seconds=PART_SECONDS)
    if detail is None:
        return None
    group = detail.summary
    kept = None if anew else kept_of(organisation_id, group)
    if kept and now - kept.made_at < (FRESH if kept.is_complete else FRESH_IF_INCOMPLETE):
        return kept
    if not _gathering.take_soon(1, owner=organisation_id, seconds=ALL_SECONDS):
        raise Refusal("overloaded", retry_after_seconds=5)
    try:
        kept = kept_of(organisation_id, group)
        if kept and kept.made_at >= now:
            return kept  # somebody else has gathered it meanwhile
        with closing(Hold(organisation_id, most_bytes=FAILING_BYTES + OTHERS_BYTES)):
            return _gathered(organisation_id, detail, now)
    finally:
        _gathering.give_back(1, owner=organisation_id)


def kept_of(organisation_id: int, group: Summary) -> Evidence | None:
    """Return what was gathered last of a group, if anything was. Raises: `OperationalError`."""
    kept = snapshots.kept(organisation_id, group.id)
    if kept is None:
        return None
    return Evidence(
        organisation_id=organisation_id,
        group_id=group.id,
        number=group.number,
        digest=kept.digest,
        made_at=kept.made_at,
        oldest_at=kept.oldest_at,
        is_complete=kept.is_complete,
        document=json.decode(kept.document),
    )


def last_kept(organisation_id: int, number: int) -> Evidence | None:
    """Return what was gathered last of the group with this number. Raises: `OperationalError`."""
    detail = reading.group(organisation_id, number, seconds=PART_SECONDS)
    return kept_of(organisation_id, detail.summary) if detail else None


def _gathered(organisation_id: int, detail: Detail, now: datetime) -> Evidence:
    with metrics.EVIDENCE_SECONDS.time():
        look = LookedAt(organisation_id, detail, now)
        parts = {name: _part(name, look) for name in PARTS}
    start, end = look.range
    document = {
        "number": detail.summary.number,
        "title": detail.summary.title,
        "culprit": detail.summary.culprit or None,
        "project": detail.summary.project,
        "from": as_text(start),
        "to": as_text(end),
        "parts": parts,
    }
    is_complete = all(part["status"] in ("ok", "nothing") for part in parts.values())
    digest = blake2b(json.encode(document), digest_size=16).hexdigest()
    made = Evidence(
        organisation_id=organisation_id,
        group_id=detail.summary.id,
        number=detail.summary.number,
        digest=digest,
        made_at=look.now,
        oldest_at=look.oldest_at or look.now,
        is_complete=is_complete,
        document=document | {"digest": digest, "made_at": as_text(look.now), "is_complete": is_complete},
    )
    snapshots.keep(
        organisation_id,
        made.group_id,
        snapshots.Kept(made.made_at, made.oldest_at, is_complete, digest, json.encode(made.document).decode()),
    )
    return made


def _part(name: str, look: LookedAt) -> Part:
    """Ask for a part, and name what it says."""
    began = time.monotonic()
    try:
        part = PARTS[name](look)
    except TooLate:
        part = _failed("timed_out", f"There was no time left: all evidence may take {ALL_SECONDS:.0f} seconds.")
    except Refusal as refusal:
        is_late = refusal.code == "query_timeout"
        part = _timed_out() if is_late else _failed("failed", refusal.detail)
    except (DatabaseError, InterfaceError) as error:
        is_late = sqlstate(error) == QUERY_CANCELED
        part = _timed_out() if is_late else _failed("failed", "The database could not answer.")
        log.warning("evidence_part_failed", part=name, error=type(error).__name__)
    except Exception as error:  # whatever it is, a bug of ours too: the other parts stand
        part = _failed("failed", "It could not be told: the server's log says more.")
        log.error("evidence_part_failed", part=name, error=type(error).__name__, exc_info=error)
    metrics.EVIDENCE_PARTS.labels(part=name, status=part["status"]).inc()
    log.debug("evidence_part", part=name, outcome=part["status"], seconds=round(time.monotonic() - began, 3))
    for place, item in enumerate(part.get(ITEMS.get(name, ""), ()), 1):
        item["id"] = f"{name}-{place}"
    return {"id": name, **part}


def _timed_out() -> Part:
    return _failed("timed_out", f"It took longer than {PART_SECONDS:.0f} seconds.")


def _failed(status: str, note: str) -> Part:
    return {"status": status, "note": note}
