"""Commands that documents print, as they print them."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.processes import PROJECT

PAGES = sorted([*PROJECT.glob("docs/*.md"), *PROJECT.glob("*.md")])
#: Text that names commands on the way: documents, hints of the doctor, answers, pages and examples.
MENTIONING = sorted(
    path
    for glob in ("*.md", "docs/*.md", ".github/**/*.md", "deploy/**/*.json", "compose.yaml", "Dockerfile", "Makefile",
                 "templates/**/*.html", "[a-z]*/**/*.py")
    for path in PROJECT.glob(glob)
    if "tests" not in path.parts and "migrations" not in path.parts and path.name != "CHANGELOG.md"
)  # fmt: skip
FENCED = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
SHELLS = {"", "sh", "bash", "console"}
INDENTED = re.compile(r"(?:^    .*\n)+", re.MULTILINE)
COMMAND = "bin/luminalog"
#: What only a shell understands.
SHELL = re.compile(r"[|<>$&;`]")
QUOTED = re.compile(r"'[^']*'")
#: They go on until they are told to stop.
ENDLESS = re.compile(r"^bin/luminalog (?:(?:tail|up)\b|send .*--follow\b|.*--(?:loop|listen)\b)")


class Printed(NamedTuple):
    """A line of a block of a page."""

    page: str
    line: str

    @property
    def needs_shell(self) -> bool:
        return bool(SHELL.search(QUOTED.sub("", self.line)))

    @property
    def is_endless(self) -> bool:
        return bool(ENDLESS.search(self.line))


def printed() -> Iterator[Printed]:
    """Yield every line of a code block that runs our command, page by page, as a reader meets them."""
    for page in PAGES:
        text = page.read_text()
        fenced = [block for block in FENCED.finditer(text) if block[1] in SHELLS]
        blocks = sorted([*fenced, *INDENTED.finditer(text)], key=lambda block: block.start())
        for block in blocks:
            for line in block[block.lastindex or 0].splitlines():
                if COMMAND in line and not line.strip().startswith(("ExecStart", "ln ")):
                    yield Printed(page.relative_to(PROJECT).as_posix(), line.strip())


def mentioned(path: Path) -> list[str]:
    """Return the words and options after each mention of our command in a file."""
    return re.findall(rf"{COMMAND}((?: [a-z][\w-]*| --?[\w-]+)+)", path.read_text())
