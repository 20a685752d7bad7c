"""Copies of what clients sent, beside the log store: each room registers what it holds, so that erasing finds all.

Knows no room. A room that keeps texts or entries of clients anywhere registers a `Holding` in its `held.py`, and what
is to go with an organisation as `Belongings`; it is found by that.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.utils.module_loading import autodiscover_modules

from foundation.numbers import Written

#: What stands in the place of a value that was cut out of a text.
ERASED = "[erased]"
#: The escapes of JSON within JSON end with letters, which are no part of the word that follows.
_BEFORE = r"(?:(?<!\w)|(?<=\\[bfnrt])|(?<=\\u[0-9a-fA-F]{4}))"
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|.)", re.DOTALL)


@dataclass(frozen=True)
class Wanted:
    """What is to be erased of an organisation's: `values`, as they were sent and as they are kept.

    A value stands in a text where no letter, digit or _ goes on from it, in any case: 123 is not in 1234, and
    bob@example.com not in jimbob@example.com.
    """

    organisation_id: int
    values: tuple[str, ...]

    @cached_property
    def _expression(self) -> re.Pattern[str] | None:
        pieces = [_standing(value) for value in sorted(self.values, key=len, reverse=True) if value]
        return re.compile("|".join(pieces), re.IGNORECASE) if pieces else None

    def is_in(self, text: str) -> bool:
        """Tell whether one of the values stands in `text`, as it is written or as its escapes mean it."""
        return self._stands_in(text) or ("\\" in text and self._stands_in(_without_escapes(text)))

    def cut_from(self, text: str) -> str:
        """Return `text` with `ERASED` in the place of each value; of one that escapes hide nothing is left."""
        if self._expression is None:
            return text
        text = self._expression.sub(ERASED, text)
        return ERASED if self.is_in(text) else text

    def cut_from_all(self, document: Any) -> Any:
        """Return a parsed document with the values cut out of its texts."""
        match document:
            case dict():
                return {self.cut_from(str(name)): self.cut_from_all(value) for name, value in document.items()}
            case list():
                return [self.cut_from_all(value) for value in document]
            case str():
                return self.cut_from(document)
            case _:
                return document

    def _stands_in(self, text: str) -> bool:
        return self._expression is not None and self._expression.search(text) is not None


@dataclass(frozen=True, kw_only=True)
class Holding:
    """A kind of rows that may hold a value, called `name` where they are counted.

    `erase` takes the values out of them in short transactions, and may be run again; it returns how many rows had one.
    `count` tells how many that would be.
    """

    name: str
    count: Callable[[Wanted], int]
    erase: Callable[[Wanted], int]


@dataclass(frozen=True, kw_only=True)
class Belongings:
    """What a room has of an organisation beside its entries, called `name`: what goes when everything of it goes.

    `forget` deletes it in transactions of its own, and may be run again; it returns how many rows went.
    """

    name: str
    forget: Callable[[int], int]


_holdings: dict[str, Holding] = {}
_belongings: dict[str, Belongings] = {}


def register(*those: Holding | Belongings) -> None:
    """Have erasing look into these, too; one of the same name is replaced."""
    _holdings.update({one.name: one for one in those if isinstance(one, Holding)})
    _belongings.update({one.name: one for one in those if isinstance(one, Belongings)})


def holdings() -> Iterable[Holding]:
    """Return what the rooms have registered of what may hold a value, in the order of names."""
    autodiscover_modules("held")
    return [_holdings[name] for name in sorted(_holdings)]


def belongings() -> Iterable[Belongings]:
    """Return what the rooms have registered of what goes with an organisation, in the order of names."""
    autodiscover_modules("held")
    return [_belongings[name] for name in sorted(_belongings)]


def _standing(value: str) -> str:
    before = _BEFORE if re.match(r"\w", value) else ""
    after = r"(?!\w)" if re.search(r"\w\Z", value) else ""
    return f"{before}{re.escape(value)}{after}"


def _without_escapes(text: str) -> str:
    return _ESCAPE.sub(lambda found: chr(int(found[1], 16)) if found[1] else found[0][1:], text)


def texts_of(document: object) -> Iterator[str]:
    """Yield all texts of a parsed document, names and numbers too."""
    ahead = [document]
    while ahead:
        match ahead.pop():
            case dict() as members:
                yield from members
                ahead += members.values()
            case list() as elements:
                ahead += elements
            case None:
                pass
            case str() as text:
                yield text
            case Written() as number:
                yield number.text
            case other:
                yield str(other)
