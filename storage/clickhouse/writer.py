"""Keeping entries in ClickHouse, and forgetting them. See `storage.store.EntryWriter`."""

from collections.abc import Iterator, Sequence
from copy import copy
from datetime import UTC, date, datetime, time, timedelta
from hashlib import blake2b
from typing import Any, Self

import msgspec

from storage.batch import ENTRIES_A_BATCH, Batch, BatchHead, entry_id
from storage.clickhouse.errors import writing
from storage.clickhouse.keeper import PRESENCE, Keeper, presence_of
from storage.clickhouse.rows import at, micros, moment
from storage.clickhouse.server import Server
from storage.clickhouse.shown import ALL_SHOWN, Shown
from storage.receipts import Certified
from storage.store import Presence
from storage.tally import Kind, Tally

#: Of a day's deletion, or of keys that are set: they rewrite what they touch.
MUTATION_SECONDS = 600
DAY_MICROS = 24 * 3600 * 10**6
SYNC = {"lightweight_deletes_sync": 2, "mutations_sync": 2}
OF_DAY = f"received_at >= {at('{first:Int64}')} AND received_at < {at('{end:Int64}')}"
OWN_DAY = f"organisation_id = {{owner:UInt64}} AND {OF_DAY}"
#: What a deletion is to leave.
BUT = f" AND intDiv(id, {ENTRIES_A_BATCH}) NOT IN {{but:Array(UInt64)}}"
#: The oldest days that an organisation has anything of.
DAYS = f"""
SELECT toString(toDate(received_at)) AS day, count() FROM entry
 WHERE organisation_id = {{owner:UInt64}} AND received_at < {at("{end:Int64}")}%s GROUP BY day ORDER BY day
"""  # noqa: S608 - constants
KINDS = f"""
SELECT intDiv(id, {ENTRIES_A_BATCH}) AS batch, organisation_id, toUnixTimestamp64Micro(received_at),
       replaceOne(substring(toString(timestamp), 1, 16), ' ', 'T') AS minute, CAST(level, 'Int8') AS number, project,
       environment, count()
  FROM entry
 WHERE organisation_id IN {{owners:Array(UInt64)}} AND {OF_DAY}
   AND intDiv(id, {ENTRIES_A_BATCH}) IN {{batches:Array(UInt64)}}{{shown}}
 GROUP BY 1, 2, 3, 4, 5, 6, 7 ORDER BY 1
"""  # noqa: S608 - constants


