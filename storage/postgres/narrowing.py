r"""What texts must look like for a condition to hold: cheap tests that rule out, and never decide.

Documents are compact JSON as `msgspec` writes it, or as PostgreSQL writes `jsonb`, with a blank behind each sign. So a
member's name stands as `name":`, and nothing else does, but for texts with a `\"` before the colon.
"""

import re
from collections.abc import Sequence
from decimal import ROUND_FLOOR, Decimal

import msgspec

from storage.conditions import Compares, Document, Resembles
from storage.postgres.predicate import Predicate, joined, pattern

#: Of a number's characters, and what may stand between two of them.
_NUMBER = re.compile(r"[0-9eE.+-]+")
#: Whether a final sigma is one depends on the letters around it, which JSON's escapes may be.
SIGMA = re.compile("[Σσς]")
MOST_DIGITS = 18
#: Signs that stand in texts and documents as they are asked for, but for the case of A to Z: JSON escapes none of them,
#: and no other letter's small one is among them, as İ's is i, and that of the Kelvin sign k (Unicode, 3.13).
_PLAIN = re.compile(r"[ !#-HJL-\[\]-hjl-~]{3,}")
#: The first value of the name, as far as a number reaches: with zeros in front texts compare as whole numbers do. What
#: is none is taken for larger: a list, an exponent, a fraction. True also where the name comes twice.
LARGER = """
split_part({column}, %s, 3) <> ''
OR lpad(replace(replace(btrim(split_part(split_part({column}, %s, 2), ',', 1), ' }}]'), '[', repeat('[', 20)),
                'e', repeat('e', 20)), 20, '0') COLLATE "C" >= %s
"""


def escaped(text: str) -> str:
    """Write `text` as it stands in a document, between its quotation marks."""
    return msgspec.json.encode(text)[1:-1].decode()


def plain_run(pieces: Sequence[str]) -> str | None:
    """Return a run of signs that any text with `pieces` holds, in small letters; None where all are short."""
    runs = [run for piece in pieces for run in _PLAIN.findall(piece)]
    return max(runs, key=len).lower() if runs else None


def written_number(pieces: Sequence[str]) -> str | None:
    """Return the regular expression of numbers that hold `pieces` in their order; None where no number can."""
    inner = [piece for piece in pieces if piece]
    if not all(map(_NUMBER.fullmatch, inner)):
        return None
    return "[0-9e.+-]*".join(re.sub(r"[.+]", r"\\\g<0>", piece) for piece in inner)


def may_hold(condition: Document, *, then: Predicate) -> Predicate:
    """Return `then` where the document's text does not rule it out: in this order, whatever PostgreSQL reckons."""
    names = [f'{escaped(name.rpartition(".")[2])}":' for name in condition.names]
    first = joined(" OR ", (_holds(condition, name) for name in names))
    return Predicate(f"CASE WHEN {first.sql} THEN {then.sql} END", (*first.parameters, *then.parameters))


def _holds(condition: Document, name: str) -> Predicate:
    match condition.test:
        case Compares(operator, Decimal() as bound) if operator in (">", ">=") and 1 <= bound < 10**MOST_DIGITS:
            least = str(bound.to_integral_value(ROUND_FLOOR)).rjust(20, "0")
            return Predicate(LARGER.format(column=condition.column), (name, name, least))
        case Resembles(pieces, ignores_case) if written_number(pieces) is None:  # numbers are written in several ways
            behind = SIGMA.sub("_", pattern(["", name, *map(escaped, pieces), ""]))
            return Predicate(f"{condition.column} {'ILIKE' if ignores_case else 'LIKE'} %s", (behind,))
    return Predicate(f"{condition.column} LIKE %s", (pattern(["", name, ""]),))
