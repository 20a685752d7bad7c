"""What the log store can be asked: the vocabulary between the search language and each store's own language.

What a condition means is said here and in docs/search.md, whatever the store; `storage.matching` is its oracle, and
`tests/contract` holds each store to it.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

TextColumn = Literal["message", "environment", "project", "trace_id", "span_id", "parent_span_id", "edge"]
DocumentColumn = Literal["metadata", "error"]
Operator = Literal["<", "<=", ">", ">="]
Scalar = str | Decimal | bool | None


@dataclass(frozen=True, slots=True)
class Equals:
    """Is one of `values`: the text as it was written, and the number or constant that it may also mean.

    Kinds are kept apart, true from 1 and "1" from 1; numbers are equal by value: 1 and 1.0, 10^20 to its last digit.
    """

    values: tuple[Scalar, ...]


@dataclass(frozen=True, slots=True)
class Resembles:
    """Consists of `pieces` in their order, with anything between them; ("", "x", "") contains x.

    Asked of texts, and of numbers, true and false as JSON writes them, without an exponent. Texts that are compared in
    any case are both written in small letters first, as the store's `lower` writes them.
    """

    pieces: tuple[str, ...]
    ignores_case: bool = False


@dataclass(frozen=True, slots=True)
class Compares:
    """Is on one side of `bound`; numbers compare with numbers, texts with texts by code point, others never."""

    operator: Operator
    bound: Decimal | str


@dataclass(frozen=True, slots=True)
class Exists:
    """Is there, and not null; an empty object is there, an empty list has no element that is."""


Test = Equals | Resembles | Compares | Exists


@dataclass(frozen=True, slots=True)
class Text:
    """A column of text passes `test`."""

    column: TextColumn
    test: Test


@dataclass(frozen=True, slots=True)
class Document:
    """A value that one of `names` leads to in a JSON column passes `test`; no name leads to the document itself.

    A name is the keys on the way joined by dots, wherever keys hold dots themselves: a.b.c leads through {"a.b": {"c"}}
    as through {"a": {"b": {"c"}}}. Each element of a list on the way and at the end counts, one level deep: a list in a
    list is no value.
    """

    column: DocumentColumn
    names: tuple[str, ...]
    test: Test


@dataclass(frozen=True, slots=True)
class Words:
    """The message, or a text, a number, true or false anywhere in metadata or error passes `test`; keys do not count.

    A number is compared as it is written in the document, with its exponent. Lists are looked into however deep.
    """

    test: Resembles


@dataclass(frozen=True, slots=True)
class Mentions:
    """The text stands, in any case, in the message, or anywhere in metadata or error: in names of fields, too.

    A store may find more, where JSON's own signs look like it: whoever must know looks closer.
    """

    text: str


@dataclass(frozen=True, slots=True)
class LevelBetween:
    """The level lies between two, both included."""

    lowest: int
    highest: int


@dataclass(frozen=True, slots=True)
class Counted:
    """Is an error that was counted for one of the fingerprints with these keys; without keys, for any."""

    keys: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class Every:
    """All of these hold; of none, always."""

    of: tuple["Condition", ...] = ()


@dataclass(frozen=True, slots=True)
class Either:
    """At least one of these holds."""

    of: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class Unless:
    """This does not hold: it is false, or there is nothing to ask."""

    condition: "Condition"


Condition = Text | Document | Words | Mentions | LevelBetween | Counted | Every | Either | Unless
EVERYTHING = Every()
