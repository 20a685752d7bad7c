"""Whether we take entries in at all: noted by each web process while it does, for whoever would miss somebody's.

In Valkey, and for a short time only. Who cannot tell must not conclude from silence that nothing was sent.
"""

import contextlib

from redis import RedisError

from foundation import valkey

NAME = "doors"
#: A process that takes entries says so every five seconds.
OPEN_SECONDS = 30


def note_open() -> None:
    """Note that this process takes entries: there is room, and PostgreSQL answers."""
    with contextlib.suppress(RedisError):
        valkey.client().set(valkey.key(NAME), "open", ex=OPEN_SECONDS)


def are_open() -> bool:
    """Tell whether a web process took entries within the last half minute, as far as is known."""
    try:
        return bool(valkey.patient_client().exists(valkey.key(NAME)))
    except RedisError:
        return False


def forget() -> None:
    """Forget what was noted."""
    with contextlib.suppress(RedisError):
        valkey.client().delete(valkey.key(NAME))
