"""The deliberate breaks fit the present source; whether the suite notices them is for `make chaos-mutants`."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.chaos.catalogue import SCENARIOS
from tests.mutants.table import MUTANTS, PATCHES, Mutant, chaos
from tests.mutants.tree import PROJECT

each_mutant = pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)


def git_apply(mutant: Mutant, folder: Path, *options: str) -> str:
    command = ["git", "apply", *options, str(mutant.patch)]
    environment = os.environ | {"GIT_CEILING_DIRECTORIES": str(folder.parent)}  # no repository that happens to be above
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_patch_is_in_the_table_and_every_break_has_its_patch() -> None:
    assert sorted(PATCHES.glob("*.patch")) == sorted(mutant.patch for mutant in MUTANTS)
    assert len(MUTANTS) == 38


@each_mutant
def test_patch_applies_to_the_present_source_and_what_it_makes_is_still_python(mutant: Mutant, tmp_path: Path) -> None:
    touched = [line.split("\t")[2] for line in git_apply(mutant, PROJECT, "--numstat").splitlines()]
    for name in touched:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(PROJECT / name, tmp_path / name)

    git_apply(mutant, tmp_path)

    assert touched
    assert all((tmp_path / name).read_text() != (PROJECT / name).read_text() for name in touched)
    for name in touched:
        if name.endswith(".py"):
            compile((tmp_path / name).read_text(), name, "exec")


@each_mutant
def test_check_that_is_to_notice_it_exists(mutant: Mutant) -> None:
    check = mutant.check
    if check.module == "tests.chaos":
        assert check.name in SCENARIOS
    else:
        path, _, function = check.name.partition("::")
        assert f"\ndef {function}(" in (PROJECT / path).read_text()


@each_mutant
def test_page_about_reliability_names_it(mutant: Mutant) -> None:
    page = (PROJECT / "docs" / "reliability.md").read_text()
    number, name = mutant.name.split("-")[0], mutant.check.name.rpartition("::")[2]
    [row] = [line for line in page.splitlines() if line.startswith(f"| {int(number)} |")]
    assert f"`{name}`" in row


def test_complaint_for_another_reason_is_no_catch() -> None:
    lost = chaos("calm", reason=r"stored 0 of \d+")
    assert lost.complaint("! calm: answered 200, stored 0 of 3 entries") == "calm: answered 200, stored 0 of 3 entries"
    assert lost.complaint("! calm: kill web never happened\nthe log says: stored 0 of 3 entries") is None
