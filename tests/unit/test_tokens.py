"""The palette keeps its promises: what is read has a contrast of 4.5 at least, what is only seen 3.

As WCAG 2.2 has it (1.4.3 and 1.4.11), computed from `tokens.css` itself for both themes.
"""

import re
from itertools import product

import pytest

from tests.processes import PROJECT

CSS = (PROJECT / "luminalog/static/console/tokens.css").read_text()
COLOUR = r"#[0-9a-f]{3,8}"
THEMES = ("light", "dark")
LEVELS = ("debug", "info", "warn", "error", "fatal", "panic")
ROWS = ("paper", "sunken", "hover", "selected")


def tokens() -> dict[str, tuple[str, str]]:
    """Return light and dark of every colour."""
    pairs = re.findall(rf"--([\w-]+): light-dark\(({COLOUR}), ({COLOUR})\);", CSS)
    alike = re.findall(rf"--([\w-]+): ({COLOUR});", CSS)
    return {name: (light, dark) for name, light, dark in pairs} | {name: (one, one) for name, one in alike}


TOKENS = tokens()


def luminance(colour: str) -> float:
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str, theme: str) -> float:
    values = [luminance(TOKENS[name][THEMES.index(theme)]) for name in (one, other)]
    return (max(values) + 0.05) / (min(values) + 0.05)


READ = [
    *product(["ink", "loud", "quiet", "link"], ROWS),
    *product([f"{level}-text" for level in LEVELS], ROWS),
    ("bar-ink", "bar"), ("bar-ink", "bar-raised"), ("on-fill", "fill"), ("on-fill", "fill-hover"), ("on-hit", "hit"),
    ("grave", "grave-paper"), ("warn", "warn-paper"), ("fine", "fine-paper"), ("ink", "warn-paper"),
    ("ink", "grave-paper"),
]  # fmt: skip
SEEN = [
    *product([f"{level}-bar" for level in LEVELS], ["paper", "sunken"]),
    *product([f"series-{number}" for number in (*range(1, 8), "others")], ["paper"]),
    *product(["focus"], ROWS),
    ("edge", "paper"), ("mark", "bar"),
]  # fmt: skip


@pytest.mark.parametrize("theme", THEMES)
def test_what_is_read_stands_out(theme: str) -> None:
    low = {pair: contrast(*pair, theme) for pair in READ if contrast(*pair, theme) < 4.5}
    assert low == {}


@pytest.mark.parametrize("theme", THEMES)
def test_what_is_seen_stands_out(theme: str) -> None:
    low = {pair: contrast(*pair, theme) for pair in SEEN if contrast(*pair, theme) < 3}
    assert low == {}


def test_known_contrast_is_computed_as_the_standard_says() -> None:
    assert contrast("on-fill", "fill", "light") == pytest.approx(5.3, abs=0.1)
    assert contrast("ink", "paper", "light") == pytest.approx(14.4, abs=0.1)


def test_no_other_sheet_of_ours_brings_a_text_colour_of_its_own() -> None:
    sheets = [*PROJECT.glob("luminalog/static/**/*.css"), *PROJECT.glob("*/static/**/*.css")]
    own = {
        sheet.name: found
        for sheet in sheets
        if "vendor" not in sheet.parts and sheet.name != "tokens.css"
        if (found := re.findall(rf"(?<![\w-])color: {COLOUR}", sheet.read_text().replace("color: #fff;", "")))
    }
    assert own == {}
