"""How long an open tail may go on without its bearer being asked for again: the promise to those who revoke a key.

Nothing is sent to a tail whose bearer was last found good more than `GOOD_SECONDS` ago, however late the asking is.
"""

import asyncio
import time
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor

import structlog
from django.db import Error

from explore.tail.bearers import Bearer, refusals
from foundation.refusals import Refusal

#: With the time to hand over what was begun before, within the 10 s that a revocation may take.
GOOD_SECONDS = 8.0
ASK_SECONDS = 3.0

log = structlog.get_logger(__name__)


class Permit:
    """May a tail be sent something now? Renewed from outside, until it is refused."""

    def __init__(self, bearer: Bearer, *, asked_at: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.bearer = bearer
        self.refusal: Refusal | None = None
        self.refused = asyncio.Event()
        self._clock = clock
        self._good_until = asked_at + GOOD_SECONDS
        self._renewed = asyncio.Event()

    @property
    def is_good(self) -> bool:
        """Whether it may."""
        return self.refusal is None and self._clock() < self._good_until

    def renew(self, *, asked_at: float) -> None:
        """The bearer was found good by somebody who began to ask at `asked_at`."""
        self._good_until = max(self._good_until, asked_at + GOOD_SECONDS)
        self._renewed.set()

    def refuse(self, refusal: Refusal) -> None:
        """End it, for this reason."""
        self.refusal = refusal
        self.refused.set()

    async def renewed(self) -> None:
        """Wait until it is good, if it ever is again."""
        while not self.is_good:
            self._renewed.clear()
            await self._renewed.wait()


class Permits:
    """All permits of a process, asked about together on a thread of their own."""

    def __init__(
        self,
        *,
        ask: Callable[[Collection[Bearer]], dict[Bearer, Refusal]] = refusals,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ask, self._clock = ask, clock
        self._permits: set[Permit] = set()
        self._task: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="tail-permits")

    def add(self, bearer: Bearer, *, asked_at: float) -> Permit:
        """Return a permit for `bearer`, who was found good by somebody who began to ask at `asked_at`."""
        permit = Permit(bearer, asked_at=asked_at, clock=self._clock)
        self._permits.add(permit)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._watch())
        return permit

    def remove(self, permit: Permit) -> None:
        """Forget `permit`."""
        self._permits.discard(permit)

    async def ask(self) -> None:
        """Ask for all bearers now. Raises: `django.db.Error`."""
        asked_at, permits = self._clock(), list(self._permits)
        bearers = {permit.bearer for permit in permits}
        refused = await asyncio.get_running_loop().run_in_executor(self._thread, self._ask, bearers)
        for permit in permits:
            if refusal := refused.get(permit.bearer):
                permit.refuse(refusal)
            else:
                permit.renew(asked_at=asked_at)

    async def _watch(self) -> None:
        while self._permits:
            await asyncio.sleep(ASK_SECONDS)
            try:
                await self.ask()
            except Error as error:
                log.warning("tail_permits_wait", error=type(error).__name__)
            except Exception as error:  # the outermost loop: nothing is sent until it can ask again
                log.error("tail_permits_wait", exc_info=error)
