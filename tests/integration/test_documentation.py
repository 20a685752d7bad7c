"""The documents make a site: every link leads somewhere, every page has its place, nothing is fetched."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.pictures import SHOWN
from tests.processes import PROJECT
from tests.waiting import DEADLINE_SECONDS

KINDS = ["Tutorial", "How to", "Reference", "Explanation"]
#: What a browser fetches by itself; a link it only follows.
FETCHED = re.compile(
    r"<(?:script|img|iframe|link)\b[^>]*?\b(?:src|href)=\"(?:https?:)?//[^\"]*|url\((?:https?:)?//[^)]*"
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site as `make docs` makes it, which fails at a broken link and at a page without a place."""
    folder = tmp_path_factory.mktemp("site")
    command = [
        "-b",
        "html",
        "-c",
        "docs/site",
        "-W",
        "--keep-going",
        "-q",
        "-d",
        str(folder / ".doctrees"),
        ".",
        str(folder),
    ]
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", *command],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=10 * DEADLINE_SECONDS,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return folder


def test_site_has_four_kinds_of_pages(site: Path) -> None:
    start = (site / "docs/README.html").read_text()
    assert re.findall(r'class="caption"[^>]*><span class="caption-text">([^<]+)', start) == KINDS
    assert (site / "index.html").exists()


def test_site_fetches_nothing_from_elsewhere(site: Path) -> None:
    files = [*site.rglob("*.html"), *site.rglob("*.css")]
    assert len(files) > 20
    assert {path.name: found for path in files if (found := FETCHED.findall(path.read_text()))} == {}


def test_every_picture_is_shown() -> None:
    assert {path.stem for path in (PROJECT / "docs/images").iterdir()} == SHOWN


@pytest.mark.parametrize("path", ["README.md", *(f"docs/{path.name}" for path in (PROJECT / "docs").glob("*.md"))])
def test_make_knows_what_documents_tell_it(path: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(), re.MULTILINE))
    printed = re.findall(r"^    (?:PORT=\d+ )?make ([a-z-]+)", (PROJECT / path).read_text(), re.MULTILINE)
    mentioned = re.findall(r"`(?:PORT=\d+ )?make ([a-z-]+)", (PROJECT / path).read_text())
    assert {*printed, *mentioned} <= targets
