"""Every part is killed while clients post: what was answered 200 is stored exactly once, and charged exactly once."""

import threading
import time
from collections import Counter
from dataclasses import dataclass, field

import pytest
import requests

from tests.acceptance.product import Product, wait_for

pytestmark = pytest.mark.acceptance

CLIENTS = 4
ENTRIES = 20
PAUSE_SECONDS = 0.12  # four clients stay below the plan's 1,800 requests a minute
SECONDS_BETWEEN_KILLS = 3.5
PARTS = ["web", "worker", "beat", "valkey", "postgres"]
NOTHING_KEPT = {429, 503}


@dataclass
class Client:
    """Posts batches of its own until told to stop, and remembers what it was told of each."""

    product: Product
    number: int
    answered: dict[str, int] = field(default_factory=dict)  # batch → bytes_used
    refused: Counter[int] = field(default_factory=Counter)
    refused_batches: set[str] = field(default_factory=set)
    unknown: set[str] = field(default_factory=set)

    def post_until(self, stop: threading.Event) -> None:
        address, headers = f"{self.product.base_url}/v1/logs", {"x-api-key": self.product.api_key}
        count = 0
        while not stop.wait(PAUSE_SECONDS):
            batch, count = f"crash {self.number}-{count}", count + 1
            entry = {"timestamp": "2026-01-26T14:30:00Z", "level": "info", "message": batch}
            try:
                answer = requests.post(address, json={"logs": [entry] * ENTRIES}, headers=headers, timeout=10)
            except requests.RequestException:
                self.unknown.add(batch)
            else:
                self.remember(batch, answer)

    def remember(self, batch: str, answer: requests.Response) -> None:
        if answer.status_code == 200:
            self.answered[batch] = answer.json()["bytes_used"]
        else:
            self.refused[answer.status_code] += 1
            self.refused_batches.add(batch)


def test_nothing_answered_is_lost_or_doubled_when_parts_are_killed(own_product: Product) -> None:
    own_product.start()
    stop, clients = threading.Event(), [Client(own_product, number) for number in range(CLIENTS)]
    threads = [threading.Thread(target=client.post_until, args=(stop,)) for client in clients]
    for thread in threads:
        thread.start()
    try:
        for name in PARTS:
            time.sleep(SECONDS_BETWEEN_KILLS)
            own_product.kill(name)
        time.sleep(SECONDS_BETWEEN_KILLS)
        wait_for(lambda: answers(own_product), 20, own_product.output)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    wait_for(lambda: own_product.query("SELECT count(*) FROM ingest_spooledbatch") == [(0,)], 20, own_product.output)

    answered = {batch: size for client in clients for batch, size in client.answered.items()}
    refused = set().union(*(client.refused_batches for client in clients))
    unknown = set().union(*(client.unknown for client in clients))
    stored = Counter(entry["message"] for entry in own_product.stored())
    statuses: Counter[int] = sum((client.refused for client in clients), Counter())
    assert len(answered) > 200
    assert set(statuses) <= NOTHING_KEPT, own_product.output()
    assert set(stored.values()) == {ENTRIES}
    assert answered.keys() <= stored.keys()
    assert not refused & stored.keys()
    assert stored.keys() - answered.keys() <= unknown

    [(used,)] = own_product.query("SELECT used_bytes FROM quotas_monthlyusage")
    [(received,)] = own_product.query("SELECT sum(size_bytes) FROM storage_receipt")
    sizes = Counter[str]()
    for entry in own_product.stored():
        sizes[entry["message"]] += entry["size_bytes"]
    assert used == received == sum(sizes.values())
    assert {batch: sizes[batch] for batch in answered} == answered


def answers(product: Product) -> bool:
    try:
        return requests.get(f"{product.base_url}/readyz", timeout=5).json()["status"] == "ok"
    except requests.RequestException:
        return False
