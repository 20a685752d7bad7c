"""The entries that a search finds: in the order of time, in none, by their ids.

What the engine says may be found, and does not know for sure, is decided here by the language's definition.
"""

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass

from storage.aggregates import Field, Said
from storage.clickhouse.fields import not_told
from storage.clickhouse.predicates import Lower
from storage.clickhouse.question import Question
from storage.clickhouse.reading import Asking
from storage.clickhouse.rows import SELECTED, entry_of, moment
from storage.clickhouse.shown import Shown
from storage.conditions import Condition
from storage.found import COLUMNS, FoundEntry
from storage.matching import matches, to_match
from storage.search import Position, Search

#: In the order of the key, by whether the newest come first.
ORDER = {True: "timestamp DESC, id DESC", False: "timestamp, id"}
#: Whatever may be found, and nothing else of it: what is decided of each is decided of so many, and not of all beside
#: which they lie.
POSSIBLE = f"SELECT {', '.join(COLUMNS)} FROM entry WHERE {{where}} ORDER BY {{order}} LIMIT {{limit}}"  # noqa: S608 - constants
OWN_BYTES = "length(message) + length(metadata) + length(error)"
#: The first so many entries that may fulfil a search, and of those as many as hold so many bytes; one at least. Each
#: says how many bytes it and those before it hold.
PAGE = f"""
SELECT {SELECTED}, ({{certain}}), held
  FROM (SELECT *, sum({OWN_BYTES}) OVER (ORDER BY {{order}} ROWS UNBOUNDED PRECEDING) AS held FROM ({POSSIBLE}))
 WHERE held - ({OWN_BYTES}) <= {{most_bytes}} ORDER BY {{order}}
"""  # noqa: S608 - constants
BY_ID = f"""
SELECT {SELECTED} FROM entry WHERE organisation_id = {{owner:UInt64}} AND id IN {{ids:Array(UInt64)}}{{shown}}
"""  # noqa: S608 - constants
#: The newest so many, with what of them fulfils something else.
NEWEST = f"""
SELECT id, toUnixTimestamp64Micro(timestamp), ({{certain}}), ({{picked}}), ({{may_be_picked}})
  FROM ({POSSIBLE}) ORDER BY {{order}}
"""  # noqa: S608 - constants
ALL = f"SELECT {SELECTED}, ({{certain}}) FROM entry WHERE {{where}}"  # noqa: S608 - constants
#: What the newest so many say.
SAID = """
SELECT id, toUnixTimestamp64Micro(timestamp), CAST(level, 'Int8'), substringUTF8(message, 1, {characters}), ({certain})
  FROM entry WHERE {where} ORDER BY timestamp DESC, id DESC LIMIT 1 BY id LIMIT {limit}
"""
#: What is asked for at once where some of it is still to be decided.
LEAST = 200
#: Of entries that are fetched by their ids.
AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class Entries:
    """What one organisation is shown, asked for in the time that one question may take."""

    ask: Asking
    organisation_id: int
    lower: Lower
    shown: Shown

    def question(self) -> Question:
        """Begin a question."""
        return Question(self.organisation_id, lower=self.lower, shown=self.shown)

    def found(
        self,
        search: Search,
        *,
        rows: int,
        most_bytes: int,
        after: Position | None = None,
        newest_first: bool = True,
    ) -> Generator[FoundEntry]:
        """Yield entries, as many as are asked for: after each statement, of `rows` at least, from where it ended.

        One that found fewer than it might, and not for their bytes, has found the last.
        """
        while True:
            question = self.question()
            bounds = question.asked(search, after=after, newest_first=newest_first)
            limit = rows if bounds.is_exact else max(rows, LEAST)
            sql = PAGE.format(
                certain=bounds.decided,
                where=question.where,
                order=ORDER[newest_first],
                limit=limit,
                most_bytes=most_bytes,
            )
            found = self.ask.rows(sql, question.parameters)
            for *row, is_certain, _ in found:
                entry = entry_of(row)
                if entry.position != after and (is_certain or matches(search.query, to_match(entry))):
                    yield entry
                after = entry.position
            if not found or (len(found) < limit and found[-1][-1] <= most_bytes):
                return

    def newest(self, search: Search, but: Condition, *, among: int) -> Iterator[tuple[int, int, bool]]:
        """Yield id and time of the newest entries of a search, and whether they fulfil `but`."""
        left, after = among, None
        while left:
            question = self.question()
            bounds, picked = question.asked(search, after=after), question.bounds(but)
            sql = NEWEST.format(
                certain=bounds.decided,
                picked=picked.certain,
                may_be_picked=picked.possible,
                where=question.where,
                order=ORDER[True],
                limit=left,
            )
            rows = self.ask.rows(sql, question.parameters)
            doubtful = [row[0] for row in rows if not row[2] or row[3] != row[4]]
            whole = {one.id: to_match(one) for one in self.by_ids(doubtful)}
            for id_, happened, is_certain, is_picked, _ in rows:
                if is_certain or matches(search.query, whole[id_]):
                    yield id_, happened, bool(is_picked) or (id_ in whole and matches(but, whole[id_]))
                    left -= 1
            if bounds.is_exact or not rows:
                return
            after = (moment(rows[-1][1]), rows[-1][0])

    def by_ids(self, ids: Sequence[int]) -> Iterator[FoundEntry]:
        """Yield entries by their ids, in the order of those; a few of them in memory at a time."""
        sql = BY_ID.replace("{shown}", self.shown.also)
        for start in range(0, len(ids), AT_ONCE):
            some = ids[start : start + AT_ONCE]
            found = {row[0]: row for row in self.ask.rows(sql, {"owner": self.organisation_id, "ids": list(some)})}
            yield from (entry_of(found[id_]) for id_ in some if id_ in found)

    def said(self, search: Search, *, among: int, most_characters: int) -> list[Said] | None:
        """Return what the newest entries of a search say, cut; None where the engine cannot decide which are found."""
        question = self.question()
        bounds = question.asked(search)
        sql = SAID.format(certain=bounds.decided, where=question.where, limit=among, characters=most_characters)
        rows = self.ask.rows(sql, question.parameters)
        if not all(row[-1] for row in rows):
            return None
        return [Said(id_, moment(happened), level, message) for id_, happened, level, message, _ in rows]

    def left(self, search: Search, fields: Iterable[Field]) -> Iterator[FoundEntry]:
        """Yield the entries of a search whose texts at `fields` do not tell all, in no order."""
        question = self.question()
        bounds = question.asked(search)
        left = not_told([question.told(field) for field in fields], bounds)
        sql = ALL.format(certain=bounds.decided, where=f"{question.where} AND ({left})")
        with closing(self.ask.stream(sql, question.parameters)) as rows:
            for *row, is_certain in rows:
                entry = entry_of(row)
                if is_certain or matches(search.query, to_match(entry)):
                    yield entry


def once(entries: Iterable[FoundEntry]) -> Iterator[FoundEntry]:
    """Leave out an exact copy, which comes right behind its entry until a merge removes it."""
    last = 0
    for entry in entries:
        if entry.id != last:
            yield entry
        last = entry.id
