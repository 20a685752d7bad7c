"""Every command that documents print runs as it is printed; where that takes a shell or a server, in acceptance."""

import re
import shlex
from pathlib import Path

import pytest
from django.core.management import get_commands
from django.db import connection

from command import catalogue, completion, front
from command.modules import parser_of
from edges.management.commands import retire_edge
from foundation import command_line
from tests.printed import MENTIONING, Printed, mentioned, printed
from tests.processes import PROJECT

HERE = [one for one in printed() if not (one.needs_shell or one.is_endless)]
#: Run by tests/acceptance, in test_printed_commands.py and those of backups: they need a server or a terminal.
ELSEWHERE = ("send", "backup", "restore", "restore-store", "createsuperuser")


def words(line: str) -> list[str]:
    return shlex.split(line, comments=True)[1:]


def run(*arguments: str) -> int:
    return command_line.run(front.main, ["bin/luminalog", *arguments])


@pytest.fixture
def numbered_keys(transactional_db: None) -> None:
    """The next key is the one that docs/keys.md speaks of."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT setval('accounts_apikey_id_seq', 16)")


@pytest.fixture
def first_organisation(transactional_db: None) -> None:
    assert run("organisations", "create", "first") == 0


@pytest.mark.django_db(transaction=True, databases=["default", "reads"])
@pytest.mark.usefixtures("numbered_keys", "first_organisation", "empty_store")
@pytest.mark.parametrize("page", sorted({one.page for one in HERE}))
def test_page_s_commands_run_as_printed(
    page: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str], settings: object
) -> None:
    settings.STATIC_ROOT = tmp_path / "static"  # type: ignore[attr-defined]
    settings.ARCHIVE_URL = f"file://{tmp_path}"  # type: ignore[attr-defined]
    monkeypatch.setattr(retire_edge, "WAIT_SECONDS", 0)  # an edge that nobody runs
    if page in ("docs/search.md", "docs/archive.md"):
        assert run("organisations", "create", "acme") == 0
    statuses = {
        one.line: run(*words(one.line)) for one in HERE if one.page == page and words(one.line)[0] not in ELSEWHERE
    }
    # The doctor finds something here, no edge comes to its end, no archive is loaded, nothing moves between stores.
    may_say_no = re.compile(" (?:doctor|retire|load|move-store)")
    well = {
        line: status for line, status in statuses.items() if status == 0 or (may_say_no.search(line) and status == 1)
    }
    assert statuses == well, capfd.readouterr().err


@pytest.mark.parametrize("path", [path for path in MENTIONING if mentioned(path)], ids=lambda path: path.name)
def test_every_command_that_is_mentioned_is_there(path: Path) -> None:
    for mention in mentioned(path):
        given = mention.split()
        known = catalogue.found(given)
        if known is None:
            assert catalogue.below(given[0]) or given[0] in get_commands() or given[0].startswith("-"), mention
            continue
        parser = completion.ours(known.name) if known.module is None else parser_of(known.module, called=known.name)
        options = {option for action in parser._actions for option in action.option_strings}
        assert {word for word in given if word.startswith("-")} <= options, mention


def test_no_text_prints_another_form() -> None:
    others = {path.name for path in MENTIONING if re.search(r"manage\.py [a-z]", path.read_text())}
    assert others == set()


def test_each_command_of_ours_has_its_words() -> None:
    modules = {path.stem for path in PROJECT.glob("*/management/commands/[a-z]*.py")}
    assert modules - {one.module for one in catalogue.commands()} == set()
    assert modules > {"doctor", "search", "tail"}


def test_the_page_of_commands_has_them_all() -> None:
    page = (PROJECT / "docs/commands.md").read_text()
    rows = [f"| `bin/luminalog {one.name}` | {one.summary} |" for one in catalogue.commands()]
    assert [row for row in rows if row not in page] == []


def test_blocks_are_found() -> None:
    found = list(printed())
    assert Printed("docs/keys.md", "bin/luminalog keys rotate 17 --grace-days 7") in found
    assert Printed("docs/operations.md", "bin/luminalog doctor") in found
    assert len(found) > 25
