"""Two web processes charge the same organisations, with a drain behind them, and meet no deadlock.

A few hundred requests each; `make two-processes` keeps them at it for ten minutes.
"""

import json
import os
import random
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import pytest
from django.core.management import call_command
from django.db import connections
from django.db.models import Sum

from ingest.models import IdempotencyKey, SpooledBatch
from ingest.spool.drain import drain
from quotas.models import MonthlyUsage
from tests.benchmarks.bodies import body, json_lines, request
from tests.benchmarks.load import Load, send
from tests.integration.deadlocks import deadlocks
from tests.integration.web_server import Web, web_server
from tests.organisations import make_api_key, make_organisation, make_plan

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("empty_store")]

MINUTES = float(os.environ.get("LUMINALOG_TWO_PROCESSES_MINUTES", "0"))
REQUESTS = int(3_000 * MINUTES) or 150
CONNECTIONS = 8
ONE, IN_PARTS = body(1), json_lines(1_001)
#: The same key is in progress; a machine that is too busy for deadlines.
BUSY = {409, 503}
#: The quota of one of the organisations is spent after some requests, in the midst.
SPENT_BYTES = 40 * len(ONE)


def key_of(slug: str, *, monthly_bytes: int = 2**40) -> str:
    plan = make_plan(monthly_bytes=monthly_bytes, requests_per_minute=10_000_000)
    return make_api_key(make_organisation(slug, plan=plan))[1]


def post(key: str, **headers: str) -> bytes:
    return request("POST", "/v1/logs", body=ONE, x_api_key=key, content_type="application/json", **headers)


def post_in_parts(key: str) -> bytes:
    return request("POST", "/v1/ndjson", body=IN_PARTS, x_api_key=key, content_type="application/x-ndjson")


def load(web: Web, requests: list[bytes]) -> Load:
    """Send them in an order of one's own: so many, or for as long as is asked for."""
    random.Random(web.port).shuffle(requests)
    return Load(
        address=("127.0.0.1", web.port),
        requests=tuple(requests),
        connections=CONNECTIONS,
        seconds=60 * MINUTES or 3_600,
        at_most=float("inf") if MINUTES else REQUESTS,
    )


@contextmanager
def draining() -> Iterator[None]:
    """Drain on a thread, again and again, and in the end until the spool is empty."""
    done = threading.Event()

    def run() -> None:
        try:
            while not done.is_set() or SpooledBatch.objects.exists():
                drain()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as thread:
        drained = thread.submit(run)
        try:
            yield
        finally:
            done.set()
        drained.result()


def test_two_processes_meet_no_deadlock_and_charge_what_they_answered() -> None:
    before, told, lock = deadlocks(), Counter[str](), threading.Lock()
    ample, broad, spent = key_of("ample"), key_of("broad"), key_of("spent", monthly_bytes=SPENT_BYTES)
    plain = [post(key) for key in (ample, broad, spent)] * 10 + [post_in_parts(ample), post_in_parts(broad)]
    once = [post(key, idempotency_key=str(n)) for key in (ample, broad) for n in range(REQUESTS)]

    def note(status: int, answer: bytes, _due: float) -> None:
        with lock:
            told["bytes"] += json.loads(answer)["bytes_used"] if status == 200 else 0

    with ExitStack() as stack:
        webs = [stack.enter_context(web_server(LUMINALOG_GROUP_COMMIT=1)) for _ in range(2)]
        stack.enter_context(draining())
        threads = stack.enter_context(ThreadPoolExecutor(4))
        loads = [threads.submit(send, load(web, [*plain]), look=note) for web in webs]
        loads += [threads.submit(send, load(web, [*once])) for web in webs]
        statuses = sum((sent.result().statuses for sent in loads), Counter[int]())
    assert statuses.keys() - BUSY == {200, 429}  # the quota is spent
    assert deadlocks() == before
    told["bytes"] += sum(json.loads(bytes(key.answer))["bytes_used"] for key in IdempotencyKey.objects.iterator())
    assert MonthlyUsage.objects.aggregate(Sum("used_bytes"))["used_bytes__sum"] == told["bytes"]
    call_command("verify_ledger", verbosity=0)
