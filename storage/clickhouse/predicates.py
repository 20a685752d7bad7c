"""Conditions as ClickHouse's SQL, on the columns of an entry. See `storage.clickhouse.bounds`."""

import re
from collections.abc import Callable

from storage.clickhouse.bounds import ALWAYS, NEVER, UNDECIDED, Bounds, Parameters, either, every, exactly, unless
from storage.clickhouse.documents import document, escaped, like
from storage.conditions import (
    Compares,
    Condition,
    Counted,
    Document,
    Either,
    Equals,
    Every,
    Exists,
    LevelBetween,
    Mentions,
    Resembles,
    Text,
    Unless,
    Words,
)

Lower = Callable[[str], str]
#: Conditions that do not consist of others.
Asked = LevelBetween | Counted | Text | Document | Words | Mentions
#: Whether a final sigma is one depends on the letters around it, which JSON's escapes may be.
SIGMA = re.compile("[σς]")
#: All strings of a document, those that are names with their colon.
STRINGS = r"""extractAll({column}, '"(?:[^"\\\\]|\\\\.)*":?')"""
#: What JSON's numbers consist of.
NUMBER = re.compile(r"[0-9eE.+-]*")
NULLABLE = {"trace_id", "span_id", "parent_span_id", "edge"}


#: A server takes 128 KiB of SQL in a form. A name with many dots has many meanings, each of which is written out.
MOST_CHARACTERS = 50_000


class Compiler:
    """Writes conditions for one statement, whose parameters it collects; `lower` writes small letters as the server."""

    def __init__(self, parameters: Parameters, *, lower: Lower) -> None:
        self._parameters = parameters
        self._lower = lower

    def bounds(self, condition: Condition) -> Bounds:
        """Return what surely fulfils `condition`, and what may: in as much SQL as a server takes."""
        found = self._bounds(condition)
        return found if len(found.certain) + len(found.possible) <= MOST_CHARACTERS else UNDECIDED

    def _bounds(self, condition: Condition) -> Bounds:
        match condition:
            case Every(()):
                return ALWAYS
            case Every():
                return every(map(self.bounds, condition.of))
            case Either():
                return either(map(self.bounds, condition.of))
            case Unless():
                return unless(self.bounds(condition.condition))
            case _:
                return self._asked(condition)

    def _asked(self, condition: Asked) -> Bounds:
        match condition:
            case LevelBetween():
                levels = self._parameters.whole(condition.lowest), self._parameters.whole(condition.highest)
                return exactly("CAST(level, 'Int8') BETWEEN {} AND {}".format(*levels))
            case Counted(keys):
                return self._counted(keys)
            case Text():
                return self._text(condition)
            case Document():
                return document(condition, self._parameters, lower=self._lower)
            case Words():
                return self._words(condition.test)
            case Mentions(text):
                return self._mentions(text)

    def _counted(self, keys: tuple[int, ...] | None) -> Bounds:
        if keys is None:
            return exactly("error_key IS NOT NULL")
        if not keys:
            return NEVER
        return exactly(f"error_key IS NOT NULL AND error_key IN {self._parameters.list_of(keys, 'Int64')}")

    def _text(self, condition: Text) -> Bounds:
        column = condition.column
        match condition.test:
            case Equals(values):
                test = f"{column} = {self._parameters.text(str(values[0]))}"
            case Resembles() as likeness:
                test = self._like(column, likeness)
            case Exists():
                return exactly(f"{column} IS NOT NULL") if column in NULLABLE else ALWAYS
            case Compares():
                raise TypeError("columns of text are not compared")
        return exactly(f"{column} IS NOT NULL AND {test}" if column in NULLABLE else test)

    def _like(self, column: str, test: Resembles) -> str:
        pieces = self._small(test)
        return f"{_folded(column, test)} LIKE {self._parameters.text(like(pieces))}"

    def _small(self, test: Resembles) -> list[str]:
        """Return the pieces as they are compared: in small letters together, because a sigma's depends on the rest."""
        return self._lower("\0".join(test.pieces)).split("\0") if test.ignores_case else list(test.pieces)

    def _words(self, test: Resembles) -> Bounds:
        """Look into the message, and into the strings of documents that are no names."""
        message = exactly(self._like("message", test))
        return either([message, *(self._shown(column, test) for column in ("metadata", "error"))])

    def _shown(self, column: str, test: Resembles) -> Bounds:
        """Look into a document's values: first whether its text holds the words at all."""
        pieces, folded = self._small(test), _folded(column, test)
        written = SIGMA.sub("_", like(["", *(escaped(piece) for piece in pieces if piece), ""]))
        held = f"{folded} LIKE {self._parameters.text(written)}"
        pattern = self._parameters.text(like(pieces))
        is_value = "endsWith(one, '\"') AND position(one, '\\\\') = 0"
        strings = STRINGS.format(column=folded)
        shown = f"arrayExists(one -> {is_value} AND substring(one, 2, length(one) - 2) LIKE {pattern}, {strings})"
        others = ["1"] if _may_be_no_text(pieces) else [f"position({column}, '\\\\') > 0"]
        return Bounds(f"{held} AND {shown}", f"{held} AND ({' OR '.join([shown, *others])})")

    def _mentions(self, text: str) -> Bounds:
        """Look at all that stands there; JSON within JSON is escaped once more."""
        forms = list(dict.fromkeys([text, escaped(text), escaped(escaped(text))]))
        patterns = [
            self._parameters.text(SIGMA.sub("_", like(["", *self._lower(form).split("\0"), ""]))) for form in forms
        ]
        columns = [f"lowerUTF8({column})" for column in ("message", "metadata", "error")]
        return exactly(" OR ".join(f"{column} LIKE {pattern}" for column in columns for pattern in patterns))


def _folded(column: str, test: Resembles) -> str:
    return f"lowerUTF8({column})" if test.ignores_case else column


def _may_be_no_text(pieces: list[str]) -> bool:
    """Tell whether a number, true or false may consist of these pieces."""
    if all(map(NUMBER.fullmatch, pieces)):
        return True
    return any(all(piece in constant for piece in pieces) for constant in ("true", "false"))
