"""How much memory this process has now, told to whoever scrapes."""

import resource
from functools import cache
from pathlib import Path

from prometheus_client import Gauge

from foundation.threads import Background

LOOK_EVERY_SECONDS = 10.0


def resident_bytes() -> int:
    """Return what this process has in memory (proc(5), statm)."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def watch() -> None:
    """Have a thread of this process look every few seconds."""
    _thread().wake()


@cache
def _thread() -> Background:
    """Return the thread; made late, as the gauge: the settings say first where it counts."""
    gauge = Gauge("luminalog_resident_bytes", "Memory of the largest process, by kind.", multiprocess_mode="livemax")
    return Background("memory", lambda: gauge.set(resident_bytes()), every=LOOK_EVERY_SECONDS)
