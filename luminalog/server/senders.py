"""Who sends a large body, told before any of it is read: a caller with a good key, a stranger, or nobody."""

import asyncio
import math
from collections.abc import Hashable
from concurrent.futures import Executor
from contextlib import AsyncExitStack
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from django.conf import settings

from accounts.addresses import client_network
from accounts.authentication import caller_in_header
from accounts.directory import directory
from accounts.presented import ANYWHERE, presented_key
from foundation.api import is_of_api
from foundation.refusals import Refusal
from ingest.receive.admission import NoRoom
from luminalog.server.request_body import SMALL_BODY_BYTES, RequestBody
from luminalog.server.waiting_room import WaitingRoom

#: The room for bodies that arrive, in bodies as large as wait there: known callers', and everybody else's.
KNOWN_BODIES, STRANGERS_BODIES = 8, 2
#: How many times the time of a step a stranger may take for a whole body.
STRANGERS_STEPS = 3


@dataclass(frozen=True, kw_only=True)
class Sender:
    """Whose body it is (an organisation's, or an address's), where it waits for its end, and for how long."""

    name: Hashable
    waits_in: WaitingRoom
    seconds: float
    is_known: bool

    async def receive(self, body: RequestBody, announced: float, until_answered: AsyncExitStack) -> None:
        """Let the body arrive as far as it may here; without room for it no more than a small body of it is read."""
        if math.isinf(announced):  # most bodies in chunks are small: like small ones they take no room
            await body.receive(SMALL_BODY_BYTES)
            if body.is_over:
                return
        at_most = settings.LARGE_BODY_BYTES
        size_bytes = int(min(announced, at_most))
        room = self.waits_in.room(size_bytes, of=self.name, patience_seconds=settings.BODY_STEP_SECONDS)
        try:
            await until_answered.enter_async_context(room)
        except TimeoutError:
            body.refuse(NoRoom("no room for a body"))
            return
        await body.receive_all(at_most_bytes=at_most, seconds=self.seconds)


class Senders:
    """The senders of one process. Keys that it has not seen lately are looked up on a thread of `look_up_on`."""

    def __init__(self, *, look_up_on: Executor) -> None:
        one = settings.LARGE_BODY_BYTES
        self._look_up_on = look_up_on
        self._known = WaitingRoom(KNOWN_BODIES * one, share_bytes=KNOWN_BODIES * one // 4)
        self._strangers = WaitingRoom(STRANGERS_BODIES * one, share_bytes=STRANGERS_BODIES * one // 2)

    async def find(self, environ: dict[str, Any]) -> Sender | None:
        """Return who sends; None when there is a key that is nobody's, whose request is refused unread."""
        key, request = _key_of(environ), SimpleNamespace(META=environ)
        if key is None or not is_of_api(environ["PATH_INFO"]):  # elsewhere it vouches for nobody
            seconds = STRANGERS_STEPS * settings.BODY_STEP_SECONDS
            return Sender(name=client_network(request), waits_in=self._strangers, seconds=seconds, is_known=False)
        caller = directory.recall(key)
        if caller is None:
            loop = asyncio.get_running_loop()
            caller = await loop.run_in_executor(self._look_up_on, caller_in_header, request)
        if caller is None:
            return None
        return Sender(name=caller.organisation_id, waits_in=self._known, seconds=math.inf, is_known=True)


def _key_of(environ: dict[str, Any]) -> str | None:
    """Return the key in the head; two of them are nobody's."""
    try:
        return presented_key(SimpleNamespace(META=environ), places=ANYWHERE)
    except Refusal:
        return ""
