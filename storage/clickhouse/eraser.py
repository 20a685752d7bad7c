"""Finding and taking entries out in ClickHouse. See `storage.store.EntryEraser`.

What is deleted is gone at once, whatever becomes of the caller's transaction. Entries are not rewritten: they can only
go.
"""

from collections.abc import Iterator, Sequence
from contextlib import closing
from copy import copy
from datetime import UTC, date, datetime, time, timedelta
from typing import Self

from storage.batch import ENTRIES_A_BATCH
from storage.clickhouse.errors import writing
from storage.clickhouse.question import Question
from storage.clickhouse.reader import Reader
from storage.clickhouse.rows import SELECTED, at, entry_of, micros, moment
from storage.clickhouse.server import Server
from storage.clickhouse.shown import ALL_SHOWN, Shown
from storage.clickhouse.writer import MUTATION_SECONDS, SYNC
from storage.conditions import Condition
from storage.found import FoundEntry
from storage.matching import matches, to_match
from storage.store import Place

FOUND = f"SELECT {SELECTED}, ({{certain}}) AS is_certain FROM entry WHERE {{where}} ORDER BY id"  # noqa: S608 - constants
PLACES = f"""
SELECT DISTINCT intDiv(id, {ENTRIES_A_BATCH}) AS batch, toUnixTimestamp64Micro(received_at) AS received
  FROM entry WHERE {{where}} ORDER BY batch, received
"""  # noqa: S608 - constants
OF_IDS = f"""
organisation_id = {{owner:UInt64}} AND received_at BETWEEN {at("{first:Int64}")} AND {at("{last:Int64}")}
AND (id, toUnixTimestamp64Micro(received_at)) IN (
    SELECT arrayJoin(arrayZip({{ids:Array(UInt64)}}, {{times:Array(Int64)}})))
"""


class Eraser:
    """See `storage.store.EntryEraser`."""

    can_rewrite = False

    def __init__(self, server: Server) -> None:
        self._server = server
        self._lower = Reader(server, behind=None).lower
        self._shown = ALL_SHOWN

    def showing(self, shown: Shown) -> Self:
        """Return an eraser that finds only these; it erases whatever has the ids that it is told."""
        other = copy(self)
        other._shown = shown
        return other

    def holding(self, organisation_id: int, condition: Condition, *, day: date) -> list[Place]:
        """Return where entries of a day lie that fulfil `condition`."""
        question = Question(organisation_id, lower=self._lower, shown=self._shown)
        start = datetime.combine(day, time.min, UTC)
        question.within(micros(start), micros(start + timedelta(days=1)))
        bounds = question.only(condition)
        with writing():
            if bounds.is_exact:
                rows = self._server.rows(
                    PLACES.format(where=question.where), question.parameters, seconds=MUTATION_SECONDS
                )
                return [Place(batch_id, moment(received)) for batch_id, received in rows]
            found = self._found(question, condition, bounds.certain)
            return sorted({Place(entry.id // ENTRIES_A_BATCH, entry.received_at) for entry in found})

    def found_in(self, organisation_id: int, places: Sequence[Place], condition: Condition) -> Iterator[FoundEntry]:
        """Yield the entries at `places` that fulfil `condition`."""
        if not places:
            return
        question = Question(organisation_id, lower=self._lower, shown=self._shown)
        question.at(places)
        bounds = question.only(condition)
        wanted = set(places)
        with writing():
            for entry in self._found(question, condition, bounds.certain):
                if (entry.id // ENTRIES_A_BATCH, entry.received_at) in wanted:
                    yield entry

    def erase(self, organisation_id: int, entries: Sequence[tuple[int, datetime]]) -> set[int]:
        """Delete entries by their ids and times of receipt; return the ids of those that were there."""
        if not entries:
            return set()
        times = [micros(received_at) for _, received_at in entries]
        parameters = {
            "owner": organisation_id,
            "first": min(times),
            "last": max(times),
            "ids": [id_ for id_, _ in entries],
            "times": times,
        }
        with writing():
            there = self._server.rows(f"SELECT DISTINCT id FROM entry WHERE {OF_IDS}", parameters)  # noqa: S608
            if there:
                sql = f"DELETE FROM entry WHERE {OF_IDS}"  # noqa: S608 - constants
                self._server.run(sql, parameters, settings=SYNC, seconds=MUTATION_SECONDS)
        return {id_ for (id_,) in there}

    def rewrite(self, organisation_id: int, entries: Sequence[FoundEntry]) -> set[int]:
        """Refuse: see `can_rewrite`."""
        raise NotImplementedError(f"{len(entries)} entries of organisation {organisation_id} are not rewritten here")

    def _found(self, question: Question, condition: Condition, certain: str) -> Iterator[FoundEntry]:
        sql = FOUND.format(certain=certain, where=question.where)
        with closing(self._server.stream(sql, question.parameters, seconds=MUTATION_SECONDS)) as rows:
            for *row, is_certain in rows:
                entry = entry_of(row)
                if is_certain or matches(condition, to_match(entry)):
                    yield entry
