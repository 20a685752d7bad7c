"""What benchmarks write down: which code ran when, and tables between the marks of docs/performance.md."""

import os
import subprocess
import sys
from collections.abc import Iterable
from datetime import UTC, datetime

import msgspec

from tests.processes import PROJECT

DOCUMENT = PROJECT / "docs/performance.md"


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """A run: its command, when it began, which code, on what, and how busy that was before."""

    command: str
    day: str
    commit: str
    cores: int
    python: str
    load_before: float

    def __str__(self) -> str:
        return (
            f"`{self.command}` on {self.day}, commit {self.commit}, {self.cores} cores, Python {self.python},"
            f" load average before {self.load_before:.1f}"
        )


def begin(command: str) -> Run:
    """Note what a run begins with."""
    changed = _git("status", "--porcelain", "--untracked-files=no", ":!docs")
    return Run(
        command=command,
        day=datetime.now(UTC).date().isoformat(),
        commit=(_git("rev-parse", "--short=10", "HEAD") or "unknown") + (" with changes" if changed else ""),
        cores=os.cpu_count() or 0,
        python=sys.version.split()[0],
        load_before=os.getloadavg()[0],
    )


def section(text: str, name: str) -> str:
    """Return what stands between the marks of `name`. Raises: `ValueError` when there are none."""
    return text[text.index(_mark(name, "begin")) : text.index(_mark(name, "end"))].removeprefix(_mark(name, "begin"))


def write(name: str, tables: str) -> None:
    """Put `tables` between the marks of `name` in the document."""
    text = DOCUMENT.read_text()
    begun = _mark(name, "begin")
    DOCUMENT.write_text(text.replace(begun + section(text, name), begun + tables))


def table(head: Iterable[str], rows: Iterable[Iterable[object]], *, words: int = 1) -> str:
    """Return a Markdown table whose first `words` columns are text, and the others numbers."""
    head = list(head)
    rule = ["---"] * words + ["---:"] * (len(head) - words)
    return "".join(f"| {' | '.join(map(str, row))} |\n" for row in (head, rule, *rows))


def _mark(name: str, which: str) -> str:
    return f"<!-- {name}: {which} -->\n"


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=PROJECT, capture_output=True, text=True, check=False)
    return done.stdout.strip()
