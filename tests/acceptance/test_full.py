"""The whole product with a limit that it has reached: it starts, says so, and refuses nothing but batches."""

from pathlib import Path

import pytest
import requests

from tests.acceptance.product import Product
from tests.waiting import DEADLINE_SECONDS

pytestmark = pytest.mark.acceptance
LOG = {"timestamp": "2026-01-26T14:30:00Z", "level": "info", "message": "User logged in"}


def test_product_on_a_full_disk_starts_reads_and_refuses_batches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LUMINALOG_DISK_MIN_FREE_BYTES", str(2**62))
    product = Product(tmp_path / "var").prepared().start()
    try:
        ready = requests.get(f"{product.base_url}/readyz", timeout=DEADLINE_SECONDS)
        answer = product.post({"logs": [LOG]})
        read = requests.get(
            f"{product.base_url}/v1/logs", headers={"x-api-key": product.api_key}, timeout=DEADLINE_SECONDS
        )

        assert (ready.status_code, ready.json()["checks"]["disk"]) == (503, "failed")
        assert (answer.status_code, answer.json()["code"]) == (503, "backlog_full")
        assert read.status_code == 200
        assert product.query("SELECT count(*) FROM ingest_spooledbatch") == [(0,)]
    finally:
        product.stop()
