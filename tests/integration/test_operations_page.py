"""docs/operations.md names only commands, options and settings that there are."""

import re

import pytest
from django.core.management import get_commands, load_command_class

from tests.processes import PROJECT

PAGE = (PROJECT / "docs" / "operations.md").read_text()
COMMAND = re.compile(r"manage\.py (\w+)((?: --?[\w-]+)*)")
SOURCES = "".join(
    path.read_text()
    for path in [PROJECT / "luminalog" / "settings.py", *(PROJECT / "luminalog" / "embedded").glob("*.py")]
)


@pytest.mark.parametrize(("name", "options"), sorted(set(COMMAND.findall(PAGE))))
def test_command_and_its_options_are_known(name: str, options: str) -> None:
    command = load_command_class(get_commands()[name], name)
    helped = command.create_parser("manage.py", name).format_help()
    assert all(option in helped for option in options.split())


@pytest.mark.parametrize("setting", sorted(set(re.findall(r"LUMINALOG_[A-Z_]+", PAGE))))
def test_setting_is_known(setting: str) -> None:
    assert f'"{setting}"' in SOURCES


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\(([\w./-]+)\)", PAGE))))
def test_linked_page_is_there(link: str) -> None:
    assert (PROJECT / "docs" / link).is_file()
