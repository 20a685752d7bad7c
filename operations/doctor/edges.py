"""At a core: are its edges there? At an edge: is its core there, and does it know who may call?"""

from collections.abc import Iterator

import redis
from django.conf import settings

from accounts import trust
from edges.standing import EdgeStanding, standings
from operations import vitals
from operations.doctor.finding import Finding, error, ok, warning
from operations.thresholds import SILENT_LINK_SECONDS
from quotas import shares


def of_core() -> Iterator[Finding]:
    """Look at each edge that has not ended."""
    found = standings()
    ill = [finding for one in found for finding in _findings(one)]
    if found and not ill:
        yield ok("edges", f"{len(found)} edges were heard in the last minute.")
    yield from ill


def _findings(one: EdgeStanding) -> Iterator[Finding]:
    name, edge = one.edge.name, one.edge
    if edge.last_seen_at is None:
        yield warning("edges", f"{name} was never seen.", "Start it: docs/edges.md. Not wanted? edges retire --lost.")
    elif one.is_silent:
        yield error(
            "edges",
            f"{name} was last seen {edge.last_seen_at:%Y-%m-%d %H:%M}Z. What it takes waits there, and is not lost.",
            "See whether it runs, and what its own doctor says of the link. Lost for ever? edges retire --lost.",
        )
    elif one.is_late:
        yield warning(
            "edges",
            f"At {name} {edge.waiting_batches} batches wait, the oldest for {edge.oldest_seconds:.0f} s.",
            "See its line and LUMINALOG_EDGE_BYTES_PER_SECOND, and whether batches are refused here: backlog_full.",
        )
    if one.has_another_clock:
        yield warning("edges", f"The clock of {name} differs by {edge.clock_seconds:.0f} s.", "Have both keep time.")
    if edge.refused_batches:
        yield warning(
            "edges",
            f"{edge.refused_batches} batches of {name} were not its to bring: other organisations', keys' or months'.",
            "They are dead letters there. Was an organisation taken off it? If not: revoke its token.",
        )
    if one.short_bytes:
        yield error(
            "loans",
            f"{name} has forwarded {one.short_bytes} bytes more than were lent to it. They are kept, and charged.",
            "That is a fault of ours: report it. A database of an edge is never restored from a backup.",
        )


def of_edge() -> Iterator[Finding]:
    """Look at the link, and at the age of the mirror."""
    age, spool = trust.age_seconds(), vitals.waiting()
    if age is None:
        yield error(
            "core",
            "The core has never told who may call here: all are answered 503.",
            "See the log of the link: is the token right, and does the core answer at " + settings.CORE_URL + "?",
        )
    elif age > settings.EDGE_TRUST_SECONDS:
        yield error(
            "core",
            f"The core was not heard for {age / 3600:.0f} hours: all are answered 503, as keys may have been revoked.",
            "Mend the link. LUMINALOG_EDGE_TRUST_SECONDS says for how long this edge does without.",
        )
    elif age > SILENT_LINK_SECONDS:
        yield warning(
            "core",
            f"The core was not heard for {age:.0f} s. Batches are taken, as far as loans go, and wait.",
            "See the log of the link, and whether it runs: bin/luminalog edges link.",
        )
    else:
        yield ok("core", f"The core was heard {age:.0f} s ago.")
    what = f"{spool.batches} batches ({spool.bytes} bytes on disk) wait, the oldest for {spool.oldest_seconds:.0f} s."
    if spool.is_very_late:
        yield warning("spool", what, "See the finding about the core, and the log of the link.")
    else:
        yield ok("spool", what)
    if full := vitals.limits_reached():
        yield error(
            "full",
            f"Batches are refused with 503 backlog_full: {', '.join(sorted(full))} at the limit.",
            "Mend the link, or make room: LUMINALOG_SPOOL_MAX_BYTES.",
        )
    yield from _shares()


def _shares() -> Iterator[Finding]:
    try:
        found = shares.standing()
    except redis.RedisError:  # which another finding tells
        return
    if found.void:
        yield warning(
            "shares",
            f"{found.void} of {found.shares} shares of request limits were not lent anew, nor given back:"
            " their organisations go on here at the rate of before.",
            "Is the core heard? Then see the log of the link, and Valkey at the core: docs/operations.md.",
        )
    elif found.shares:
        yield ok("shares", f"{found.shares} shares of request limits are lent.")
