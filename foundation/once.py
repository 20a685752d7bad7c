"""What a process makes when it is first asked for, and only once: whoever comes meanwhile waits for it."""

from collections.abc import Callable
from threading import Lock
from typing import TypeVar

V = TypeVar("V")


def once(make: Callable[[], V]) -> Callable[[], V]:
    """Return the function that calls `make` the first time; a failure is raised, and the next one tries again.

    `functools.cache` lets every thread in that comes before the first is done.
    """
    made: list[V] = []
    lock = Lock()

    def get() -> V:
        if not made:
            with lock:
                if not made:
                    made.append(make())
        return made[0]

    return get
