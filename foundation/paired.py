"""Two streams that are in one order, side by side: what each says of a key."""

from collections.abc import Callable, Iterable, Iterator
from heapq import merge
from itertools import groupby
from operator import itemgetter
from typing import Any, TypeVar

L = TypeVar("L")
R = TypeVar("R")
_KEY = itemgetter(0)


def paired(left: Iterable[L], right: Iterable[R], *, key: Callable[[Any], Any]) -> Iterator[tuple[L | None, R | None]]:
    """Pair what two streams say of a key; each has it once at most, and in order."""
    sides = merge(((key(one), "left", one) for one in left), ((key(one), "right", one) for one in right), key=_KEY)
    for _, of_key in groupby(sides, key=_KEY):
        said: dict[str, Any] = {side: one for _, side, one in of_key}
        yield said.get("left"), said.get("right")
