"""Is a key anywhere it must not be? Looks at every byte on disk, and at what a dump would carry away."""

import mmap
import re
import subprocess
from collections.abc import Iterable
from pathlib import Path

from embedded.postgres import program

KEY = re.compile(rb"ll_[0-9a-f]{48}")
#: Not keys, but what some tests send in place of one.
NO_KEYS = re.compile(rb"ll_([0-9a-f])\1{47}")


def leaks(places: Iterable[Path], *, pattern: re.Pattern[bytes] = KEY) -> dict[str, list[str]]:
    """Return file → the keys in it, for these files and all files below these folders."""
    files = [path for place in places for path in (place, *place.rglob("*")) if path.is_file() and path.stat().st_size]
    found = {str(path): _found(path, pattern) for path in files}
    return {path: keys for path, keys in found.items() if keys}


def dump(database_url: str) -> bytes:
    """Return what pg_dump says of a database: all its tables, as text."""
    return subprocess.run([program("pg_dump"), database_url], capture_output=True, check=True, timeout=120).stdout


def _found(path: Path, pattern: re.Pattern[bytes]) -> list[str]:
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return sorted({key.decode() for key in pattern.findall(content) if not NO_KEYS.fullmatch(key)})
    except (FileNotFoundError, ValueError):  # servers that run remove files, and empty them: there is nothing to map
        return []
