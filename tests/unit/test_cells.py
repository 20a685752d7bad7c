"""No cell of an export can be calculated."""

import pytest

from explore.cells import disarmed

STARTS = ["=", "+", "-", "@", "＝", "＋", "－", "＠", "﹦", "﹢", "﹣", "﹫", "⁼", "⁺", "⁻", "₊", "\N{MINUS SIGN}"]
UNSEEN = [
    "", " ", "\u00a0", "\u3000", "\ufeff", "\u200b", "\u200d", "\u202e", "\u2066", "\u2028", "\x0b", "\x1b", "\x7f",
    "\ufe0f",
]  # fmt: skip


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("before", UNSEEN, ids=ascii)
def test_formula_is_disarmed_whatever_stands_before_it(start: str, before: str) -> None:
    for text in (f"{before}{start}1+1", f"{before * 3} {before}{start}SUM(1)"):
        assert disarmed(text) == "'" + text


@pytest.mark.parametrize("text", ["\t1", "\r1", "\n1", "\0", "\t"])
def test_controls_that_begin_a_cell_are_disarmed(text: str) -> None:
    assert disarmed(text) == "'" + text


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "\ufeff",
        "plain",
        "a=1",
        "'=1",
        "é",
        "日本",
        "{}",
        "2026-01-26",
        "…",
        "½ = 0.5",
        "٣",
        "👩\u200d🚀",
        "#x",
        "%1",
    ],
)
def test_other_text_stays_as_it_is(text: str) -> None:
    assert disarmed(text) == text
