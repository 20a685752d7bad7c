"""Small facts about keys on their way from web processes to a worker: never on a request's own time.

A request puts a fact into a queue; a daemon thread writes it into a hash in Valkey; a Celery task takes the hash and
folds it into PostgreSQL. Facts are hints for staff: without Valkey they wait, and the oldest are forgotten.
"""

import queue
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from redis import Redis, RedisError

from foundation import valkey

log = structlog.get_logger(__name__)

CAPACITY = 10_000
PAUSE_SECONDS = 0.5
RETRY_SECONDS = 5.0


class HandOver:
    """One kind of fact: `field` (whom it is about) and `text` (what); the latest of each field counts."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._waiting: queue.Queue[tuple[str, str]] = queue.Queue(maxsize=CAPACITY)
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def put(self, field: str, text: str) -> None:
        """Leave a fact for the thread; return at once."""
        try:
            self._waiting.put_nowait((field, text))
        except queue.Full:
            return
        if self._thread is None or not self._thread.is_alive():  # not started, or this process was forked
            self._start()

    @contextmanager
    def taken(self) -> Iterator[dict[str, str]]:
        """Take all facts out of Valkey; put back those that nothing newer has replaced, if the block fails."""
        hash_name, client = valkey.key(self.name), valkey.client()
        with client.pipeline(transaction=True) as pipeline:
            pipeline.hgetall(hash_name)
            pipeline.delete(hash_name)
            found, _ = pipeline.execute()
        try:
            yield {field.decode(): text.decode() for field, text in found.items()}
        except BaseException:
            for field, text in found.items():
                client.hsetnx(hash_name, field, text)
            raise

    def _start(self) -> None:
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name=f"hand-over-{self.name}", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while True:
            facts = dict([self._waiting.get()])
            time.sleep(PAUSE_SECONDS)  # gather what others leave meanwhile
            while not self._waiting.empty():
                facts.update([self._waiting.get()])
            while not self._write(valkey.client(), facts):
                time.sleep(RETRY_SECONDS)

    def _write(self, client: Redis, facts: dict[str, str]) -> bool:
        hash_name = valkey.key(self.name)
        try:
            if client.hlen(hash_name) < CAPACITY:
                client.hset(hash_name, items=[part for fact in facts.items() for part in fact])
        except RedisError as error:
            log.info("hand_over_waits", name=self.name, error=type(error).__name__)
            return False
        return True
