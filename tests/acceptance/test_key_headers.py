"""How the real server hands the key's header on; see docs/keys.md."""

import http.client
import json
from datetime import UTC, datetime
from urllib.parse import urlsplit

import pytest

from tests.acceptance.product import Product
from tests.waiting import DEADLINE_SECONDS

pytestmark = pytest.mark.acceptance


def post(product: Product, *headers: tuple[str, str]) -> int:
    """Post one entry with exactly these headers, repeated ones too."""
    connection = http.client.HTTPConnection(urlsplit(product.base_url).netloc, timeout=DEADLINE_SECONDS)
    entry = {"timestamp": datetime.now(UTC).isoformat(), "level": "info", "message": "headers"}
    body = json.dumps({"logs": [entry]}).encode()
    connection.putrequest("POST", "/v1/logs")
    for name, value in [("Content-Type", "application/json"), ("Content-Length", str(len(body))), *headers]:
        connection.putheader(name, value)
    connection.endheaders(body)
    status = connection.getresponse().status
    connection.close()
    return status


def test_one_header_is_let_in(product: Product) -> None:
    assert post(product, ("x-api-key", product.api_key)) == 200
    assert post(product, ("X-Api-Key", product.api_key)) == 200


def test_two_headers_are_refused_even_when_both_are_good(product: Product) -> None:
    assert post(product, ("x-api-key", product.api_key), ("x-api-key", product.api_key)) == 401


def test_header_with_underscores_is_refused(product: Product) -> None:
    assert post(product, ("x_api_key", product.api_key)) == 401
