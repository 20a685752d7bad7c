"""Batches as the drain hands them to a store, and questions about them."""

import itertools
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from explore.query import parse
from storage.arrivals import Arrival
from storage.batch import Batch
from storage.search import FIRST_MOMENT, Search
from tests.contract.queries import keys_of

NOW = datetime.now(UTC).replace(microsecond=0)
LAST_MOMENT = datetime.max.replace(tzinfo=UTC)
_batch_ids = itertools.count(1)


def batch_of(
    *entries: Mapping[str, Any] | bytes,
    organisation_id: int,
    received_at: datetime = NOW,
    batch_id: int | None = None,
    edge: str | None = None,
) -> Batch:
    """Return a batch of these entries; what they leave out has a default, and bytes are a line as it is.

    `error_key` and `edge` are no part of a line: what the entry was counted for, and what the batch came by.
    """
    keys = [None if isinstance(one, bytes) else one.get("error_key") for one in entries]
    return Batch(
        batch_id=batch_id or next(_batch_ids),
        organisation_id=organisation_id,
        api_key_id=1,
        project="shop",
        environment="production",
        received_at=received_at,
        period=received_at.date().replace(day=1),
        lines=[one if isinstance(one, bytes) else _line(one) for one in entries],
        indexes=range(len(entries)),
        edge=edge,
        error_keys=keys if any(key is not None for key in keys) else None,
    )


def _line(entry: Mapping[str, Any]) -> bytes:
    default = {"timestamp": NOW, "level": "info", "message": "hello"}
    return msgspec.json.encode(
        default | {name: value for name, value in entry.items() if name not in ("error_key", "edge")}
    )


def arrival_of(batch: Batch) -> Arrival:
    """Return what the tail is told of a stored batch."""
    return Arrival(batch.batch_id, batch.organisation_id, batch.received_at, NOW, 1, len(batch.lines))


def whole(organisation_id: int, query: str = "") -> Search:
    """Ask for everything of an organisation, whenever it happened, that fulfils `query`."""
    return Search(organisation_id, parse(query, grouped=keys_of), FIRST_MOMENT, LAST_MOMENT)


def around_now(organisation_id: int, query: str = "") -> Search:
    """Ask for what happened within an hour of `NOW`."""
    return Search(organisation_id, parse(query, grouped=keys_of), NOW - timedelta(hours=1), NOW + timedelta(hours=1))
