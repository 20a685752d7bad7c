"""The whole product with its entries in ClickHouse: sent, found in every way, and lost by nobody who is killed."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.acceptance.product import Product
from tests.waiting import DEADLINE_SECONDS, wait_until

pytestmark = pytest.mark.acceptance

NOW = datetime.now(UTC)
PAYMENT: dict[str, Any] = {
    "level": "error",
    "message": "Payment failed",
    "trace_id": "7f3b0c52",
    "metadata": {"user": {"id": 4711}, "amount": 12.5},
    "error": {"type": "PaymentError", "message": "Insufficient funds", "stack_trace": ["at pay (/app/pay.js:1:2)"]},
}


def test_entries_live_in_clickhouse_from_the_curl_to_the_group(tmp_path: Path) -> None:
    product = Product(tmp_path / "var", STORE_URL="clickhouse+embedded:///").start()
    try:
        _story(product)
    finally:
        product.stop()


def _story(product: Product) -> None:
    assert "experimental" in product.output()
    entries = [{"level": "info", "message": f"step {n}"} for n in range(20)]
    entries[10:10] = [PAYMENT]
    timed = [one | {"timestamp": (NOW + timedelta(milliseconds=n)).isoformat()} for n, one in enumerate(entries)]
    assert product.post({"logs": timed}).status_code == 200
    [payment] = wait_until(lambda: found(product, "payment"), what=product.output)
    assert product.query("SELECT count(*) FROM storage_entry") == [(0,)]

    for query in (
        "user.id:4711",
        "amount:>12 amount:<13",
        "error.type:Pay*",
        "INSUFFICIENT",
        "group:1",
        "trace:7f3b0c52",
    ):
        assert [one["id"] for one in found(product, query)] == [payment["id"]], query
    around = get(product, f"logs/{payment['id']}/context", before=2, after=2).json()
    assert [one["message"] for one in around["before"]][-1:] == ["step 9"]
    assert len(get(product, "traces/7f3b0c52").json()["logs"]) == 1
    buckets = get(product, "logs/histogram", **RANGE).json()["buckets"]
    assert sum(sum(bucket["counts"].values()) for bucket in buckets) == 21
    assert "user.id" in get(product, "logs/fields", **RANGE).text
    exported = get(product, "logs/export", format="ndjson", **RANGE).text.splitlines()
    assert [json.loads(line)["message"] for line in exported].count("Payment failed") == 1

    product.kill("clickhouse")
    assert product.post({"logs": [timed[0] | {"message": "while it is away"}]}).status_code == 200
    wait_until(lambda: found(product, '"while it is away"'), what=product.output)
    assert len(found(product, "step")) == 20
    product.manage("verify_ledger")  # or it fails


RANGE = {"from": (NOW - timedelta(hours=1)).isoformat(), "to": (NOW + timedelta(hours=1)).isoformat()}


def get(product: Product, path: str, **parameters: Any) -> requests.Response:
    return requests.get(
        f"{product.base_url}/v1/{path}",
        params=parameters,
        headers={"x-api-key": product.api_key},
        timeout=DEADLINE_SECONDS,
    )


def found(product: Product, query: str) -> list[dict[str, Any]]:
    """Return what a search finds; nothing while the store is away."""
    answer = get(product, "logs", query=query, **RANGE)
    assert answer.status_code in (200, 503), answer.text
    logs: list[dict[str, Any]] = answer.json()["logs"] if answer.status_code == 200 else []
    return logs
