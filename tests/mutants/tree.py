"""A copy of the source tree: to be broken, and to have parts of the suite run on it."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent.parent
RUN_SECONDS = 600


@dataclass(frozen=True, kw_only=True)
class Run:
    """What became of a command; no `status` when it did not end in time."""

    status: int | None
    output: str
    seconds: float


class Tree:
    """The files that belong to the source, without what git ignores, copied into `folder`."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "source"
        self.scratch = folder / "scratch"
        self.scratch.mkdir(parents=True)
        for name in _source_files():
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(PROJECT / name, self.root / name, follow_symlinks=False)

    def apply(self, patch: Path) -> None:
        """Apply a patch. Raises: `CalledProcessError`."""
        subprocess.run(["git", "apply", str(patch)], cwd=self.root, env=self._environment(), check=True)

    def run(self, module: str, names: Sequence[str]) -> Run:
        """Run `python -m module names` in the copy; nothing of it is left."""
        began, log = time.monotonic(), self.scratch.with_suffix(".log")
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", module, *names], cwd=self.root, env=self._environment(), stdout=output,
                stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
            try:
                status: int | None = process.wait(RUN_SECONDS)
            except subprocess.TimeoutExpired:
                status = None
            finally:
                _end_group(process)
        return Run(status=status, output=log.read_text(errors="replace"), seconds=time.monotonic() - began)

    def _environment(self) -> dict[str, str]:
        """Our environment; whatever is written goes into the copy's folder, and no line of a report is shortened."""
        return os.environ | {
            "TMPDIR": str(self.scratch),
            "COLUMNS": "250",
            "PYTEST_ADDOPTS": "--exitfirst --tb=short -p no:cacheprovider",
            "PYTHONDONTWRITEBYTECODE": "1",
            "GIT_CEILING_DIRECTORIES": str(self.root.parent),
        }


def _source_files() -> list[str]:
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True).stdout
    return [name for name in listed.split("\0") if name and os.path.lexists(PROJECT / name)]


def _end_group(process: "subprocess.Popen[bytes]") -> None:
    """End whatever the command left behind: it leads a group of its own."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
