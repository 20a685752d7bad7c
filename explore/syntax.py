"""Lucene's syntax by luqum, with what our users write smoothed over and each error at its place."""

import re
from dataclasses import dataclass

from luqum.exceptions import ParseError
from luqum.thread import parse as parse_lucene
from luqum.tree import Item

MAX_CHARACTERS = 2_000
#: A slash that begins a word is no regular expression, and a minus before a digit in a value is no negation.
_BARE = re.compile(r'"(?:[^\\"]|\\.)*"|\\.|(?:(?<=[\s(\[{:<>=+-])|^)/|(?<=[:<>=])-(?=[.\d])', re.DOTALL)
_POSITION = re.compile(r"position (\d+)")


class QueryError(ValueError):
    """A query that cannot be understood: `message` says what is wrong, `position` at which character."""

    def __init__(self, message: str, position: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.position = position


@dataclass(frozen=True)
class Tree:
    """A parsed query; `position` finds an item's place in the text as the user wrote it."""

    root: Item
    escapes: tuple[int, ...]

    def position(self, item: Item) -> int | None:
        """Return the index of the item's first character."""
        return None if item.pos is None else _original(item.pos, self.escapes)


def parse_syntax(text: str) -> Tree | None:
    """Parse `text`; nothing but blanks gives None. Raises: `QueryError`."""
    if len(text) > MAX_CHARACTERS:
        raise QueryError(f"A query may have at most {MAX_CHARACTERS:,} characters.", MAX_CHARACTERS)
    if "\0" in text:
        raise QueryError("A query cannot hold the character U+0000.", text.index("\0"))
    if not text.strip():
        return None
    escaped, escapes = _escape(text)
    try:
        return Tree(root=parse_lucene(escaped), escapes=escapes)
    except ParseError as error:
        raise _explained(str(error), text, escapes) from error


def _escape(text: str) -> tuple[str, tuple[int, ...]]:
    escapes: list[int] = []

    def with_backslash(found: re.Match[str]) -> str:
        if found[0] not in ("/", "-"):
            return found[0]
        escapes.append(found.start() + len(escapes))
        return "\\" + found[0]

    return _BARE.sub(with_backslash, text), tuple(escapes)


def _original(position: int, escapes: tuple[int, ...]) -> int:
    return position - sum(escape < position for escape in escapes)


def _explained(message: str, text: str, escapes: tuple[int, ...]) -> QueryError:
    found = _POSITION.search(message)
    if found is None:
        return QueryError("The query ends too early: a value or a closing parenthesis is missing.", len(text))
    position = _original(int(found[1]), escapes)
    match text[position : position + 1]:
        case '"':
            return QueryError("The closing quotation mark is missing.", position)
        case character:
            return QueryError(f"{character} is not expected here; put text with such characters in quotes.", position)
