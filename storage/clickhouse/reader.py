"""Reading entries in ClickHouse. See `storage.store.EntryReader`."""

from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from copy import copy
from datetime import datetime, timedelta
from functools import cached_property
from hashlib import blake2b
from itertools import islice
from typing import Self

from storage import figures
from storage.aggregates import Aggregate, Aggregated, Field, Said, Values
from storage.arrivals import Arrival, FoundOf
from storage.batch import ENTRIES_A_BATCH
from storage.clickhouse import letters
from storage.clickhouse.bounds import Bounds
from storage.clickhouse.errors import answering
from storage.clickhouse.question import Question
from storage.clickhouse.reading import Asking, asking, reading
from storage.clickhouse.rows import SELECTED, at, entry_of, micros, moment
from storage.clickhouse.server import Server
from storage.clickhouse.shown import ALL_SHOWN, Shown
from storage.clickhouse.wall import state
from storage.conditions import EVERYTHING, Condition
from storage.found import FoundEntry, Portion, Sampled, portion
from storage.letters import Letters
from storage.matching import matches, to_match
from storage.search import EPOCH, FIRST_MOMENT, PORTION_BYTES, LevelCount, Position, Search
from storage.store import Place
from storage.wall import State

#: In the order of the key, by whether the newest come first.
ORDER = {True: "timestamp DESC, id DESC", False: "timestamp, id"}
#: The first so many entries that may fulfil a search, and of those as many as hold so many bytes; one at least.
PAGE = f"""
SELECT * EXCEPT (held, own)
  FROM (SELECT *, sum(own) OVER (ORDER BY {{named}} ROWS UNBOUNDED PRECEDING) AS held
          FROM (SELECT {SELECTED}, ({{certain}}) AS is_certain, timestamp AS happened_at, id AS number,
                       length(message) + length(metadata) + length(error) AS own
                  FROM entry WHERE {{where}} ORDER BY {{order}} LIMIT {{limit}}))
 WHERE held - own <= {{most_bytes}} ORDER BY {{named}}
"""  # noqa: S608 - constants
NAMED = {True: "happened_at DESC, number DESC", False: "happened_at, number"}
BATCH = f"""
SELECT {SELECTED} FROM entry
 WHERE organisation_id = {{owner:UInt64}} AND received_at = {at("{received:Int64}")}
   AND id BETWEEN {{first:UInt64}} AND {{last:UInt64}}{{shown}}
 ORDER BY id
"""  # noqa: S608 - constants
ENTRIES = f"""
SELECT {SELECTED} FROM entry WHERE organisation_id = {{owner:UInt64}} AND id IN {{ids:Array(UInt64)}}{{shown}}
"""  # noqa: S608 - constants
FOUND = f"""
SELECT intDiv(id, {ENTRIES_A_BATCH}) AS batch, project, environment, [{{counts}}]
  FROM entry WHERE {{where}} GROUP BY 1, 2, 3
"""  # noqa: S608 - constants
DOUBTFUL = f"SELECT {SELECTED}, [{{certain}}] FROM entry WHERE {{where}} AND ({{doubts}})"  # noqa: S608 - constants
#: The newest so many, with what of them fulfils something else.
NEWEST = """
SELECT id, toUnixTimestamp64Micro(timestamp), is_certain, is_picked, may_be_picked
  FROM (SELECT id, timestamp, ({certain}) AS is_certain, ({picked}) AS is_picked, ({may_be_picked}) AS may_be_picked
          FROM entry WHERE {where} ORDER BY timestamp DESC, id DESC LIMIT {limit})
"""
COUNTS = """
SELECT {step} AS step, CAST(level, 'Int8') AS number, count() FROM entry WHERE {where} AND ({certain}) GROUP BY 1, 2
"""
UNDECIDED = f"SELECT {SELECTED} FROM entry WHERE {{where}} AND NOT ({{certain}})"  # noqa: S608 - constants
ALL = f"SELECT {SELECTED}, ({{certain}}) FROM entry WHERE {{where}}"  # noqa: S608 - constants
#: The beginning of the step that an entry falls into; the first one begins no earlier than time itself.
STEP = "greatest({at} - positiveModulo({at} - {origin}, {step}), {first})"
WHEN = "toUnixTimestamp64Micro(timestamp)"
#: What is asked for at once where some of it is still to be decided.
LEAST = 200
#: Of entries that are fetched by their ids.
AT_ONCE = 50
#: Of entries that are read in their order for figures.
AT_A_TIME = 1_000
DAY = timedelta(days=1)


