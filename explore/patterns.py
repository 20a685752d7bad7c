"""What entries say, whatever they say it of: the newest of a search, grouped by the template of their message."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from explore.values import MAX_WILDCARDS
from foundation.levels import Level
from issues.template import MOST_CHARACTERS, outline, template
from storage.aggregates import Said
from storage.search import Search
from storage.store import store

#: Looked at, the newest of what is found.
AMONG = 10_000
#: Of a message; templates are made of the first of twice as many as they have.
CHARACTERS = 2 * MOST_CHARACTERS
SECONDS = 5.0
_PLACEHOLDER = re.compile(r"<(?:t|id|url|email|ip|path|n|q)>|\{\}")


@dataclass(slots=True)
class Pattern:
    """Entries of one template: the newest of them, when the first and the last was, and how many of each level."""

    template: str
    newest: Said
    first: Said
    levels: Counter[Level] = field(default_factory=Counter)

    @property
    def count(self) -> int:
        """How many entries it has."""
        return self.levels.total()

    @property
    def query(self) -> str | None:
        """A query that finds them, and perhaps more; None where their words cannot be asked for."""
        pieces = [piece.strip() for piece in _PLACEHOLDER.split(self.template)]
        pieces = [piece for piece in pieces if any(map(str.isalnum, piece))][: MAX_WILDCARDS + 1]
        if not pieces or not _holds(self.newest.message, pieces):
            return None
        return "message:" + "*".join(map(_escaped, pieces))


@dataclass(frozen=True, slots=True)
class Patterns:
    """The most frequent patterns of so many entries, which are all that a search finds if it `is_all`."""

    patterns: list[Pattern]
    different: int
    entries: int
    is_all: bool


def patterns(search: Search, *, limit: int) -> Patterns:
    """Return the `limit` most frequent patterns of the newest entries that a search finds. Raises: `Unavailable`."""
    said = newest(search)
    found = sorted(grouped(said), key=lambda pattern: (-pattern.count, pattern.template))
    return Patterns(found[:limit], len(found), len(said), len(said) < AMONG)


def newest(search: Search) -> list[Said]:
    """Return what the newest entries of a search say, `AMONG` at most. Raises: `Unavailable`."""
    return store().reader.messages(search, among=AMONG, most_characters=CHARACTERS, seconds=SECONDS)


def grouped(said: Iterable[Said]) -> Iterable[Pattern]:
    """Group what entries say, the newest first."""
    templates: dict[str, str] = {}
    found: dict[str, Pattern] = {}
    for one in said:
        like = outline(one.message)
        name = templates.get(like)
        if name is None:
            name = templates[like] = template(one.message)
        pattern = found.get(name)
        if pattern is None:
            pattern = found[name] = Pattern(name, one, one)
        pattern.first = one
        pattern.levels[Level(one.level)] += 1
    return found.values()


def _holds(message: str, pieces: Iterable[str]) -> bool:
    at = 0
    for piece in pieces:
        at = message.find(piece, at)
        if at < 0:
            return False
        at += len(piece)
    return True


def _escaped(piece: str) -> str:
    return "".join(sign if sign.isalnum() or sign in "_." else f"\\{sign}" for sign in piece)
