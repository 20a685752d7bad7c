"""Commands of the product as processes: started like a shell's background job, stopped by a signal."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings

from tests.waiting import DEADLINE_SECONDS, wait_until

PROJECT = Path(__file__).resolve().parent.parent
#: Runs the command after it with SIGINT ignored, as a shell without job control starts what ends in `&`.
IN_BACKGROUND = ("sh", "-c", 'trap "" INT; exec "$@"', "sh")
Process = subprocess.Popen[bytes]


def database_url() -> str:
    """Return the address of the tests' database, for a process of its own."""
    name = settings.DATABASES["default"]["NAME"]
    return urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}").geturl()


@contextmanager
def running_command(
    *arguments: str,
    env: Mapping[str, str] | None = None,
    output: int | None = None,
    how: signal.Signals = signal.SIGTERM,
) -> Iterator[Process]:
    """Run `manage.py` in the background until the block ends; then it must end well, by the signal `how`."""
    command = [*IN_BACKGROUND, sys.executable, str(PROJECT / "manage.py"), *arguments]
    given = {**os.environ, "DATABASE_URL": database_url()} if env is None else {**env}
    with subprocess.Popen(command, cwd=PROJECT, env=given | {"PYTHONUNBUFFERED": "1"}, stdout=output) as process:
        try:
            yield process
            wait_until(lambda: catches(process, how), what=f"a handler of {how.name}")
            process.send_signal(how)
            assert process.wait(DEADLINE_SECONDS) == 0
        finally:
            process.kill()


def catches(process: Process, number: signal.Signals) -> bool:
    """Tell whether `process` has a handler for this signal: proc(5), SigCgt."""
    assert process.poll() is None, f"it ended with {process.returncode}"
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    [mask] = [line.split()[1] for line in lines if line.startswith("SigCgt:")]
    return bool(int(mask, 16) >> (number - 1) & 1)


def only_child(pid: int) -> int:
    """Return the one child of the process: of granian, the worker that answers."""
    [child] = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(child)


def resident_bytes(pid: int, *, at_most: bool = False) -> int:
    """Return the memory of the process, or the most that it ever had since `forget_most_resident` (proc(5), status)."""
    name = "VmHWM:" if at_most else "VmRSS:"
    [line] = [one for one in Path(f"/proc/{pid}/status").read_text().splitlines() if one.startswith(name)]
    return int(line.split()[1]) * 1024


def forget_most_resident(pid: int) -> None:
    """Begin anew with the most memory that the process has (proc(5), clear_refs)."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")
