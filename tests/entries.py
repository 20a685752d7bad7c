"""Entries for tests: stored as a worker stores them, now; or written straight into the log store, of any age."""

import itertools
import threading
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from django.db import connection, transaction

from accounts.models import ApiKey, Organisation
from foundation.levels import BY_NAME
from foundation.postgres import fetch_all
from issues.grouping import Grouping
from storage import receipts, rollups
from storage.batch import Batch
from storage.postgres import partitions
from storage.store import store
from storage.tally import Tally
from tests.waiting import DEADLINE_SECONDS

NOW = datetime(2026, 11, 20, 12, 0, 0, tzinfo=UTC)
_ids = itertools.count(1)
_batch_ids = itertools.count(1_000_000)


def next_batch_id() -> int:
    """A batch id larger than all before it."""
    return next(_batch_ids)


def line(message: str = "hello", **fields: Any) -> dict[str, Any]:
    """One entry, now and at level info unless told otherwise."""
    timestamp = fields.pop("timestamp", None) or datetime.now(UTC)
    return {"timestamp": timestamp, "level": "info", "message": message, **fields}


def _store(
    organisation: Organisation, entries: Sequence[dict[str, Any]], *, batch_id: int | None = None, project: str = "shop"
) -> tuple[Batch, Tally, Grouping]:
    """Store `entries` as one batch, in the open transaction; return it and what is yet to be counted."""
    [(received_at,)] = fetch_all("SELECT clock_timestamp()")
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
    groups = Grouping()
    [batch] = groups.resolve([batch])
    tally = store().writer.write([batch])
    receipts.write([batch])
    return batch, tally, groups


def store_batch(
    organisation: Organisation, entries: Sequence[dict[str, Any]], *, batch_id: int | None = None, project: str = "shop"
) -> int:
    """Store `entries` as one batch, in the transaction that is open; return the batch's id."""
    stored, tally, groups = _store(organisation, entries, batch_id=batch_id, project=project)
    rollups.write(tally)
    groups.count([stored])
    return stored.batch_id


class OpenTransaction:
    """A transaction in a thread of its own that stores a batch and stays open until told to commit."""

    def __init__(self, organisation: Organisation, message: str, *, batch_id: int | None = None) -> None:
        self.stored, self.may_commit = threading.Event(), threading.Event()
        self.thread = threading.Thread(target=self._run, args=(organisation, message, batch_id))
        self.thread.start()
        assert self.stored.wait(DEADLINE_SECONDS)

    def commit(self) -> None:
        """Commit, and wait for that."""
        self.may_commit.set()
        self.thread.join(DEADLINE_SECONDS)
        assert not self.thread.is_alive()

    def _run(self, organisation: Organisation, message: str, batch_id: int | None) -> None:
        try:
            with transaction.atomic():
                _, tally, _ = _store(organisation, [line(message)], batch_id=batch_id)
                self.stored.set()
                self.may_commit.wait(DEADLINE_SECONDS)
                rollups.write(tally)  # last, as a drain does: others wait for it until the COMMIT
        finally:
            connection.close()


def store_entries(entries: Iterable[Mapping[str, Any]], *, organisation_id: int = 1) -> list[int]:
    """Store entries of the API's shape; what they leave out has a default. Return their ids."""
    rows = [_row(entry, organisation_id) for entry in entries]
    partitions.make({row["received_at"].astimezone(UTC).date() for row in rows})
    with connection.cursor() as cursor:
        for row in rows:
            cursor.execute(
                f"INSERT INTO storage_entry ({', '.join(row)}) VALUES ({', '.join(['%s'] * len(row))})",
                list(row.values()),
            )
    return [row["id"] for row in rows]


def store_entry(*, organisation_id: int = 1, **entry: Any) -> int:
    """Store one entry; return its id."""
    return store_entries([entry], organisation_id=organisation_id)[0]


def _row(entry: Mapping[str, Any], organisation_id: int) -> dict[str, Any]:
    timestamp = entry.get("timestamp", NOW)
    return {
        "id": entry.get("id", next(_ids) * 1024),
        "organisation_id": organisation_id,
        "received_at": entry.get("received_at", timestamp),
        "timestamp": timestamp,
        "level": BY_NAME[entry.get("level", "info")].value,
        "environment": entry.get("environment", "production"),
        "project": entry.get("project", "shop"),
        "trace_id": entry.get("trace_id"),
        "span_id": entry.get("span_id"),
        "parent_span_id": entry.get("parent_span_id"),
        "privacy_mode": entry.get("privacy_mode"),
        "message": entry.get("message", "hello"),
        "metadata": _json(entry.get("metadata")),
        "error": _json(entry.get("error")),
        "size_bytes": entry.get("size_bytes", 100),
    }


def _json(value: object) -> str | None:
    return None if value is None else msgspec.json.encode(value).decode()
