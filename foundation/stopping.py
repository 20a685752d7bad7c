"""Stop a command that runs for ever when its supervisor, shell or terminal says so, however it was started."""

import signal
from collections.abc import Callable
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


def run_until_stopped(work: Callable[[], object]) -> None:
    """Call `work` until SIGINT or SIGTERM ends it; a second one ends the process at once. Main thread only.

    A shell starts background jobs with SIGINT ignored, and Python leaves it so (POSIX, 2.11). No block of a `with`: a
    signal may come between two of the handlers.
    """
    before = {}
    try:
        for number in SIGNALS:
            before[number] = signal.signal(number, _interrupt)
        work()
    except KeyboardInterrupt:
        return
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    for number in SIGNALS:
        signal.signal(number, signal.SIG_DFL)
    raise KeyboardInterrupt
