r"""What texts must look like for a condition to hold: cheap tests that rule out, and never decide.

Documents are compact JSON as `msgspec` writes it, or as PostgreSQL writes `jsonb`, with a blank behind each sign. So a
member's name stands as `name":`, and nothing else does, but for texts with a `\"` before the colon.
"""

import re
from collections.abc import Sequence
from decimal import Decimal
from math import floor

import msgspec

from storage.conditions import Compares, Document, Operator, Resembles
from storage.postgres.predicate import Predicate, joined, pattern

#: Of a number's characters, and what may stand between two of them.
_NUMBER = re.compile(r"[0-9eE.+-]+")
#: Whether a final sigma is one depends on the letters around it, which JSON's escapes may be.
SIGMA = re.compile("[Σσς]")
MOST_DIGITS = 18
#: Ends of names that may stand in texts, too, and then with anything behind them: of an empty one, and a backslash.
_IN_TEXTS = re.compile(r'(^|\\)":$')
#: Signs that stand in texts and documents as they are asked for, but for the case of A to Z: JSON escapes none of them,
#: and no other letter's small one is among them, as İ's is i, and that of the Kelvin sign k (Unicode, 3.13).
_PLAIN = re.compile(r"[ !#-HJL-\[\]-hjl-~]{3,}")
#: Digits, and what stands between those of times, addresses and ids.
_FIGURES = re.compile(r"[0-9][0-9.:/_-]+[0-9]")
#: What follows the name where it comes first, and of that the value, if it is a number: no name that is looked for so
#: can stand in a text. `split_part` and `replace` are quick; what counts letters is not (`lpad`, `btrim`, `left`).
FIRST = "split_part({column}, %s, 2)"
VALUE = f"split_part(split_part({FIRST}, ',', 1), '}}}}', 1)"
#: How many digits a whole number has; of a list or an exponent more than any.
LENGTH = f"octet_length(replace(replace({VALUE}, '[', repeat('[', 20)), 'e', repeat('e', 20)))"
#: Numbers begin with a digit or a minus (45), and are read; a list (91), and what a blank (32) precedes, may hold one.
COMPARED = f"""CASE WHEN ascii({FIRST}) IN (45, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57)
 THEN {VALUE}::numeric {{operator}} %s ELSE ascii({FIRST}) IN (32, 91) END"""
#: By the number of digits first; of as many as the bound has, texts compare as whole numbers do. True also where the
#: name comes twice.
LARGER = f"""
CASE greatest({LENGTH}, {{digits}} - 1) WHEN {{digits}} - 1 THEN FALSE WHEN {{digits}} THEN {FIRST} COLLATE "C" >= %s
 ELSE {COMPARED} END
OR split_part({{column}}, %s, 3) <> ''
"""
SMALLER = f"""
CASE greatest({LENGTH}, {{digits}} - 1) WHEN {{digits}} - 1 THEN strpos({{column}}, %s) > 0 ELSE {COMPARED} END
OR split_part({{column}}, %s, 3) <> ''
"""


def escaped(text: str) -> str:
    """Write `text` as it stands in a document, between its quotation marks."""
    return msgspec.json.encode(text)[1:-1].decode()


def plain_run(pieces: Sequence[str]) -> str | None:
    """Return a run of signs that any text with `pieces` holds, in small letters; None where all are short."""
    runs = [run for piece in pieces for run in _PLAIN.findall(piece)]
    return max(runs, key=len).lower() if runs else None


def figures(pieces: Sequence[str]) -> str | None:
    """Return the longest run of figures that any text with `pieces` holds."""
    runs = [run for piece in pieces for run in _FIGURES.findall(piece)]
    return max(runs, key=len) if runs else None


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
        case Compares(operator, Decimal() as bound) if abs(bound) < 10**MOST_DIGITS and not _IN_TEXTS.search(name):
            return _compares(condition.column, name, operator, bound)
        case Resembles(pieces, ignores_case) if written_number(pieces) is None:  # numbers are written in several ways
            behind = SIGMA.sub("_", pattern(["", name, *map(escaped, pieces), ""]))
            return Predicate(f"{condition.column} {'ILIKE' if ignores_case else 'LIKE'} %s", (behind,))
    return Predicate(f"{condition.column} LIKE %s", (pattern(["", name, ""]),))


def _compares(column: str, name: str, operator: Operator, bound: Decimal) -> Predicate:
    whole = str(floor(bound)) if bound >= 1 else ""
    has_least = operator in (">", ">=")
    sql = LARGER if has_least else SMALLER
    return Predicate(
        sql.format(column=column, operator=operator, digits=len(whole)),
        (name, name, *([whole] if has_least else []), name, name, bound, name, name),
    )
