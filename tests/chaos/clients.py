"""Clients that send while things break, repeat what they sent, and retry what they were not sure of."""

import json
import random
import threading
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import requests

from tests.chaos.batches import OURS, SentBatch, make_batch
from tests.chaos.journal import FAILED, IN_DOUBT, LIMITED, Answer, Journal
from tests.chaos.tenants import Tenant

CLIENTS_A_TENANT = 3
#: Which of them sends with the public key.
PUBLIC = 0
PAUSE_SECONDS = (0.05, 0.35)
AFTER_SILENCE_SECONDS = 0.6
REPEATED_SHARE = 0.25
REMEMBERED = 8
SETTLE_SECONDS = 60
TIMEOUT_SECONDS = 12
#: Answers after which a retry would only hear the same.
FINAL = {200, 400, 422, 429}
#: What an agent's answer, which has no code of ours, leaves open.
OPEN_BY_STATUS = {500: FAILED, 503: IN_DOUBT}


class Client:
    """Sends one batch after another for a tenant, by `api_key`, and keeps a journal of it."""

    def __init__(self, tenant: Tenant, name: str, *, api_key: str, url: str, folder: Path, rng: random.Random) -> None:
        self.tenant = tenant
        self.api_key = api_key
        self.name = name
        self.url = url
        self.rng = rng
        self.journal = Journal(folder / f"{name.replace('/', '-')}.jsonl", organisation_id=tenant.organisation_id)
        self.session = requests.Session()
        self.sent: deque[SentBatch] = deque(maxlen=REMEMBERED)
        self.unsettled: dict[str, SentBatch] = {}
        self.count = 0

    def send_until(self, stop: threading.Event) -> None:
        """Send new batches, and every fourth time one of the last again, until told to stop.

        Who hears nothing waits a little longer: the server that comes back needs the processor.
        """
        pause = self.rng.uniform(*PAUSE_SECONDS)
        while not stop.wait(pause):
            is_repeat = self.sent and self.rng.random() < REPEATED_SHARE
            answer = self.attempt(self.rng.choice(self.sent)) if is_repeat else self.send()
            pause = self.rng.uniform(*PAUSE_SECONDS) + (AFTER_SILENCE_SECONDS if answer.status is None else 0)

    def send(self, *, large: bool = False) -> Answer:
        """Send a new batch."""
        self.count += 1
        batch = make_batch(self.tenant, f"{self.name}/{self.count}", self.rng, large=large)
        self.journal.sends(batch)
        if batch.idempotency_key:
            self.sent.append(batch)
        return self.attempt(batch)

    def settle(self) -> None:
        """Retry what carried an Idempotency-Key until its answer is final, as a client with patience does."""
        deadline = time.monotonic() + SETTLE_SECONDS
        while self.unsettled and time.monotonic() < deadline:
            for batch in list(self.unsettled.values()):
                self.attempt(batch)
            time.sleep(0.5)

    def attempt(self, batch: SentBatch) -> Answer:
        """Send `batch` once; whatever comes of it is in the journal."""
        body, headers = batch.encoded(self.rng)
        self.journal.tries(batch)
        answer = self._post(batch, body, headers | {"x-api-key": self.api_key})
        self.journal.hears(batch, answer)
        if answer.code in LIMITED:
            return answer  # it says nothing of earlier attempts
        if answer.status in FINAL:
            self.unsettled.pop(batch.name, None)
        elif batch.idempotency_key:
            self.unsettled[batch.name] = batch
        return answer

    def _post(self, batch: SentBatch, body: bytes, headers: dict[str, str]) -> Answer:
        at, started = time.time(), time.monotonic()
        try:
            url = self.url.removesuffix(OURS) + batch.path
            response = self.session.post(url, data=body, headers=headers, timeout=TIMEOUT_SECONDS)
            said = _said(response, batch)
        except (requests.RequestException, json.JSONDecodeError):
            return Answer(status=None, started_at=at, seconds=time.monotonic() - started)
        return Answer(
            status=200 if response.ok else response.status_code,
            code=said.get("code", ""),
            bytes_used=said.get("bytes_used", 0),
            processed=said.get("processed", 0),
            is_replay=response.headers.get("Idempotency-Replayed") == "true",
            started_at=at,
            seconds=time.monotonic() - started,
        )


def _said(response: requests.Response, batch: SentBatch) -> dict[str, Any]:
    """Return what an answer says in our words: agents' tell of nothing but that all is kept, or of a status."""
    if batch.path in (OURS, "/v1/ndjson"):
        said: dict[str, Any] = response.json()
        return said
    if not response.ok:
        return {"code": OPEN_BY_STATUS.get(response.status_code, "")}
    if batch.path == "/_bulk":
        answer = response.json()
        kept = [one for item in answer["items"] for one in item.values() if one["status"] == 201]
        return {"bytes_used": batch.size_bytes, "processed": len(kept) - bool(answer["errors"])}
    is_whole = response.content in (b"", b'{"partialSuccess":{}}')
    return {"bytes_used": batch.size_bytes, "processed": len(batch.digests) if is_whole else 0}


class Crowd:
    """All clients of one scenario, each on a thread; they take turns at `urls`, whose first has the public keys'."""

    def __init__(self, name: str, tenants: Sequence[Tenant], *, urls: Sequence[str], folder: Path, seed: str) -> None:
        def make(tenant: Tenant, role: object, number: int = 0) -> Client:
            rng = random.Random(f"{seed} {name} {tenant.slug} {role}")
            api_key = tenant.public_key if role == PUBLIC else tenant.api_key
            url = urls[number % len(urls)]
            return Client(tenant, f"{name}/{tenant.slug}-{role}", api_key=api_key, url=url, folder=folder, rng=rng)

        self.steady = [make(tenant, number, number) for tenant in tenants for number in range(CLIENTS_A_TENANT)]
        self.bulk = make(tenants[0], "bulk")  # sends nothing unless a scenario has it
        self.clients = [*self.steady, self.bulk]
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> "Crowd":
        self._threads = [threading.Thread(target=one.send_until, args=(self._stop,)) for one in self.steady]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop sending; a client that died of a bug of ours would leave its journal short."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def settle(self) -> None:
        """Have all clients retry what they are not sure of, at once."""
        threads = [threading.Thread(target=client.settle) for client in self.clients]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for client in self.clients:
            client.journal.close()
            client.session.close()
