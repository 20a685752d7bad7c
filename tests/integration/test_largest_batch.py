"""The largest legal batch over HTTP, with the limits as they come: what it costs the web process."""

import base64
import gzip
import json
from pathlib import Path
from random import Random

import pytest

from ingest.models import SpooledBatch
from tests.integration.web_server import web_server
from tests.organisations import make_api_key, make_organisation
from tests.waiting import DEADLINE_SECONDS

MEBIBYTE = 2**20
PART_BYTES = 8 * MEBIBYTE


def largest_batch() -> bytes:
    """1,000 entries that hardly compress, each as large as the contract lets a message and its metadata be."""
    random = Random(1)
    texts = (base64.b64encode(random.randbytes(76_000)).decode() for _ in range(1_000))
    head = {"timestamp": "2026-01-26T14:30:00Z", "level": "info", "message": "m" * 10_240}
    return b'{"logs":[' + b",".join(json.dumps(head | {"metadata": {"k": text}}).encode() for text in texts) + b"]}"


def memory_mib(pid: int) -> dict[str, int]:
    """Return what the system says of a process's memory now (VmRSS) and at its worst moment (VmHWM)."""
    lines = [line.split() for line in Path(f"/proc/{pid}/status").read_text().splitlines()]
    return {line[0].rstrip(":"): int(line[1]) // 1024 for line in lines if line[0] in ("VmRSS:", "VmHWM:")}


@pytest.mark.django_db(transaction=True)
def test_largest_legal_batch_is_kept_in_less_than_600_mib():
    _, secret = make_api_key(make_organisation("acme"))
    body = largest_batch()
    with web_server() as web:
        web.secret, web.timeout_seconds = secret, 10 * DEADLINE_SECONDS
        assert web.post(body).json()["processed"] == 1_000
        assert web.post(gzip.compress(body, 1), Content_Encoding="gzip").json()["processed"] == 1_000
        memory = memory_mib(web.pid)
    rows = SpooledBatch.objects.values_list("entries", "size_bytes")
    assert sum(entries for entries, _ in rows) == 2_000
    assert all(size_bytes <= PART_BYTES for _, size_bytes in rows)
    assert memory["VmHWM"] < 600
    assert memory["VmRSS"] < 250  # and it is given back
