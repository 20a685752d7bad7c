"""Tell the workers that there is something to drain: soon, at most once in 50 ms, and never in a request's time.

A nudge is only haste: the drain also runs every second without one, so a lost nudge loses nothing.
"""

from celery import current_app

from foundation.threads import Background

EVERY_SECONDS = 0.05
PAUSE_AFTER_FAILURE_SECONDS = 5.0
#: Sent by its name: what workers run is above this room.
DRAIN = "ingest.drain"


def nudge() -> None:
    """Ask this process's nudging thread for a nudge, and return at once."""
    _thread.wake()


def _publish() -> None:
    current_app.send_task(DRAIN, expires=2, retry=False, ignore_result=True)


_thread = Background("nudge", _publish, gather=EVERY_SECONDS, retry=PAUSE_AFTER_FAILURE_SECONDS)
