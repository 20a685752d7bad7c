"""At an edge: counts of what became of requests wait here, each set by a mark of its own, until the core has them."""

from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct, json

from foundation.core_link import CoreLink
from foundation.postgres import execute, fetch_all
from quotas import installation
from quotas.tally import Parcel

PATH = "/v1/edge/outcomes"
MOST_REPORTS, MOST_KINDS = 20, 500
#: The core remembers marks for a week: older counts are not sent any more.
KEPT_FOR = "5 days"

KEEP = "INSERT INTO quotas_outcomereport (id, amounts) VALUES (%s, %s) ON CONFLICT DO NOTHING"
OLDEST = "SELECT id, amounts::text FROM quotas_outcomereport ORDER BY written_at, id LIMIT %s"
DROP = "DELETE FROM quotas_outcomereport WHERE id = ANY (%s)"
FORGET = f"DELETE FROM quotas_outcomereport WHERE written_at < now() - interval '{KEPT_FOR}'"  # noqa: S608 - a constant

Id = Annotated[int, Meta(ge=1, lt=2**62)]
Number = Annotated[int, Meta(ge=0, lt=2**50)]


class Count(Struct, frozen=True, array_like=True):
    """How much of an outcome one key had in an hour, given by the Unix seconds of its start."""

    hour: Annotated[int, Meta(ge=0, lt=2**40)]
    organisation_id: Id
    api_key_id: Id
    outcome: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.-]{1,40}$")]
    requests: Number
    entries: Number
    bytes: Number


class Report(Struct, frozen=True, kw_only=True):
    """Counts that come together, and once."""

    mark: UUID
    counts: Annotated[list[Count], Meta(max_length=MOST_KINDS)]


class Reports(Struct, frozen=True, kw_only=True):
    """What an edge sends to `PATH`."""

    installation: str
    reports: Annotated[list[Report], Meta(max_length=MOST_REPORTS)]


def keep(parcel: Parcel) -> None:
    """Keep a process's counts until they are sent; the same again changes nothing. Raises: `DatabaseError`."""
    counts = [Count(*kind, *amount) for kind, amount in parcel.amounts.items()]
    execute(KEEP, [parcel.mark, json.encode(counts).decode()])


def send(link: CoreLink) -> int:
    """Send what waits, the oldest first; return how many reports the core has now. Raises: `LinkError`."""
    sent = 0
    while some := _oldest():
        link.post(PATH, json.encode(Reports(installation=str(installation.own()), reports=some)))
        sent += execute(DROP, [[one.mark for one in some]])
        if len(some) < MOST_REPORTS:
            break
    return sent


def forget() -> int:
    """Delete what is too old to be sent; return how many reports."""
    return execute(FORGET)


def _oldest() -> list[Report]:
    rows = fetch_all(OLDEST, [MOST_REPORTS])
    return [Report(mark=mark, counts=json.decode(amounts, type=list[Count])) for mark, amounts in rows]
