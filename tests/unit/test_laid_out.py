"""Stacks laid out: what is of libraries is folded, what is the application's own is not, and nothing is lost."""

import pytest

from issues.laid_out import MOST_LINES, runs
from issues.ours import NO_PREFIXES, Prefixes

NODE = [
    "PaymentError: no money",
    "    at charge (/app/src/pay.js:8:1)",
    "    at next (/app/node_modules/express/lib/router.js:1:2)",
    "    at Layer.handle (/app/node_modules/express/lib/layer.js:3:4)",
    "    at checkout (/app/src/shop.js:9:1)",
]
PYTHON = [
    "Traceback (most recent call last):",
    '  File "/app/.venv/lib/python3.13/site-packages/django/core/handlers.py", line 5, in inner',
    "    response = get_response(request)",
    '  File "/app/shop/cart.py", line 7, in total',
    "    return row['quantity']",
    "KeyError: 'quantity'",
]
RUST = [
    "   0: std::panicking::begin_panic",
    "             at /rustc/9fc6b43/library/std/src/panicking.rs:697:5",
    "   1: shop::pay::charge",
    "             at ./src/pay.rs:88:13",
]


def shape(stack: list[str], prefixes: Prefixes = NO_PREFIXES) -> list[tuple[bool, int, int]]:
    """Of each run: whether it is folded, its lines and its frames."""
    return [(run.is_library, len(run.lines), run.frames) for run in runs(stack, prefixes)]


@pytest.mark.parametrize(
    ("stack", "expected"),
    [
        (NODE, [(False, 2, 1), (True, 2, 2), (False, 1, 1)]),
        (["\n".join(NODE)], [(False, 2, 1), (True, 2, 2), (False, 1, 1)]),
        (PYTHON, [(False, 1, 0), (True, 2, 1), (False, 3, 1)]),
        (RUST, [(True, 2, 1), (False, 2, 1)]),
        (NODE[2:4], [(False, 2, 2)]),  # nothing is one's own: nothing is folded
        (["what happened", "nobody knows"], [(False, 2, 0)]),
        (["at a (/app/a.js:1:1)", "at b (/app/b.js:1:1) [external]"], [(False, 1, 1), (True, 1, 1)]),
        ([], []),
        (["", "  "], []),
    ],
)
def test_frames_of_libraries_are_apart(stack: list[str], expected: list[tuple[bool, int, int]]) -> None:
    assert shape(stack) == expected


def test_an_organisation_says_what_is_its_own() -> None:
    assert shape(NODE, Prefixes(not_ours=["/app/src/shop"])) == [(False, 2, 1), (True, 3, 3)]


def test_no_line_is_lost_up_to_the_limit() -> None:
    for stack in (NODE, PYTHON, RUST):
        assert [line for run in runs(stack) for line in run.lines] == stack
    assert sum(len(run.lines) for run in runs(["at a (/app/a.js:1:1)"] * 10_000)) == MOST_LINES
