"""What an entry's metadata says, name by name, with the terms of a search that ask for the same, and for others."""

import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from msgspec import Raw, json

MOST_FACTS, MOST_OF_VALUE, MOST_LEVELS = 60, 300, 3


@dataclass(frozen=True, slots=True)
class Fact:
    """A value of an entry. `term` finds entries that have it too; empty where no search asks for such a value."""

    name: str
    value: str
    term: str


def facts(metadata: Raw | None) -> list[Fact]:
    """Return the values of an entry's metadata, those of objects in it by the keys on the way."""
    document = json.decode(metadata) if metadata else None
    found = _walk(document, (), MOST_LEVELS) if isinstance(document, dict) else iter(())
    return list(islice(found, MOST_FACTS))


def _walk(document: Mapping[str, Any], way: tuple[str, ...], levels: int) -> Iterator[Fact]:
    for key, value in document.items():
        name = ".".join((*way, key))
        if isinstance(value, dict) and value and levels > 1:
            yield from _walk(value, (*way, key), levels - 1)
        else:
            text = value if isinstance(value, str) else json.encode(value).decode()
            yield Fact(name[:MOST_OF_VALUE], text[:MOST_OF_VALUE], _term(name, value, text))


def _term(name: str, value: object, text: str) -> str:
    """Return `metadata.name:value`: behind that word no name is the language's own."""
    if isinstance(value, dict | list) or not name or len(name) + len(text) > MOST_OF_VALUE or "\0" in name + text:
        return ""
    written = "".join(sign if sign.isalnum() or sign in "_." else _escaped(sign) for sign in name)
    if isinstance(value, str):
        text = "".join(_escaped(sign) if sign in '"\\' or _is_unseen(sign) else sign for sign in text)
        text = f'"{text}"'
    return f"metadata.{written}:{text}"


def _escaped(sign: str) -> str:
    """Write a sign as what it is, and no sign of the search language."""
    return f"\\u{ord(sign):04x}" if _is_unseen(sign) else f"\\{sign}"


def _is_unseen(sign: str) -> bool:
    """Tell of blanks but the space, and what cannot be seen: a line end would not survive a search box."""
    return sign != " " and ord(sign) < 0x10000 and unicodedata.category(sign)[0] in ("C", "Z")
