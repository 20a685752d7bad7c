"""What entries say of where and of whom they are: their metadata, flattened, and a few fields beside. Pure.

Bounded, whatever entries hold: so many names of one, so many in all, each so long, two levels deep.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec

from foundation.numbers import Written
from storage.found import FoundEntry

MOST_NAMES, MOST_ELEMENTS, MOST_CHARACTERS = 100, 20, 120
LEVELS = 2
LARGE = 10**18
RELEASE, VERSION, ENVIRONMENT, LEVEL, SPAN = "release", "version", "environment", "level", "span"

#: Names, with a dot where an object is in another, and what is said, as JSON: 1, "1" and true are three.
Facts = dict[str, str]
#: Tells the release of an entry, as errors are counted.
ReleaseOf = Callable[[FoundEntry], str]

_decode = msgspec.json.Decoder(float_hook=Written).decode
_encode = msgspec.json.Encoder().encode


def collect(entries: Iterable[FoundEntry], release_of: ReleaseOf, *, most_facts: int) -> list[Facts]:
    """Return what entries say, an entry each; no more entries once they say so much in all."""
    found: list[Facts] = []
    left = most_facts
    for entry in entries:
        facts = facts_of(entry, release_of)
        left -= len(facts)
        if left < 0:
            break
        found.append(facts)
    return found


def facts_of(entry: FoundEntry, release_of: ReleaseOf) -> Facts:
    """Return what an entry says. What is too long is cut; what is too deep, or too much, left out."""
    found: Facts = {}
    for name, value in _flattened(_metadata(entry), LEVELS):
        found.setdefault(name, value)
        if len(found) >= MOST_NAMES:
            break
    release = _text(release_of(entry))
    if release != _text(""):
        if RELEASE not in found and found.get(VERSION) == release:
            del found[VERSION]  # it is said once
        found[RELEASE] = release
    if entry.environment:
        found[ENVIRONMENT] = _text(entry.environment)
    found[LEVEL] = _text(entry.level.label)
    if entry.span_id:
        found[SPAN] = _text(entry.span_id)
    return found


def shown(value: str) -> str:
    """Return what is said for people: texts without their quotes."""
    return str(_decode(value)) if value.startswith('"') else value


def _metadata(entry: FoundEntry) -> dict[str, Any]:
    try:
        found = _decode(entry.metadata) if entry.metadata else None
    except (msgspec.DecodeError, RecursionError, ArithmeticError):
        return {}
    return found if isinstance(found, dict) else {}


def _flattened(members: dict[str, Any], levels: int, before: str = "") -> Iterator[tuple[str, str]]:
    for name, value in members.items():
        path = f"{before}{name}"[:MOST_CHARACTERS]
        match value:
            case dict() if levels > 1:
                yield from _flattened(value, levels - 1, f"{path}.")
            case str():
                yield path, _text(value)
            case list() if len(value) <= MOST_ELEMENTS and not any(isinstance(one, dict | list) for one in value):
                yield path, f"[{','.join(_scalar(one) for one in value)}]"[:MOST_CHARACTERS]
            case bool() | int() | Written():
                yield path, _scalar(value)


def _scalar(value: Any) -> str:
    match value:
        case str():
            return _text(value)
        case Written():
            return value.text[:MOST_CHARACTERS]
        case int() if not isinstance(value, bool) and abs(value) >= LARGE:
            return f"{value % LARGE}…"  # nobody compares such numbers, and to write them takes long
        case _:
            return _encode(value).decode()


def _text(text: str) -> str:
    return _encode(text[:MOST_CHARACTERS]).decode()
