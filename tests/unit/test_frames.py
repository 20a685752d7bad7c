"""Stacks whose lines all look alike are read as far as needed, and say what they say when they are read whole."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from issues.frames import lines_of, read

#: Says nothing, and looks like no frame: with it a stack is read whole.
NEUTRAL = "... 3 more"
PLACES = ("/app/src/pay.js", "/app/node_modules/x/y.js", "node:internal/z", "src/pay.ts", "https://a.b/c.3f2a1b9c.js")
NAMES = ("pay", "Object.pay", "async load", "get [as handler]", "new Cart", "a", "at", "Module._load", "<anonymous>")
JAVASCRIPT = st.builds(
    lambda name, place, line: f"    at {name} ({place}:{line}:7)",
    st.sampled_from(NAMES), st.sampled_from(PLACES), st.integers(1, 99),
)  # fmt: skip
JAVA = st.builds(
    lambda name, line: f"\tat {name}(Pay.java:{line})",
    st.sampled_from(["com.acme.Pay.charge", "java.util.List.of", "com.acme.Pay$1.lambda$run$0", "a.b"]),
    st.integers(1, 99),
)  # fmt: skip
OTHERS = st.sampled_from(
    [
        "Error: no money", "Caused by: x", "Suppressed: y", "at x", "at pay (native)", "    at /app/a.js:1:2", "", "  ",
        'File "/app/a.py", line 3, in f', "Traceback (most recent call last):", "goroutine 1 [running]:", "[cause]:",
        "    at f (/app/a.js:1:2) [external]", "at A.B() in x.cs:line 3", "--- End of inner exception", "f@/a/b.js:1:2",
    ]
)  # fmt: skip
STACKS = st.one_of(
    st.lists(JAVASCRIPT, max_size=12),
    st.lists(JAVA, max_size=12),
    st.lists(st.one_of(JAVASCRIPT, JAVA), max_size=8),
    st.builds(lambda first, rest: [first, *rest], OTHERS, st.lists(JAVASCRIPT, min_size=1, max_size=8)),
    st.builds(lambda first, rest: [first, *rest, ""], OTHERS, st.lists(JAVA, min_size=1, max_size=8)),
    st.lists(st.one_of(JAVASCRIPT, JAVA, OTHERS), max_size=8),
)


@given(STACKS)
def test_stack_says_the_same_however_much_of_it_is_read(stack: list[str]) -> None:
    assert read(lines_of(stack)) == read(lines_of([*stack, NEUTRAL]))


@pytest.mark.parametrize("line", ["at f (/app/src/f{n}.js:1:2)", "at com.acme.F{n}.run(F.java:3)"])
def test_innermost_frames_are_the_first_three_of_our_own(line: str) -> None:
    library = ["at x (/app/node_modules/x.js:1:2)" if "js" in line else "at java.util.X.y(X.java:1)"]
    found = read(lines_of([*library, *(line.format(n=n // 2) for n in range(40)), *library]))
    assert found.is_ours
    assert len(found.frames) == 3
    assert len(set(found.frames)) == 3
