"""Stop a command that runs for ever when its supervisor, shell or terminal says so, however it was started."""

import logging
import signal
from collections.abc import Callable
from types import FrameType

#: The standard library's own: `bin/luminalog send` begins with this file, and needs nothing else.
log = logging.getLogger(__name__)

SIGNALS = (signal.SIGINT, signal.SIGTERM)


def run_until_stopped(work: Callable[[], object]) -> None:
    """Call `work` until SIGINT or SIGTERM ends it; a second one ends the process at once. Main thread only.

    A shell starts background jobs with SIGINT ignored, and Python leaves it so (POSIX, 2.11). No block of a `with`: a
    signal may come between two of the handlers.
    """
    told: list[int] = []

    def interrupt(number: int, _frame: FrameType | None) -> None:
        told.append(number)
        for one in SIGNALS:
            signal.signal(one, signal.SIG_DFL)
        raise KeyboardInterrupt

    before = {}
    try:
        for number in SIGNALS:
            before[number] = signal.signal(number, interrupt)
        work()
    except KeyboardInterrupt:
        return
    except Exception as error:
        if not told:
            raise
        log.info("stopped: %s", type(error).__name__)  # how a transaction says that it was interrupted
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
