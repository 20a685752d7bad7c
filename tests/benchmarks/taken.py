"""What processes and all below them take: CPU time, user and system, also of those that have ended; memory."""

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress

import psutil

#: CPU seconds by the name of a part.
Seconds = dict[str, float]


def of_tree(root: psutil.Process) -> float:
    """Return the seconds that a process and all below it have taken."""
    return sum(map(_seconds, [root, *root.children(recursive=True)]))


def of_parts(runner: int) -> Seconds:
    """Return the seconds of each part below `manage.py up`, and of that process itself."""
    found = {"runner": _seconds(psutil.Process(runner))}
    for name, process in parts(runner):
        found[name] = found.get(name, 0.0) + of_tree(process)
    return found


def memory_of_parts(runner: int) -> Counter[str]:
    """Return the bytes of each part below `manage.py up`, its share of what processes share counted once (PSS)."""
    found = Counter[str]()
    for name, process in parts(runner):
        for one in (process, *process.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                found[name] += one.memory_full_info().pss
    return found


def parts(runner: int) -> Iterator[tuple[str, psutil.Process]]:
    """Yield each part below `manage.py up`, by the name that it gives its parts; its servers' is their program's."""
    for process in psutil.Process(runner).children():
        with suppress(psutil.NoSuchProcess):
            yield process.environ().get("LUMINALOG_PROCESS") or process.name().partition("-")[0], process


def listener(port: int) -> psutil.Process | None:
    """Return the uppermost process of the program that listens on a port here; None if none does that we may see."""
    found = [one.pid for one in psutil.net_connections("tcp") if one.status == "LISTEN" and one.laddr.port == port]
    if not found or found[0] is None:
        return None
    process = psutil.Process(found[0])
    while (parent := process.parent()) and parent.name() == process.name() and parent.pid != os.getpid():
        process = parent
    return process


def _seconds(process: psutil.Process) -> float:
    with suppress(psutil.NoSuchProcess):
        return float(sum(process.cpu_times()[:4]))  # user, system, and both of children that have ended
    return 0.0
