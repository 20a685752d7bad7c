"""Entries for tests, stored as a worker stores them."""

import itertools
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from django.db import connection

from accounts.models import ApiKey, Organisation
from storage.batch import Batch
from storage.store import store

_batch_ids = itertools.count(1_000_000)


def next_batch_id() -> int:
    """A batch id larger than all before it."""
    return next(_batch_ids)


def line(message: str = "hello", **fields: Any) -> dict[str, Any]:
    """One entry, now and at level info unless told otherwise."""
    timestamp = fields.pop("timestamp", None) or datetime.now(UTC)
    return {"timestamp": timestamp, "level": "info", "message": message, **fields}


def store_entries(
    organisation: Organisation, entries: Sequence[dict[str, Any]], *, batch_id: int | None = None, project: str = "shop"
) -> int:
    """Store `entries` as one batch, in the transaction that is open; return the batch's id."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        received_at = cursor.fetchone()[0]
    api_key = ApiKey.objects.filter(organisation=organisation).first()
    batch = Batch(
        batch_id=batch_id or next_batch_id(),
        organisation_id=organisation.pk,
        api_key_id=api_key.pk if api_key else 1,
        project=project,
        environment="production",
        received_at=received_at,
        period=received_at.date().replace(day=1),
        lines=[msgspec.json.encode(entry) for entry in entries],
        indexes=range(len(entries)),
    )
    store.write([batch])
    return batch.batch_id
