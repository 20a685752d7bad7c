"""The express lane looks at a request's head: what it does not know, or what is said twice, is the view's."""

from types import SimpleNamespace
from typing import Any

import pytest
from django.test import override_settings

from luminalog.server.express import ExpressLane

PLAIN = (("host", "localhost"), ("content-length", "70"), ("content-type", "application/json"), ("x-api-key", "ll_0"))


class Headers:
    """Headers as granian hands them on; a value that is no ASCII is kept back, but not its name."""

    def __init__(self, *given: tuple[str, str]) -> None:
        self._given = given

    def keys(self) -> list[str]:
        return list(dict.fromkeys(name for name, _ in self._given))

    def items(self) -> list[tuple[str, str]]:
        return [header for header in self._given if header[1].isascii()]


def is_taken(*headers: tuple[str, str], **scope: Any) -> bool:
    """Tell whether the lane would take a plain request that has these headers too, in place of those so named."""
    named = {name for name, _ in headers}
    given = [header for header in PLAIN if header[0] not in named] + [header for header in headers if header[1] != "-"]
    plain = {
        "method": "POST", "path": "/v1/logs", "query_string": "", "http_version": "1.1", "authority": None,
        "scheme": "http", "client": "127.0.0.1:5", "headers": Headers(*given),
    }  # fmt: skip
    looked_at: Any = SimpleNamespace(**plain | scope)
    return ExpressLane().look(looked_at) is not None


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("content-type", "application/json; charset=UTF-8")],
        [("content-type", "-")],
        [("content-length", str(16 * 2**10))],
        [("accept", "*/*"), ("user-agent", "shop/1.0"), ("connection", "close"), ("traceparent", "00-1-2-01")],
        [("x-request-id", "not fit for our logs")],
        [("x-forwarded-for", "10.1.1.1"), ("x-forwarded-proto", "http"), ("via", "1.1 a")],
    ],
)
def test_plain_head_is_for_the_lane(headers: list[tuple[str, str]]) -> None:
    assert is_taken(*headers)


@pytest.mark.parametrize(
    "headers",
    [
        [("content-encoding", "gzip")],
        [("content-encoding", "identity")],
        [("idempotency-key", "once")],
        [("idempotency-key", "é")],
        [("prefer", "handling=lenient")],
        [("transfer-encoding", "chunked")],
        [("expect", "100-continue")],
        [("origin", "https://shop.example")],
        [("cookie", "a=b")],
        [("x-unheard-of", "1")],
        [("content-length", "0")],
        [("content-length", str(2**20 + 1))],
        [("content-length", "7" * 400)],
        [("content-length", "-")],
        [("content-type", "text/plain")],
        [("content-type", "application/json; charset=latin-1")],
        [("content-type", "multipart/form-data")],
        [("host", "other.example")],
        [("host", "-")],
        [("user-agent", "é")],
        [("x-api-key", "a"), ("x-api-key", "b")],
        [("x-api-key", "-")],
        [("accept", "a"), ("accept", "b"), ("via", "é")],
    ],
)
def test_odd_head_is_for_the_view(headers: list[tuple[str, str]]) -> None:
    assert not is_taken(*headers)


@pytest.mark.parametrize(
    "scope",
    [
        {"method": "PUT"},
        {"method": "post"},
        {"path": "/v1/logs/"},
        {"path": "/v1/ndjson"},
        {"query_string": "a=b"},
        {"http_version": "1.0"},
        {"http_version": "2"},
        {"authority": "localhost"},
    ],
)
def test_odd_request_is_for_the_view(scope: dict[str, Any]) -> None:
    assert not is_taken(**scope)


@pytest.mark.parametrize(
    ("proxies", "headers", "scheme", "taken"),
    [
        (0, [], "http", False),
        (0, [], "https", True),
        (0, [("x-forwarded-proto", "https")], "http", False),
        (1, [("x-forwarded-proto", "https")], "http", True),
        (1, [("x-forwarded-proto", "https, http")], "http", False),
        (1, [("x-forwarded-proto", "http")], "https", False),
        (1, [], "https", False),
    ],
)
def test_key_that_came_over_plain_http_is_for_the_view(
    proxies: int, headers: list[tuple[str, str]], scheme: str, taken: bool
) -> None:
    with override_settings(DEVELOPMENT=False, TRUSTED_PROXIES=proxies):
        assert is_taken(*headers, scheme=scheme) is taken
