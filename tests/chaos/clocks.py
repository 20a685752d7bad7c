"""Wrong clocks for a part, by libfaketime (Debian's package `faketime`)."""

import os
from pathlib import Path

from embedded.environment import PROJECT

LIBRARY = "libfaketimeMT.so.1"
PATIENCE = Path(__file__).parent / "patience"
FOLDERS = ("/usr/lib", "/usr/local/lib")


def why_not() -> str:
    """Say why clocks cannot be wrong here; nothing when they can."""
    return "" if _library() else "libfaketime is missing (apt-get install faketime)"


def environment(offset: str) -> dict[str, str]:
    """Return what makes a process believe that it is `offset` from now, and leaves durations alone."""
    return {
        "LD_PRELOAD": str(_library()),
        "FAKETIME": offset,
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "PYTHONPATH": f"{PATIENCE}{os.pathsep}{PROJECT}",
    }


def environment_from(setting: Path) -> dict[str, str]:
    """Return what makes a process believe that it is as far from now as the file says, whenever it looks."""
    fixed = environment("")
    del fixed["FAKETIME"]
    return fixed | {"FAKETIME_TIMESTAMP_FILE": str(setting), "FAKETIME_NO_CACHE": "1"}


def set_to(setting: Path, offset: str) -> None:
    """Set the clock of those who read the file."""
    setting.write_text(offset + "\n")


def is_wrong(pid: int) -> bool:
    """Tell whether a process has the wrong clock."""
    return LIBRARY in Path(f"/proc/{pid}/maps").read_text()


def _library() -> Path | None:
    return next((path for folder in FOLDERS for path in Path(folder).glob(f"*/faketime/{LIBRARY}")), None)
