"""The dashboard that every organisation has: made when it is looked at, of what its entries hold, and kept nowhere."""

import re
import time
from datetime import datetime, timedelta

from explore import search
from explore.dashboards.document import Document, Panel
from explore.search import Search
from foundation.expiring import Expiring
from foundation.refusals import Refusal
from storage.conditions import EVERYTHING

NAME, TITLE = "overview", "Overview"
#: Names of numbers that tell how long something took.
DURATION = re.compile(
    r"(?:^|[._])(?:duration|elapsed|latency|took|response_time)(?:[._]|$)|(?:_ms|Ms|_millis)$|duration", re.I
)
LATELY = timedelta(days=1)
#: So long it stays the same; where nothing is found, it is looked for again soon.
KEPT_SECONDS, LOOKED_SECONDS = 600, 60
_durations: Expiring[int, str] = Expiring(capacity=1_000)


def overview(organisation_id: int, *, now: datetime) -> Document:
    """Return the overview of an organisation."""
    panels = [
        Panel(id="levels", kind="series", title="Entries by level", width=8, by=("level",)),
        Panel(id="errors", kind="stat", title="Errors", width=4, query="level:>=error", compare="day"),
        Panel(id="groups", kind="errors", title="Errors by group", width=8, limit=8),
        Panel(id="quota", kind="quota", title="Quota of the month", width=4),
        Panel(id="failing", kind="top", title="Errors by project", width=6, query="level:>=error", by=("project",)),
        _slowest(duration_of(organisation_id, now=now)),
        Panel(id="newest", kind="entries", title="Newest errors", width=12, query="level:>=error"),
    ]
    return Document(title=TITLE, panels=tuple(panels))


def duration_of(organisation_id: int, *, now: datetime) -> str:
    """Return the field that tells how long something took, by the newest entries; "" if none looks like it."""
    known = _durations.get(organisation_id)
    if known is None:
        known = _found(organisation_id, now)
        _durations.put(organisation_id, known, until=time.monotonic() + (KEPT_SECONDS if known else LOOKED_SECONDS))
    return known


def forget() -> None:
    """Forget what the fields are."""
    _durations.clear()


def _found(organisation_id: int, now: datetime) -> str:
    try:
        sample = search.fields(Search(organisation_id, EVERYTHING, now - LATELY, now), limit=200)
    except Refusal:  # the other panels are worth having, and say themselves what is wrong
        return ""
    named = (field for field in sample.fields if "number" in field.types and DURATION.search(field.name))
    return next((field.name for field in named), "")


def _slowest(field: str) -> Panel:
    if not field:
        return Panel(id="volume", kind="top", title="Entries by project", width=6, by=("project",))
    return Panel(
        id="slowest", kind="top", title=f"Slowest: 95th percentile of {field}"[:80], width=6, measure=f"p95:{field}",
        by=("project",),
    )  # fmt: skip
