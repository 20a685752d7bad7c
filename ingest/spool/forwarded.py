"""Batches that an edge brings into the spool of its core, as they lay in its own: frames are not packed again."""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import MsgspecError
from msgspec.json import Decoder

from foundation.arrays import Blobs, Texts
from foundation.postgres import array_of, fetch_one
from ingest.spool import batch_ids
from ingest.spool.payload import PayloadError, unpack
from storage.entry import CanonicalEntry

KEEP = """
INSERT INTO ingest_spooledbatch (batch_id, organisation_id, api_key_id, project, environment, period, requests, entries,
                                 size_bytes, edge_received_at, payload, edge)
SELECT *, %(edge)s::text
  FROM unnest(%(batch_ids)s::bigint[], %(organisation_ids)s::bigint[], %(api_key_ids)s::bigint[],
                     %(projects)s::text[], %(environments)s::text[], %(periods)s::date[], %(requests)s::smallint[],
                     %(entries)s::int[], %(sizes_bytes)s::bigint[],
                     %(edge_received)s::timestamptz[], %(payloads)s::bytea[])
"""
_decode = Decoder(CanonicalEntry).decode


def numbered(batches: Sequence[dict[str, Any]]) -> None:
    """Give each batch an id of ours. Raises: `OperationalError`."""
    for batch in batches:
        batch["batch_id"] = batch_ids.take()


def keep(batches: Sequence[Mapping[str, Any]], *, edge: str) -> None:
    """Put batches of an edge into the spool, received now; charged is nothing here. In the caller's transaction.

    Of each: batch_id, organisation_id, api_key_id, project, environment, period, requests, entries, size_bytes,
    edge_received_at and payload.
    """
    if not batches:
        return
    columns = {
        "batch_ids": array_of(one["batch_id"] for one in batches),
        "organisation_ids": array_of(one["organisation_id"] for one in batches),
        "api_key_ids": array_of(one["api_key_id"] for one in batches),
        "projects": Texts(one["project"] for one in batches),
        "environments": Texts(one["environment"] for one in batches),
        "periods": [one["period"] for one in batches],
        "requests": [one["requests"] for one in batches],
        "entries": array_of(one["entries"] for one in batches),
        "sizes_bytes": array_of(one["size_bytes"] for one in batches),
        "edge_received": [one["edge_received_at"] for one in batches],
        "edge": edge,
        "payloads": Blobs(one["payload"] for one in batches),
    }
    fetch_one(KEEP, columns)


def fault_in(payload: bytes, *, entries: int, size_bytes: int) -> str:
    """Tell why a frame is not what its head says, or holds no canonical entries; empty when all is well."""
    try:
        lines = unpack(payload)
        if (len(lines), sum(map(len, lines))) != (entries, size_bytes):
            return "the payload is not what was charged"
        for line in lines:
            _decode(line)
    except PayloadError as error:
        return str(error)
    except (MsgspecError, ValueError) as error:
        return f"no canonical entry: {type(error).__name__}"
    return ""
