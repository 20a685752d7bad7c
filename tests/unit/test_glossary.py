"""The glossary leads somewhere: each place it names exists."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_places_of_the_glossary_exist() -> None:
    named = set(re.findall(r"`([a-z_/]+(?:\.py)?)`", (ROOT / "docs" / "glossary.md").read_text()))
    assert len(named) > 30
    assert sorted(place for place in named if not (ROOT / place).exists()) == []