class Writer:
    """See `storage.store.EntryWriter`."""

    joins_transaction = False
    #: A deletion rewrites what a day has of an organisation, however little goes: so all of it goes at once.
    deletes_at_once = 2**62

    def __init__(self, server: Server) -> None:
        self._server = server
        self._keeper = Keeper(server)
        self._shown = ALL_SHOWN

    def showing(self, shown: Shown) -> Self:
        """Return a writer that counts only these, and gives only these other keys; it deletes all."""
        other = copy(self)
        other._shown = shown
        return other

    def write(self, batches: Sequence[Batch]) -> Tally:
        """Store the entries of `batches` by a token of their own. Raises: `Refused`, `Unavailable`."""
        return self._keeper.write(batches, token=_token(batches), attempt=1, deadline=self._keeper.deadline())

    def delete(self, organisation_id: int, *, before: datetime, limit: int, but: Sequence[int] = ()) -> int:
        """Delete up to `limit` entries received before `before`, a day at a time. Raises: `Unavailable`."""
        gone = 0
        parameters: dict[str, Any] = {"owner": organisation_id, "end": micros(before)}
        if but:
            parameters["but"] = list(but)
        with writing():
            for day, entries in self._server.rows(DAYS % (BUT if but else ""), parameters):
                if gone < limit:
                    gone += self._delete(parameters, date.fromisoformat(day), min(entries, limit - gone))
        return gone

    def _delete(self, parameters: dict[str, Any], day: date, entries: int) -> int:
        """Delete the first so many of a day."""
        first = micros(datetime.combine(day, time.min, UTC))
        end = min(parameters["end"], first + DAY_MICROS)
        parameters = parameters | {"first": first, "end": end}
        where = OWN_DAY + (BUT if "but" in parameters else "")
        count = f"SELECT count() FROM entry WHERE {where}"  # noqa: S608 - constants
        if self._server.rows(count, parameters) != [(entries,)]:
            ids = f"SELECT id FROM entry WHERE {where} ORDER BY id LIMIT {{limit:UInt64}}"  # noqa: S608 - constants
            found = self._server.rows(ids, parameters | {"limit": entries})
            where += " AND id IN {ids:Array(UInt64)}"
            parameters["ids"] = [id_ for (id_,) in found]
        sql = f"DELETE FROM entry WHERE {where}"  # noqa: S608 - constants
        self._server.run(sql, parameters, settings=SYNC, seconds=MUTATION_SECONDS)
        return entries

    def remove(self, batches: Sequence[BatchHead]) -> None:
        """Delete what is stored of `batches`. Raises: `Unavailable`."""
        self._keeper.remove(batches)

    def tallies(self, day: date) -> Iterator[Presence]:
        """Count what was received on `day`, by batch, organisation and time of receipt, in that order."""
        start = datetime.combine(day, time.min, UTC)
        parameters = {"first": micros(start), "end": micros(start + timedelta(days=1))}
        with writing():
            sql = PRESENCE.format(where=OF_DAY + self._shown.also)
            for row in self._server.stream(sql, parameters, seconds=MUTATION_SECONDS):
                yield presence_of(row)

    def set_error_keys(self, batch: Batch) -> int:
        """Have stored entries carry the keys of `batch`; return how many there were. Raises: `Unavailable`."""
        keys = {
            entry_id(batch.batch_id, index): key
            for index, key in zip(batch.indexes, batch.error_keys or (), strict=False)
            if key is not None
        }
        if not keys:
            return 0
        start = micros(batch.received_at)
        parameters = {
            "owner": batch.organisation_id,
            "first": start,
            "end": start + 1,
            "ids": list(keys),
            "keys": list(keys.values()),
        }
        where = f"{OWN_DAY} AND id IN {{ids:Array(UInt64)}}{self._shown.also}"
        key = "transform(id, {ids:Array(UInt64)}, {keys:Array(Int64)}, error_key)"
        with writing():
            counted = f"SELECT uniqExact(id) FROM entry WHERE {where}"  # noqa: S608 - constants
            [(there,)] = self._server.rows(counted, parameters)
            sql = f"ALTER TABLE entry UPDATE error_key = {key} WHERE {where}"
            self._server.run(sql, parameters, settings=SYNC, seconds=MUTATION_SECONDS)
        return int(there)

    def kinds(self, batches: Sequence[Certified]) -> Iterator[tuple[int, Kind, int]]:
        """Count what is stored of `batches`, by batch and kind."""
        places = {(one.batch_id, one.organisation_id, one.received_at) for one in batches}
        times = [micros(one.received_at) for one in batches]
        parameters = {
            "owners": sorted({one.organisation_id for one in batches}),
            "first": min(times),
            "end": max(times) + 1,
            "batches": sorted({one.batch_id for one in batches}),
        }
        sql = KINDS.replace("{shown}", self._shown.also)
        with writing():
            for batch_id, owner, received, minute, *kind, entries in self._server.rows(sql, parameters):
                if (batch_id, owner, moment(received)) in places:
                    yield batch_id, (minute.encode(), *kind), entries


def _token(batches: Sequence[Batch]) -> str:
    """Return a token of exactly these entries: who writes them again, however late, sends the same one."""
    members = [(one.batch_id, micros(one.received_at), list(one.indexes), list(map(len, one.lines))) for one in batches]
    return blake2b(msgspec.msgpack.encode(members), digest_size=16).hexdigest()
