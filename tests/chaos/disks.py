"""Small disks of PostgreSQL's own, one for data and one for the write-ahead log, that can be filled to the last byte.

They are mounted in a mount namespace of this run: nobody else sees them, and they go when it ends.
"""

import contextlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

DATA_MIB, WAL_MIB = 420, 176
SETTINGS = {"max_wal_size": "64MB", "min_wal_size": "32MB", "shared_buffers": "64MB"}
#: The wall itself is what we want to hit, not the fence before it.
NO_FENCE = {"LUMINALOG_DISK_MIN_FREE_BYTES": "0", "LUMINALOG_DISK_MIN_FREE_PERCENT": "0"}
STEPS_BYTES = (2**24, 2**18, 2**12)
NAMESPACE = "LUMINALOG_CHAOS_NAMESPACE"
UNSHARE = ["unshare", "--mount", "--propagation", "private"]


def why_not() -> str:
    """Say why disks cannot be made here; nothing when they can."""
    return "" if NAMESPACE in os.environ else "mounting is not permitted (run as root with unshare)"


def enter_namespace(arguments: list[str]) -> None:
    """Begin anew in a mount namespace of our own, if that is permitted; else go on without."""
    if NAMESPACE in os.environ or os.geteuid() != 0:
        return
    if subprocess.run([*UNSHARE, "true"], capture_output=True, check=False).returncode == 0:
        os.environ[NAMESPACE] = "1"
        os.execvp(UNSHARE[0], [*UNSHARE, sys.executable, "-m", "tests.chaos", *arguments])


class Disk:
    """A disk of `mib` MiB, mounted at `folder`; what was in there is moved onto it."""

    def __init__(self, folder: Path, *, mib: int) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"
        aside = folder.with_name(folder.name + ".aside")
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        folder.rename(aside)
        folder.mkdir(mode=0o700)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={mib}m,mode=700", "chaos", str(folder)], check=True)
        shutil.copytree(aside, folder, dirs_exist_ok=True, symlinks=True)
        shutil.rmtree(aside)

    def fill(self) -> None:
        """Leave not a page."""
        length = 0
        with self._ballast.open("wb") as ballast:
            for step in STEPS_BYTES:
                with contextlib.suppress(OSError):  # no space left on device
                    while True:
                        os.posix_fallocate(ballast.fileno(), length, step)
                        length += step

    def free(self) -> None:
        """Give the space back."""
        self._ballast.unlink()
