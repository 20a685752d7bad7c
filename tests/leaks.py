"""Is a key anywhere it must not be? Looks at every byte on disk, and at what a dump would carry away."""

import os
import re
import subprocess
from collections.abc import Iterable
from pathlib import Path

from embedded.postgres import program

KEY = re.compile(rb"ll_[0-9a-f]{48}")
#: Not keys, but what some tests send in place of one.
NO_KEYS = re.compile(rb"ll_([0-9a-f])\1{47}")
#: Read at once, and more than what any pattern finds. (What is mapped into memory a server may cut off meanwhile.)
PIECE_BYTES, LONGEST_BYTES = 2**20, 256


def leaks(places: Iterable[Path], *, pattern: re.Pattern[bytes] = KEY) -> dict[str, list[str]]:
    """Return file → the keys in it, for these files and all files below these folders."""
    files = [place for place in places if place.is_file()]
    files += [Path(folder, name) for place in places for folder, _, names in os.walk(place) for name in names]
    found = {str(path): _found(path, pattern) for path in files if path.is_file()}
    return {path: keys for path, keys in found.items() if keys}


def dump(database_url: str) -> bytes:
    """Return what pg_dump says of a database: all its tables, as text."""
    return subprocess.run([program("pg_dump"), database_url], capture_output=True, check=True, timeout=120).stdout


def _found(path: Path, pattern: re.Pattern[bytes]) -> list[str]:
    keys, before = set[bytes](), b""
    try:
        with path.open("rb") as file:
            while piece := file.read(PIECE_BYTES):
                keys.update(pattern.findall(before + piece))
                before = (before + piece)[-LONGEST_BYTES:]
    except OSError:  # a server that runs has removed it
        pass
    return sorted(key.decode() for key in keys if not NO_KEYS.fullmatch(key))
