"""Values as they stand in a query: quoted or bare, with wildcards, numbers and constants."""

import re
from dataclasses import dataclass
from decimal import Decimal

from explore.syntax import without_escapes
from storage.conditions import Equals, Exists, Resembles, Scalar, Test

MAX_WILDCARDS = 8
#: JSON's numbers, kept within what PostgreSQL's numeric can hold.
_NUMBER = re.compile(r"-?(?:0|[1-9]\d{0,99})(?:\.\d{1,99})?(?:[eE][+-]?\d{1,3})?", re.ASCII)
_PIECE = re.compile(r"(?P<wildcard>\*)|\\.|[^\\*]+", re.DOTALL)
_CONSTANTS: dict[str, Scalar] = {"true": True, "false": False, "null": None}


@dataclass(frozen=True)
class Value:
    """Text between wildcards: one piece means that there is none."""

    pieces: tuple[str, ...]
    is_quoted: bool = False

    @property
    def text(self) -> str:
        """The value without its wildcards' meaning."""
        return "*".join(self.pieces)

    @property
    def is_anything(self) -> bool:
        """Tell whether the value is a lone `*`."""
        return len(self.pieces) > 1 and not any(self.pieces)

    @property
    def number(self) -> Decimal | None:
        """The number that a bare value means, if it means one."""
        is_number = not self.is_quoted and len(self.pieces) == 1 and _NUMBER.fullmatch(self.text)
        return Decimal(self.text) if is_number else None

    def as_test(self) -> Test:
        """Return the test for equality, likeness or existence."""
        if self.is_anything:
            return Exists()
        if len(self.pieces) > 1:
            return Resembles(self.pieces)
        if self.is_quoted:
            return Equals((self.text,))
        if self.number is not None:
            return Equals((self.text, self.number))
        return Equals((self.text, _CONSTANTS[self.text])) if self.text in _CONSTANTS else Equals((self.text,))

    def as_text_test(self) -> Test:
        """Return the test where every value is a text."""
        test = self.as_test()
        return Equals((self.text,)) if isinstance(test, Equals) else test

    def as_substring(self) -> Resembles:
        """Return the test for being contained in any case; what is anything is contained in every text."""
        return Resembles(("", *self.pieces, ""), ignores_case=True)


def read_value(text: str) -> Value:
    """Read a word or a phrase in its quotes; a star outside quotes and without a backslash is a wildcard."""
    if text.startswith('"'):
        return Value((without_escapes(text[1:-1]),), is_quoted=True)
    return Value(tuple(without_escapes(piece) for piece in _split(text)))


def _split(text: str) -> list[str]:
    pieces = [""]
    for found in _PIECE.finditer(text):
        if found["wildcard"]:
            pieces.append("")
        else:
            pieces[-1] += found[0]
    return pieces
