"""Tell the workers that there is something to drain: soon, at most five times a second, and never in a request's time.

So what comes seldom is stored at once, and what comes one by one without a pause, together. A nudge is only haste: the
drain also runs every second without one, so a lost nudge loses nothing.
"""

from celery import current_app
from django.conf import settings

from foundation.threads import Background

GATHER_SECONDS, REST_SECONDS = 0.03, 0.2
PAUSE_AFTER_FAILURE_SECONDS = 5.0
#: Sent by its name: what workers run is above this room.
DRAIN = "ingest.drain"


def nudge() -> None:
    """Ask this process's nudging thread for a nudge, and return at once."""
    _thread.wake()


def _publish() -> None:
    if settings.CORE_URL:
        return  # at an edge nobody waits for one: its link looks all the time
    current_app.send_task(DRAIN, expires=2, retry=False, ignore_result=True)


_thread = Background("nudge", _publish, gather=GATHER_SECONDS, rest=REST_SECONDS, retry=PAUSE_AFTER_FAILURE_SECONDS)
