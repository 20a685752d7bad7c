"""Stop a command that runs for ever when its supervisor, shell or terminal says so, however it was started."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def until_stopped() -> Iterator[None]:
    """Run the block until SIGINT or SIGTERM ends it; a second one ends the process at once. Main thread only.

    A shell starts background jobs with SIGINT ignored, and Python leaves it so (POSIX, 2.11).
    """
    before = {number: signal.signal(number, _interrupt) for number in SIGNALS}
    try:
        yield
    except KeyboardInterrupt:
        return
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    for number in SIGNALS:
        signal.signal(number, signal.SIG_DFL)
    raise KeyboardInterrupt
