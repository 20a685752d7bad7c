"""At the core: keep what an edge forwards, each batch once, and charge it, in one transaction."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F

from accounts.models import ApiKey, Organisation
from edges import metrics, pairing
from edges.models import Edge
from edges.wire import Carried, Head, Opening
from foundation.faults import reach
from foundation.postgres import current_time
from foundation.refusals import Refusal
from ingest.spool import dead_letters, forwarded
from ingest.spool.nudge import nudge
from quotas import allowance, lending
from quotas.lending import Forwarded

#: Older loans are not settled: nothing that was answered 200 is on its way for so long.
OLDEST_MONTHS = timedelta(days=370)


@dataclass(frozen=True, kw_only=True)
class Kept:
    """What became of a request: which of its batches are kept now, if not before, and why not the others."""

    kept: list[int]
    refused: dict[int, str]
    floor: int


def keep(edge: Edge, opening: Opening, batches: Sequence[Carried]) -> Kept:
    """Keep `batches`; when this returns they are on disk. The same again changes nothing.

    Raises: `Refusal` `stale_request` for a number below the floor, `invalid_api_key` when the token ended meanwhile;
    `OperationalError`.
    """
    rows = [_row(one) for one in batches]
    forwarded.numbered(rows)
    with transaction.atomic():
        floor = _hold(edge, opening)
        refused = _foreign(edge, [one.head for one in batches])
        new = _new(edge, [row for row in rows if row["edge_batch_id"] not in refused])
        _keep(edge, new)
        reach("before_edge_commit")
    reach("after_edge_commit")
    if new:
        nudge()
    _count(new)
    if refused:
        Edge.objects.filter(pk=edge.pk).update(refused_batches=F("refused_batches") + len(refused))
    kept = [row["edge_batch_id"] for row in rows if row["edge_batch_id"] not in refused]
    return Kept(kept=kept, refused=refused, floor=floor)


def _row(carried: Carried) -> dict[str, Any]:
    head = carried.head
    return {
        "edge_batch_id": head.edge_batch_id,
        "organisation_id": head.organisation_id,
        "api_key_id": head.api_key_id,
        "project": head.project,
        "environment": head.environment,
        "period": head.period,
        "edge_received_at": head.received_at,
        "requests": head.requests,
        "entries": head.entries,
        "size_bytes": head.size_bytes,
        "payload": carried.payload,
    }


def _hold(edge: Edge, opening: Opening) -> int:
    """Lock the edge's row, forget what it has forgotten, and return its floor. Raises: `Refusal`."""
    held = Edge.objects.select_for_update().filter(pk=edge.pk, revoked_at=None).first()
    if held is None:
        raise Refusal("invalid_api_key", "The edge's token is not valid.")
    if opening.number < held.floor:
        raise Refusal("stale_request", members={"floor": held.floor})
    floor = max(held.floor, opening.floor)
    if opening.forgotten:
        pairing.forget(edge.pk, opening.forgotten)
    if floor > held.floor:
        Edge.objects.filter(pk=edge.pk).update(floor=floor)
    return floor


def _foreign(edge: Edge, heads: Sequence[Head]) -> dict[int, str]:
    """Return why batches are not this edge's to bring, by their ids: a stolen token must not write for everybody."""
    allowed = allowed_organisations(edge, {head.organisation_id for head in heads})
    keys = {
        key: (organisation, project)
        for key, organisation, project in ApiKey.objects.filter(pk__in={head.api_key_id for head in heads})
        .order_by()
        .values_list("pk", "organisation_id", "project__slug")
    }
    now = current_time()
    reasons = {head.edge_batch_id: _why_foreign(head, allowed, keys, now=now) for head in heads}
    return {batch_id: why for batch_id, why in reasons.items() if why}


def _why_foreign(head: Head, allowed: set[int], keys: dict[int, tuple[int, str]], *, now: datetime) -> str:
    if head.organisation_id not in allowed:
        return "organisation_not_allowed"
    organisation, project = keys.get(head.api_key_id, (0, ""))
    if organisation != head.organisation_id:
        return "foreign_api_key"
    if project != head.project:
        return "foreign_project"
    return "" if _may_be_settled(head.period, now=now) else "foreign_period"


def _may_be_settled(period: date, *, now: datetime) -> bool:
    latest, earliest = now + lending.AHEAD, now - OLDEST_MONTHS
    return period.day == 1 and earliest.astimezone(UTC).date() <= period <= latest.astimezone(UTC).date()


def allowed_organisations(edge: Edge, among: set[int] | None = None) -> set[int]:
    """Return the organisations, suspended ones too, that may send by this edge; all, or those `among` these."""
    found = Organisation.objects.all() if edge.takes_all else edge.organisations.all()
    if among is not None:
        found = found.filter(pk__in=among)
    return set(found.order_by().values_list("pk", flat=True))


def all_organisations(among: set[int]) -> set[int]:
    """Return those of these organisations that there are."""
    return set(Organisation.objects.filter(pk__in=among).order_by().values_list("pk", flat=True))


def _new(edge: Edge, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    new = pairing.pair(edge.pk, {row["edge_batch_id"]: row["batch_id"] for row in rows})
    return [row for row in rows if row["edge_batch_id"] in new]


def _keep(edge: Edge, rows: Sequence[dict[str, Any]]) -> None:
    if not rows:
        return
    faults = {
        row["batch_id"]: forwarded.fault_in(row["payload"], entries=row["entries"], size_bytes=row["size_bytes"])
        for row in rows
    }
    allowance.received_anew(sorted({row["api_key_id"] for row in rows}))
    lending.settle(edge.pk, _sums(rows))
    forwarded.keep([row for row in rows if not faults[row["batch_id"]]], edge=edge.name)
    reach("after_edge_rows")
    for row in rows:
        if why := faults[row["batch_id"]]:
            dead_letters.bury_forwarded(row, edge=edge.name, reason=f"from edge {edge.name}: {why}")


def _sums(rows: Sequence[dict[str, Any]]) -> list[Forwarded]:
    sums: dict[tuple[int, date], list[int]] = defaultdict(lambda: [0, 0])
    for row in rows:
        total = sums[row["organisation_id"], row["period"]]
        total[0] += row["entries"]
        total[1] += row["size_bytes"]
    return [
        Forwarded(organisation_id=organisation_id, period=period, entries=entries, size_bytes=size_bytes)
        for (organisation_id, period), (entries, size_bytes) in sums.items()
    ]


def _count(new: Sequence[dict[str, Any]]) -> None:
    metrics.FORWARDED_BATCHES.inc(len(new))
    metrics.FORWARDED_ENTRIES.inc(sum(row["entries"] for row in new))
