"""Batches in the spool: packed as a request packs them, or many rows at once."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from django.db import connection

from accounts.caller import Caller
from foundation.postgres import execute
from ingest.models import DrainClaim, SpooledBatch
from ingest.spool import table
from ingest.spool.payload import pack
from storage.entry import Entry

NOW = datetime(2026, 1, 26, 14, 30, tzinfo=UTC)

#: `payload` is not readable as a batch; the ids come from the sequence, whole blocks of them.
FILL = """
INSERT INTO ingest_spooledbatch
      (batch_id, organisation_id, api_key_id, project, environment, received_at, period, requests,
       entries, size_bytes, payload, deferred_until)
SELECT nextval('ingest_batch_id'), %(organisation_id)s, 0, 'shop', 'production', now() - %(age)s,
       date_trunc('month', now(), 'UTC')::date, 1, 1, %(payload_bytes)s,
       coalesce(%(payload)s::bytea, substring(sha256(n::text::bytea) || repeat('x', %(payload_bytes)s)::bytea
                                              FOR %(payload_bytes)s)), now() + %(deferred)s::interval
  FROM generate_series(1, %(rows)s) AS n
"""


def fill_spool(
    organisation_id: int,
    *,
    rows: int,
    payload_bytes: int = 100,
    payload: bytes | None = None,
    age: timedelta = timedelta(0),
    deferred: timedelta | None = None,
) -> None:
    """Insert `rows` batches of one entry each, uncharged."""
    parameters: dict[str, Any] = {
        "organisation_id": organisation_id,
        "rows": rows,
        "payload": payload,
        "payload_bytes": payload_bytes,
        "age": age,
        "deferred": deferred,
    }
    with connection.cursor() as cursor:
        cursor.execute(FILL, parameters)


def part_of(*messages: str) -> table.Part:
    """Pack one entry a message."""
    lines = [msgspec.json.encode(Entry(timestamp=NOW, level="info", message=message)) for message in messages]
    return table.Part(payload=pack(b"\n".join(lines)), entries=len(lines), size_bytes=sum(map(len, lines)))


def spool_raw(caller: Caller, *lines: bytes) -> None:
    """Put lines into the spool that no request could have put there."""
    table.accept(
        caller, [table.Part(payload=pack(b"\n".join(lines)), entries=len(lines), size_bytes=sum(map(len, lines)))]
    )


def retry_at_once() -> None:
    SpooledBatch.objects.update(not_before=NOW)
    DrainClaim.objects.update(not_before=NOW)


@contextmanager
def receipts_refused(*, sqlstate: str) -> Iterator[None]:
    """Let each COMMIT of a drain fail with this code."""
    with refusing("storage_receipt", sqlstate=sqlstate, when="true", how="AFTER", deferred=True):
        yield


@contextmanager
def entries_refused(*, sqlstate: str = "XX001", when: str = "true") -> Iterator[None]:
    """Let the log store fail with this code on each entry for which `when` holds: SQL that knows it as NEW."""
    with refusing("storage_entry", sqlstate=sqlstate, when=when, how="BEFORE"):
        yield


@contextmanager
def refusing(table_name: str, *, sqlstate: str, when: str, how: str, deferred: bool = False) -> Iterator[None]:
    execute(
        "CREATE FUNCTION pg_temp.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        f" IF {when} THEN RAISE EXCEPTION 'no' USING ERRCODE = '{sqlstate}'; END IF; RETURN NEW; END $$"
    )
    kind, options = ("CONSTRAINT TRIGGER", "DEFERRABLE INITIALLY DEFERRED") if deferred else ("TRIGGER", "")
    execute(
        f"CREATE {kind} refuse {how} INSERT ON {table_name} {options} FOR EACH ROW EXECUTE FUNCTION pg_temp.refuse()"
    )
    try:
        yield
    finally:
        execute(f"DROP TRIGGER refuse ON {table_name}")
        execute("DROP FUNCTION pg_temp.refuse()")
