"""Tell the workers that there is something to drain: soon, at most once in 50 ms, and never in a request's time.

A nudge is only haste: the drain also runs every second without one, so a lost nudge loses nothing.
"""

import os
import threading
import time

import structlog
from kombu.exceptions import OperationalError as BrokerError

from ingest.tasks import drain

log = structlog.get_logger(__name__)

EVERY_SECONDS = 0.05
PAUSE_AFTER_FAILURE_SECONDS = 5.0

_wanted = threading.Event()
_start_lock = threading.Lock()
_thread: threading.Thread | None = None


def nudge() -> None:
    """Ask this process's nudging thread for a nudge, and return at once."""
    _wanted.set()
    if _thread is None:
        _start()


def _start() -> None:
    global _thread
    with _start_lock:
        if _thread is None:
            _thread = threading.Thread(target=_run, name="nudge", daemon=True)
            _thread.start()


def _run() -> None:
    while True:
        _wanted.wait()
        time.sleep(EVERY_SECONDS)
        _wanted.clear()
        if not _publish():
            time.sleep(PAUSE_AFTER_FAILURE_SECONDS)


def _publish() -> bool:
    try:
        drain.apply_async(expires=2, retry=False)
    except (BrokerError, OSError) as error:
        log.warning("nudge_failed", error=type(error).__name__)
        return False
    return True


def _forget_thread() -> None:
    global _thread, _start_lock
    _thread, _start_lock = None, threading.Lock()


os.register_at_fork(after_in_child=_forget_thread)
