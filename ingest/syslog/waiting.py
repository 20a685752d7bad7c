"""What was heard and is not safe yet: a bounded queue for each key, emptied in batches, in order."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass

import structlog

from foundation.redaction import redact
from ingest.protocols.syslog import Heard
from ingest.syslog import metrics
from ingest.syslog.handing_over import Outcome, hand_over

log = structlog.get_logger(__name__)

#: A batch is handed over when it has so many messages, or so long after its first.
BATCH_MESSAGES, BATCH_SECONDS = 1_000, 0.25
#: What a key may have waiting; and all keys together.
QUEUE_MESSAGES, QUEUE_BYTES = 10_000, 8 * 2**20
ALL_BYTES = 64 * 2**20
#: What a message takes beside its text.
MESSAGE_BYTES = 200
PAUSE_SECONDS = 1.0
#: How often a batch is tried that fails for a reason of its own before it is let go.
MOST_TRIES = 20
LONGEST_PAUSE_SECONDS = 30.0

HandOver = Callable[..., Outcome]


@dataclass(frozen=True, slots=True)
class Bearer:
    """Whose messages, and how their times are read, share a queue."""

    key: str
    zone: str


class Waiting:
    """All queues of the process. Everything here happens on its event loop, but for the handing over."""

    def __init__(self, executor: Executor, *, hand_over: HandOver = hand_over) -> None:
        self.bytes = 0
        self.is_ending = False
        self._executor = executor
        self._hand_over = hand_over
        self._queues: dict[Bearer, _Queue] = {}

    def offer(self, bearer: Bearer, heard: Heard) -> str | None:
        """Take a message if there is room; else return why there is none."""
        queue = self._queue(bearer)
        if queue.has_room():
            queue.add(heard)
            return None
        return queue.trouble or "overloaded"

    async def put(self, bearer: Bearer, heard: Heard) -> None:
        """Take a message as soon as there is room."""
        while not (queue := self._queue(bearer)).has_room():
            await queue.wait_for_room()
        queue.add(heard)

    async def end(self, *, seconds: float) -> None:
        """Try to hand over what is left, for so long; what cannot be is let go, and counted."""
        self.is_ending = True
        for queue in self._queues.values():
            queue.hurry()
        tasks = [queue.task for queue in self._queues.values()]
        if tasks:
            await asyncio.wait(tasks, timeout=seconds)
        for queue in list(self._queues.values()):
            queue.task.cancel()
            queue.let_go("stopped", len(queue.messages))

    def refused_seconds(self) -> float:
        """Return for how long the key that waits longest has been refused."""
        now = time.monotonic()
        return max((now - queue.since for queue in self._queues.values() if queue.since is not None), default=0.0)

    def _queue(self, bearer: Bearer) -> "_Queue":
        queue = self._queues.get(bearer)
        if queue is None:
            queue = self._queues[bearer] = _Queue(self, bearer)
        return queue

    def forget(self, bearer: Bearer) -> None:
        """Have the next message for `bearer` begin a queue."""
        del self._queues[bearer]

    async def try_to_hand_over(self, bearer: Bearer, batch: list[Heard]) -> Outcome:
        """Hand a batch over on a thread."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._executor, lambda: self._hand_over(bearer.key, batch, zone=bearer.zone))


class _Queue:
    """The messages of one key, in the order in which they came. It ends when none is left."""

    def __init__(self, waiting: Waiting, bearer: Bearer) -> None:
        self.bearer = bearer
        self.messages: list[Heard] = []
        self.trouble = ""  # the code of what the last try was refused for
        self.since: float | None = None  # refused since
        self._waiting = waiting
        self._bytes = 0
        self._stirred = asyncio.Event()
        self._room = asyncio.Event()
        self.task = asyncio.get_running_loop().create_task(self._run())

    def has_room(self) -> bool:
        return (
            len(self.messages) < QUEUE_MESSAGES and self._bytes < QUEUE_BYTES and self._waiting.bytes < ALL_BYTES
        ) or not self.messages

    def add(self, heard: Heard) -> None:
        self.messages.append(heard)
        self._count(1, len(heard.message) + MESSAGE_BYTES)
        if len(self.messages) == BATCH_MESSAGES:
            self._stirred.set()

    async def wait_for_room(self) -> None:
        self._room.clear()
        await self._room.wait()

    def hurry(self) -> None:
        """Have what is here handed over now."""
        self._stirred.set()

    def let_go(self, reason: str, messages: int) -> None:
        """Forget the first messages, which are not safe."""
        if messages:
            log.warning("syslog_dropped", reason=reason, messages=messages, key=redact(self.bearer.key))
            metrics.DROPPED.labels(reason).inc(messages)
            self._forget(messages)

    async def _run(self) -> None:
        while True:
            await self._gather()
            if not self.messages:
                self._waiting.forget(self.bearer)
                self._room.set()
                return
            await self._hand_over_first()

    async def _gather(self) -> None:
        """Wait until a batch is full, or has waited."""
        if len(self.messages) < BATCH_MESSAGES and not self._waiting.is_ending:
            self._stirred.clear()
            try:
                await asyncio.wait_for(self._stirred.wait(), BATCH_SECONDS)
            except TimeoutError:
                return

    async def _hand_over_first(self) -> None:
        batch, tries = self.messages[:BATCH_MESSAGES], 0
        while True:
            outcome = await self._waiting.try_to_hand_over(self.bearer, batch)
            refusal = outcome.refusal
            if refusal is None:
                self._kept(len(batch), foreign=outcome.foreign)
                return
            tries += refusal.status == 500
            if refusal.status in (400, 413) or tries == MOST_TRIES:
                self.let_go(refusal.code, len(batch))
                return
            self._refused(refusal.code)
            seconds = float(refusal.headers.get("Retry-After", PAUSE_SECONDS))
            await asyncio.sleep(min(max(seconds, PAUSE_SECONDS), LONGEST_PAUSE_SECONDS))

    def _kept(self, messages: int, *, foreign: int) -> None:
        if self.trouble:
            log.info("syslog_goes_on", key=redact(self.bearer.key), after=self.trouble)
        self.trouble, self.since = "", None
        if foreign:
            metrics.DROPPED.labels("forbidden").inc(foreign)
        metrics.KEPT.inc(messages - foreign)
        metrics.KEPT_AT.set_to_current_time()
        self._forget(messages)

    def _refused(self, code: str) -> None:
        if code != self.trouble:
            log.warning("syslog_waits", reason=code, key=redact(self.bearer.key))
        self.trouble = code
        if self.since is None:
            self.since = time.monotonic()

    def _forget(self, messages: int) -> None:
        gone = self.messages[:messages]
        del self.messages[:messages]
        self._count(-messages, -sum(len(one.message) + MESSAGE_BYTES for one in gone))
        self._room.set()

    def _count(self, messages: int, size_bytes: int) -> None:
        self._bytes += size_bytes
        self._waiting.bytes += size_bytes
        metrics.WAITING.inc(messages)