class Reader:
    """See `storage.store.EntryReader`. Who has no reader of its own is the writer, and has no wall."""

    def __init__(self, server: Server, *, behind: Server | None) -> None:
        self._writer = server
        self._behind = behind
        self._server = behind or server
        self._shown = ALL_SHOWN

    def showing(self, shown: Shown) -> Self:
        """Return a reader that is shown only these."""
        other = copy(self)
        other._shown = shown
        return other

    def page(
        self,
        search: Search,
        *,
        limit: int,
        most_bytes: int = PORTION_BYTES,
        after: Position | None = None,
        newest_first: bool = True,
        seconds: float | None = None,
    ) -> Portion:
        """Return the first `limit` entries in the order of time that come after a position; fewer of `most_bytes`."""
        with (
            reading(self._server, search.organisation_id, seconds=seconds) as ask,
            closing(self._found(ask, search, limit + 1, most_bytes, after, newest_first)) as entries,
        ):
            return portion(entries, limit=limit, most_bytes=most_bytes)

    def sample(
        self,
        search: Search,
        *,
        but: Condition = EVERYTHING,
        limit: int,
        most_bytes: int = PORTION_BYTES,
        among: int,
        seconds: float,
    ) -> Sampled:
        """Pick up to `limit` of the newest `among` entries of a search, of those that fulfil `but`, by a hash."""
        with reading(self._server, search.organisation_id, seconds=seconds) as ask:
            newest = list(self._newest(ask, search, but, among))
            chosen = sorted((blake2b(str(id_).encode()).digest(), id_) for id_, _, is_picked in newest if is_picked)
            since = moment(newest[-1][1]) if len(newest) == among else None
            entries = self._each(ask, search.organisation_id, [id_ for _, id_ in chosen[: limit + 1]])
            return Sampled(portion(entries, limit=limit, most_bytes=most_bytes), len(chosen), since)

    def entry(self, organisation_id: int, entry_id: int) -> FoundEntry | None:
        """Return one entry of the organisation."""
        with reading(self._server, organisation_id) as ask:
            return next(self._each(ask, organisation_id, [entry_id]), None)

    def batch(self, arrival: Arrival, *, after: int = 0, most_bytes: int = PORTION_BYTES) -> Portion:
        """Return the entries of a batch with an id beyond `after`. The live tail has one reader: it takes no place."""
        parameters = {
            "owner": arrival.organisation_id,
            "received": micros(arrival.received_at),
            "first": max(arrival.first_entry_id, after + 1),
            "last": arrival.last_entry_id,
        }
        ask = asking(self._server, arrival.organisation_id)
        with answering(arrival.organisation_id), closing(ask.stream(self._shown_of(BATCH), parameters)) as rows:
            return portion(_once(map(entry_of, rows)), limit=ENTRIES_A_BATCH, most_bytes=most_bytes)

    def found_in(
        self, arrivals: Sequence[Arrival], conditions: Sequence[Condition], *, seconds: float
    ) -> list[FoundOf]:
        """Count the entries of batches of one organisation that fulfil each condition."""
        if not arrivals or not conditions:
            return []
        owner = arrivals[0].organisation_id
        question = self._question(owner)
        question.at([Place(one.batch_id, one.received_at) for one in arrivals])
        bounds = [question.bounds(condition) for condition in conditions]
        ask = asking(self._server, owner, seconds=seconds)
        with answering(owner):
            sql = FOUND.format(counts=", ".join(f"countIf({one.certain})" for one in bounds), where=question.where)
            counts = {(row[0], row[1], row[2]): list(row[3]) for row in ask.rows(sql, question.parameters)}
            self._add_undecided(ask, question, bounds, conditions, counts)
        return [FoundOf(*place, tuple(found)) for place, found in counts.items() if any(found)]

    def level_counts(self, search: Search, *, step: timedelta, origin: datetime = EPOCH) -> list[LevelCount]:
        """Count entries by level and step; steps begin at multiples of `step` around `origin`."""
        question = self._question(search.organisation_id)
        bounds = question.asked(search)
        width, first = step // timedelta(microseconds=1), micros(FIRST_MOMENT)
        begins = STEP.format(at=WHEN, origin=question.micros(micros(origin)), step=width, first=first)
        counts: Counter[tuple[int, int]] = Counter()
        with reading(self._server, search.organisation_id) as ask:
            sql = COUNTS.format(step=begins, where=question.where, certain=bounds.certain)
            for start, level, count in ask.rows(sql, question.parameters):
                counts[start, level] += count
            if not bounds.is_exact:
                sql = UNDECIDED.format(where=question.where, certain=bounds.certain)
                for entry in _decided(map(entry_of, ask.stream(sql, question.parameters)), search.query):
                    happened = micros(entry.timestamp)
                    counts[max(happened - (happened - micros(origin)) % width, first), entry.level] += 1
        return [LevelCount(moment(start), level, count) for (start, level), count in counts.items()]

    def aggregate(self, search: Search, asked: Aggregate, *, seconds: float | None = None) -> Aggregated:
        """Make figures of entries, each of which is read: ClickHouse knows no document as the language does."""
        origin, width = micros(asked.origin), (asked.step or DAY) // timedelta(microseconds=1)

        def step_of(at_: datetime) -> datetime:
            happened = micros(at_)
            return moment(max(happened - (happened - origin) % width, micros(FIRST_MOMENT)))

        with reading(self._server, search.organisation_id, seconds=seconds) as ask:
            return figures.aggregate(self._all(ask, search), asked, step_of)

    def values(self, search: Search, fields: Sequence[Field], *, among: int, most: int, seconds: float) -> Values:
        """Count the values of fields in the newest `among` entries of a search."""
        with (
            reading(self._server, search.organisation_id, seconds=seconds) as ask,
            closing(self._found(ask, search, min(among, AT_A_TIME), PORTION_BYTES, None, True)) as entries,
        ):
            return figures.values(islice(_once(entries), among), fields, among=among, most=most)

    def messages(self, search: Search, *, among: int, most_characters: int, seconds: float) -> list[Said]:
        """Return what the newest `among` entries of a search say, cut; the newest first."""
        with (
            reading(self._server, search.organisation_id, seconds=seconds) as ask,
            closing(self._found(ask, search, min(among, AT_A_TIME), PORTION_BYTES, None, True)) as entries,
        ):
            return [
                Said(one.id, one.timestamp, one.level, one.message[:most_characters])
                for one in islice(_once(entries), among)
            ]

    def lower(self, text: str) -> str:
        """Write `text` in small letters. The first text that is not ASCII asks ClickHouse how."""
        return text.lower() if text.isascii() else self._letters.lower(text)

    def wall(self) -> State:
        """Tell how much of the wall stands."""
        return state(self._writer, self._behind)

    @cached_property
    def _letters(self) -> Letters:
        return letters.ask(self._server)

    def _question(self, organisation_id: int) -> Question:
        return Question(organisation_id, lower=self.lower, shown=self._shown)

    def _shown_of(self, sql: str) -> str:
        return sql.replace("{shown}", self._shown.also)

    def _all(self, ask: Asking, search: Search) -> Iterator[FoundEntry]:
        """Yield all entries of a search, in no order."""
        question = self._question(search.organisation_id)
        bounds = question.asked(search)
        sql = ALL.format(certain=bounds.certain, where=question.where)
        with closing(ask.stream(sql, question.parameters)) as rows:
            for *row, is_certain in rows:
                entry = entry_of(row)
                if is_certain or matches(search.query, to_match(entry)):
                    yield entry

    def _found(
        self, ask: Asking, search: Search, rows: int, most_bytes: int, after: Position | None, newest_first: bool
    ) -> Generator[FoundEntry]:
        """Yield entries, as many as are asked for: after each statement from where it ended."""
        while True:
            question = self._question(search.organisation_id)
            bounds = question.asked(search, after=after, newest_first=newest_first)
            limit = rows if bounds.is_exact else max(rows, LEAST)
            sql = PAGE.format(
                certain=bounds.certain,
                where=question.where,
                order=ORDER[newest_first],
                named=NAMED[newest_first],
                limit=limit,
                most_bytes=most_bytes,
            )
            found = ask.rows(sql, question.parameters)
            for *row, is_certain, _, _ in found:
                entry = entry_of(row)
                if entry.position != after and (is_certain or matches(search.query, to_match(entry))):
                    yield entry
                after = entry.position
            if not found:
                return

    def _newest(self, ask: Asking, search: Search, but: Condition, among: int) -> Iterator[tuple[int, int, bool]]:
        """Yield id and time of the newest entries of a search, and whether they fulfil `but`."""
        left, after = among, None
        while left:
            question = self._question(search.organisation_id)
            bounds, picked = question.asked(search, after=after), question.bounds(but)
            sql = NEWEST.format(
                certain=bounds.certain,
                picked=picked.certain,
                may_be_picked=picked.possible,
                where=question.where,
                limit=left,
            )
            rows = ask.rows(sql, question.parameters)
            doubtful = [row[0] for row in rows if not row[2] or row[3] != row[4]]
            whole = {one.id: to_match(one) for one in self._each(ask, search.organisation_id, doubtful)}
            for id_, happened, is_certain, is_picked, _ in rows:
                if is_certain or matches(search.query, whole[id_]):
                    yield id_, happened, bool(is_picked) or (id_ in whole and matches(but, whole[id_]))
                    left -= 1
            if bounds.is_exact or not rows:
                return
            after = (moment(rows[-1][1]), rows[-1][0])

    def _each(self, ask: Asking, organisation_id: int, ids: Sequence[int]) -> Iterator[FoundEntry]:
        """Yield entries by their ids, in the order of those; a few of them in memory at a time."""
        for start in range(0, len(ids), AT_ONCE):
            some = ids[start : start + AT_ONCE]
            found = {
                row[0]: row for row in ask.rows(self._shown_of(ENTRIES), {"owner": organisation_id, "ids": list(some)})
            }
            yield from (entry_of(found[id_]) for id_ in some if id_ in found)

    def _add_undecided(
        self,
        ask: Asking,
        question: Question,
        bounds: Sequence[Bounds],
        conditions: Sequence[Condition],
        counts: dict[tuple[int, str, str], list[int]],
    ) -> None:
        """Add what only the language's definition can tell."""
        doubts = " OR ".join(f"({one.possible}) AND NOT ({one.certain})" for one in bounds if not one.is_exact)
        if not doubts:
            return
        sql = DOUBTFUL.format(certain=", ".join(one.certain for one in bounds), where=question.where, doubts=doubts)
        with closing(ask.stream(sql, question.parameters)) as rows:
            for *row, certain in rows:
                entry = entry_of(row)
                shape = to_match(entry)
                found = counts[entry.id // ENTRIES_A_BATCH, entry.project, entry.environment]
                for at_, condition in enumerate(conditions):
                    found[at_] += not certain[at_] and not bounds[at_].is_exact and matches(condition, shape)


def _once(entries: Iterator[FoundEntry]) -> Iterator[FoundEntry]:
    """Leave out an exact copy, which comes right behind its entry until a merge removes it."""
    last = 0
    for entry in entries:
        if entry.id != last:
            yield entry
        last = entry.id


def _decided(entries: Iterator[FoundEntry], condition: Condition) -> Iterator[FoundEntry]:
    return (entry for entry in entries if matches(condition, to_match(entry)))
