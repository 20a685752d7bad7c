"""Install locked requirements with pip, every hash checked: say how far it is, and all that pip said when it fails."""

import os
import re
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path

PIP = ("pip", "install", "--disable-pip-version-check", "--no-input", "--progress-bar=off", "--require-hashes")
TERMINAL_SECONDS, LOG_SECONDS = 0.2, 2.0


def main(requirements: Path) -> int:
    """Install `requirements` into this Python's environment; return pip's exit code."""
    total, before, began = pins(requirements.read_text()), installed(), time.monotonic()
    with tempfile.TemporaryFile("w+", errors="replace") as said:
        command = [sys.executable, "-m", *PIP, "--requirement", str(requirements)]
        env = os.environ | {"PYTHONUNBUFFERED": "1"}
        pip = subprocess.Popen(command, stdout=said, stderr=subprocess.STDOUT, env=env)  # noqa: S603 - our own command
        while running(pip):
            say(progress(read(said.fileno()), total=total, unpacked=installed() - before))
        if pip.returncode:
            say("", last=True)
            print(read(said.fileno()), file=sys.stderr)
            return pip.returncode
    say(f"{installed() - before} packages installed in {time.monotonic() - began:.0f} s", last=True)
    return 0


def pins(requirements: str) -> int:
    """Return how many packages a locked file pins."""
    return len(re.findall(r"^[A-Za-z0-9][^\s=]*==", requirements, re.MULTILINE))


def installed() -> int:
    """Return how many packages this environment holds."""
    return len(list(Path(sysconfig.get_path("purelib")).glob("*.dist-info")))


def progress(said: str, *, total: int, unpacked: int) -> str:
    """Return how far pip is, in a line, from what it has `said` until now."""
    total -= len(re.findall(r"^Ignoring ", said, re.MULTILINE))  # for another system or Python
    if found := re.search(r"^Installing collected packages: (.*)", said, re.MULTILINE):
        names = found[1].split(", ")
        return f"unpacking {min(unpacked + 1, len(names))} of {len(names)}"
    seen = re.findall(r"^(?:Collecting|Requirement already satisfied:) ([^\s=]+)", said, re.MULTILINE)
    return f"getting {len(seen)} of {total}: {seen[-1]}" if seen else "asking for packages"


def running(pip: "subprocess.Popen[bytes]") -> bool:
    """Wait until it is time for the next line; tell whether pip still works."""
    try:
        pip.wait(TERMINAL_SECONDS if sys.stdout.isatty() else LOG_SECONDS)
    except subprocess.TimeoutExpired:
        return True
    return False


def read(file: int) -> str:
    """Return all of `file`, which pip is still writing to, without moving its position."""
    return os.pread(file, os.fstat(file).st_size, 0).decode(errors="replace")


def say(text: str, *, last: bool = False) -> None:
    """Print a line: in a terminal over the one before it."""
    if sys.stdout.isatty():
        print(f"\r\033[K  {text}" if text else "\r\033[K", end="\n" if last and text else "", flush=True)
    elif text:
        print(f"  {text}", flush=True)


if __name__ == "__main__":
    try:
        sys.exit(main(Path(sys.argv[1])))
    except KeyboardInterrupt:
        sys.exit(130)
