"""A piece of SQL with its parameters, and how pieces are put together."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Predicate:
    """A piece of SQL made of constants of this package, and its parameters in order."""

    sql: str
    parameters: tuple[Any, ...] = ()


def joined(conjunction: str, predicates: Iterable[Predicate]) -> Predicate:
    """Put `conjunction` between predicates."""
    predicates = list(predicates)
    return Predicate(
        conjunction.join(f"({predicate.sql})" for predicate in predicates),
        tuple(parameter for predicate in predicates for parameter in predicate.parameters),
    )


def pattern(pieces: Iterable[str]) -> str:
    """Write pieces for LIKE, with anything between them."""
    literal = (piece.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") for piece in pieces)
    return "%".join(literal)
