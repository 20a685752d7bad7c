"""The command's words: found, explained when wrong, shown at every width, completed by the shell."""

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest
import shtab

from command import catalogue, completion, front
from command.overview import NARROWEST, overview
from tests.processes import PROJECT
from tests.waiting import DEADLINE_SECONDS

MAIN = str(PROJECT / "bin/luminalog")


@pytest.mark.parametrize("columns", [1, 20, 40, 80, 400])
def test_help_fits_the_terminal(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    widest = max(len(line) for line in overview().splitlines() if not line.startswith(("usage", "  ")))
    assert widest <= max(columns, NARROWEST)
    assert all(one.name in overview() for one in catalogue.commands())


@pytest.mark.parametrize("words", [[], ["--help"], ["-h"], ["help"], ["keys", "--help"]])
def test_help_is_an_answer(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert front.main(["luminalog", *words]) == 0
    assert capsys.readouterr().out.startswith("usage: luminalog ")


@pytest.mark.parametrize(
    ("words", "said"),
    [(["keys"], "keys rotate"), (["keys", "lsit"], "keys list"), (["serch"], "Did you mean `search`?")],
)
def test_what_is_no_command_is_told_on_stderr(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert front.main(["luminalog", *words]) == 2
    told = capsys.readouterr()
    assert (told.out, said in told.err) == ("", True)


@pytest.mark.parametrize(
    ("words", "known"),
    [("keys list --json", "keys list"), ("tail level:error", "tail"), ("keys", None), ("nothing", None), ("", None)],
)
def test_command_is_found_by_its_words(words: str, known: str | None) -> None:
    found = catalogue.found(words.split())
    assert (found.name if found else None) == known


def test_bare_environment_is_enough_for_help() -> None:
    surroundings = {"PATH": os.defpath, "TERM": "dumb", "LC_ALL": "C", "COLUMNS": "3"}
    told = subprocess.run([MAIN, "--help"], env=surroundings, capture_output=True, timeout=DEADLINE_SECONDS)
    assert (told.returncode, told.stderr) == (0, b"")


def test_nothing_that_runs_is_said_with_a_status_of_its_own(tmp_path: Path) -> None:
    surroundings = {"PATH": os.defpath, "LUMINALOG_DATA_DIR": str(tmp_path)}
    told = subprocess.run(
        [MAIN, "keys", "list"], env=surroundings, capture_output=True, text=True, timeout=DEADLINE_SECONDS
    )
    assert (told.returncode, told.stdout) == (3, "")
    assert told.stderr.startswith("luminalog: No LuminaLog runs here")


COMPLETE = """source "$1"
COMP_WORDS=(bin/luminalog "${@:2}"); COMP_CWORD=$(($# - 1)); _shtab_luminalog; echo "${COMPREPLY[@]}" """


@pytest.fixture
def bash_completion(tmp_path: Path) -> str:
    (tmp_path / "bash").write_text(made("bash"))
    return str(tmp_path / "bash")


@cache
def made(shell: str) -> str:
    return shtab.complete(completion.whole(), shell=shell)


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["ke"], "keys"),
        (["keys", ""], "list create rotate revoke provision"),
        (["keys", "create", "--k"], "--kind"),
        (["keys", "create", "--kind", ""], "secret public"),
        (["send", "--level", "wa"], "warn"),
    ],
)
def test_bash_completes(bash_completion: str, words: list[str], offered: str) -> None:
    done = subprocess.run(
        ["bash", "-c", COMPLETE, "bash", bash_completion, *words],
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
    )
    assert done.stdout.split() == offered.split(), done.stderr


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_completion_is_understood(shell: str) -> None:
    if not shutil.which(shell):
        pytest.skip(f"NOT TESTED: {shell} is not installed")
    done = subprocess.run(
        [shell, "-n", "/dev/stdin"], input=made(shell), capture_output=True, text=True, timeout=DEADLINE_SECONDS
    )
    assert (done.returncode, done.stderr) == (0, "")
