"""How much work something is, as a ratio to work of a known size done just before it: no clock on a wall says that."""

import time
from collections.abc import Callable


def cpu_seconds(work: Callable[[], object], *, times: int = 3) -> float:
    """Return the CPU seconds of this thread that `work` takes, the fewest of some tries."""
    return min(_measure(work) for _ in range(times))


def _measure(work: Callable[[], object]) -> float:
    began = time.thread_time()
    work()
    return time.thread_time() - began
