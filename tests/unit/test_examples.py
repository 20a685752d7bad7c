"""What a newcomer pastes sends entries of now: older ones are not where anybody looks first."""

import re
import subprocess
from pathlib import Path

import pytest

from embedded.welcome import TEXT, TWO_ENTRIES
from tests.processes import PROJECT

NOW = "$(date -u +%FT%TZ)"
GLOBS = ("README.md", "docs/*.md", "templates/**/*.html", "explore/static/explore/*.js")
PAGES = [path for glob in GLOBS for path in PROJECT.glob(glob)]
SENT = re.compile(r"""(?:-d|printf '%s\\n') '\{.*?"timestamp": ?"(.{0,40})""")


@pytest.mark.parametrize("page", [path for path in PAGES if SENT.search(path.read_text())], ids=lambda path: path.name)
def test_example_sends_entries_of_now(page: Path) -> None:
    assert all(NOW in sent for sent in SENT.findall(page.read_text()))


def test_examples_are_found() -> None:
    found = {path.name for path in PAGES if SENT.search(path.read_text())}
    assert {"README.md", "protocols.md", "landing.html", "send.md"} <= found  # what is issued shows send.md's


def test_shell_fills_in_the_time_of_the_welcome_s_example() -> None:
    assert "{body}" in TEXT
    sent = "'" + str(TWO_ENTRIES[0]["timestamp"]) + "'"
    said = subprocess.run(["sh", "-c", f"printf %s {sent}"], capture_output=True, text=True, check=True).stdout
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", said)
