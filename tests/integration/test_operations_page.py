"""docs/operations.md names only settings that there are."""

import re

import pytest

from tests.processes import PROJECT

PAGE = (PROJECT / "docs" / "operations.md").read_text()
SOURCES = "".join(
    path.read_text()
    for path in [*(PROJECT / "luminalog" / "settings").glob("*.py"), *(PROJECT / "embedded").glob("*.py")]
)


@pytest.mark.parametrize("setting", sorted(set(re.findall(r"LUMINALOG_[A-Z_]+", PAGE))))
def test_setting_is_known(setting: str) -> None:
    assert f'"{setting}"' in SOURCES
