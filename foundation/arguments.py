"""Numbers as arguments of commands: within bounds, or argparse says what is wrong."""

from argparse import ArgumentTypeError
from collections.abc import Callable
from typing import TypeVar

Number = TypeVar("Number", int, float)

#: A century: beyond it, dates end.
MAX_DAYS = 36_525


def within(lowest: int, highest: int, *, kind: type[Number] = int) -> Callable[[str], Number]:
    """Return the type of an argument from `lowest` to `highest`."""

    def read(text: str) -> Number:
        try:
            number = kind(text)
        except ValueError:
            number = kind(lowest - 1)
        if lowest <= number <= highest:  # no NaN is
            return number
        raise ArgumentTypeError(f"write a number from {lowest} to {highest}")

    return read
