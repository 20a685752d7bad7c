"""Marked secrets, sent to the whole product in every place by every way in: they are in none of its files."""

import json
import re
from typing import Any

import pytest
import requests

from tests.acceptance.product import Product
from tests.leaks import dump, leaks
from tests.waiting import DEADLINE_SECONDS

pytestmark = pytest.mark.acceptance
#: Each has the mark in what must go, and nowhere else.
SECRETS = {
    "AWS key": "AKIAMARKEDABCDEFGHIJ",
    "GitHub token": "ghp_MARKEDa1b2c3d4e5f6a1b2c3d4e5f6a1b2c3",
    "Slack token": "xoxb-1234567890-MARKEDabcdef",
    "Stripe key": "sk_live_MARKEDabcdef123456",
    "Google key": "AIzaMARKEDabcdefghijklmnopqrstuvwxyz0123",
    "JWT": "eyJhbGciOiJIUzI1NiJ9.eyJMARKED0.MARKED-_x",
    "private key": "-----BEGIN RSA PRIVATE KEY-----\nMARKEDabc\nMARKEDdef\n-----END RSA PRIVATE KEY-----",
    "bearer": "Bearer MARKEDabc123",
    "address": "postgres://shop:MARKED@db.example/shop",
    "assignment": "password=MARKED1",
    "quoted": '"secret": "MAR\\"KED MARKED"',
    "cookie": "Cookie: a=MARKED; b=MARKED",
    "option": "--api-key MARKED1",
    "e-mail": "MARKED.bob@example.com",
}
MARK = re.compile(rb"MARKED|MAR.{1,3}KED|7417417417")


def entries() -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = []
    for text in SECRETS.values():
        lines = text.split("\n")
        made += [
            {"message": text, "environment": text[:100]},
            {"message": f"after\n{text}", "metadata": {"a": [{"b": f'"{text}"'}], text: 1}},
            {"message": json.dumps({"body": text}), "error": {"type": text, "message": text, "stack_trace": lines}},
            {"message": "x", "error": {"context": {"deep": {"er": [text]}}, "fingerprint": text}},
        ]
    made += [{"message": "x", "metadata": {"token": 7417417417, "db_password": ["MARKED"], "cookies": {"a": "MARKED"}}}]
    made += [{"message": "x", "metadata": {"x": [["Authorization", "MARKED"], {"name": "api_key", "value": "MARKED"}]}}]
    return [{"timestamp": "2026-11-26T10:00:00Z", "level": "info", "trace_id": "marks"} | one for one in made]


def test_marked_secrets_are_in_no_file(product: Product) -> None:
    sent = entries()
    assert product.post({"logs": sent}).status_code == 200
    for entry in sent:  # alone: by the express lane, once the rules are known
        assert product.post({"logs": [entry]}).status_code == 200
    lines = requests.post(
        f"{product.base_url}/v1/ndjson",
        data="\n".join(map(json.dumps, sent)).encode(),
        headers={"x-api-key": product.api_key, "content-type": "application/x-ndjson"},
        timeout=DEADLINE_SECONDS,
    )
    assert lines.status_code == 200
    stored = product.wait_until_stored(3 * len(sent), "trace_id = 'marks'")
    assert len(stored) == 3 * len(sent)
    assert MARK.findall(dump(product.database_url)) == []
    assert leaks([product.data_dir, product.log], pattern=MARK) == {}
