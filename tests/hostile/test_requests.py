"""Requests that are strange but whole: lines, targets, hosts, sizes, versions, pipelines."""
# ruff: noqa: E501 - tables of cases

from collections.abc import Callable

import pytest

from tests.hostile.site import DOCUMENTED, Site, batch
from tests.waiting import DEADLINE_SECONDS

BODY = batch("strange")

#: nginx answers HTTP/0.9 as it was: a body, and nothing before it.
WITHOUT_A_HEAD = 0
LINES = [
    "GET /healthz", "GET /healthz HTTP/0.9", "GET /healthz HTTP/1.0", "GET /healthz HTTP/1.2", "GET /healthz HTTP/2.0",
    "GET /healthz HTTP/9.9", "GET /healthz http/1.1", "GET  /healthz HTTP/1.1", "GET\t/healthz\tHTTP/1.1",
    "get /healthz HTTP/1.1", "G\0T /healthz HTTP/1.1", "GET /healthz HTTP/1.1 HTTP/1.1", "GET HTTP/1.1",
    "GET http://other.example/healthz HTTP/1.1", "GET https://u:p@other.example:99999/ HTTP/1.1", "GET * HTTP/1.1",
    "OPTIONS * HTTP/1.1", "CONNECT localhost:22 HTTP/1.1", "TRACE / HTTP/1.1", "PRI * HTTP/2.0", "PURGE / HTTP/1.1",
    "M" * 5_000 + " / HTTP/1.1", "GET healthz HTTP/1.1", "GET //other.example/ HTTP/1.1", "GET /\\other HTTP/1.1",
    "GET /../../etc/passwd HTTP/1.1", "GET /static/../settings.py HTTP/1.1", "GET /static/%2e%2e/settings.py HTTP/1.1",
    "GET /static/..%2f..%2fmanage.py HTTP/1.1", "GET /%00 HTTP/1.1", "GET /static/%00 HTTP/1.1", "GET /v1/logs/%00 HTTP/1.1",
    "GET /%ff%fe HTTP/1.1", "GET /%c0%ae%c0%ae/ HTTP/1.1", "GET /% HTTP/1.1", "GET /%zz HTTP/1.1", "GET /%u0041 HTTP/1.1",
    "GET /\xff HTTP/1.1", "GET /\x01 HTTP/1.1", "GET /\x7f HTTP/1.1", "GET /a b HTTP/1.1", "GET /#fragment HTTP/1.1",
    "GET /" + "a" * 7_000 + " HTTP/1.1", "GET /" + "a" * 100_000 + " HTTP/1.1", "GET /" + "a/" * 3_000 + " HTTP/1.1",
    "GET /" + "%2e" * 2_000 + " HTTP/1.1", "GET /v1/logs?" + "a=b&" * 1_500 + " HTTP/1.1",
    "GET /v1/logs?query=" + "%28" * 2_000 + " HTTP/1.1", "GET /v1/logs?query=%00 HTTP/1.1", "GET /v1/logs?query=%ff HTTP/1.1",
    "GET /v1/logs?limit=" + "9" * 5_000 + " HTTP/1.1", "GET /v1/logs?from=%00&to=%ff HTTP/1.1", "GET /v1/logs?cursor=%00 HTTP/1.1",
    "GET /v1/logs/" + "9" * 30 + " HTTP/1.1", "GET /v1/logs/9999999999999999999 HTTP/1.1", "GET /v1/logs/\xb2 HTTP/1.1",
    "GET /v1/traces/%00 HTTP/1.1", "GET /v1/traces/%ff HTTP/1.1", "GET /v1/traces/" + "t" * 7_000 + " HTTP/1.1",
    "GET /admin/?next=//other.example HTTP/1.1", "GET /docs/errors?\0 HTTP/1.1",
]  # fmt: skip
HEADERS = [
    ["X: " + "a" * 7_000], ["X: " + "a" * 60_000], ["X: " + "a" * 2_000_000], ["X" * 60_000 + ": a"],
    [f"X-{n}: a" for n in range(90)], [f"X-{n}: a" for n in range(10_000)], ["X:"] * 200,
    ["Host: other.example"], ["Host:"], ["Host: a b"], ["Host: [::1"], ["Host: \xff"], ["Host: localhost:99999999"],
    ["X: \0"], ["X: \x01"], ["X: \x7f"], ["X: \xff\xfe"], ["\xff: X"], [": X"], ["X"], ["X Y: Z"], ["X: a\rb"],
    ["x-api-key: ll_" + "0" * 48], ["x-api-key: " + "a" * 7_000], ["x-api-key: \xff"], ["x-api-key:"],
    ["Upgrade: h2c", "Connection: Upgrade, HTTP2-Settings", "HTTP2-Settings: AAMAAABkAAQAAP__"],
    ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==", "Sec-WebSocket-Version: 13"],
    ["Expect: 100-continue"], ["Expect: 200-ok"], ["Connection: close, x-api-key"], ["Connection: keep-alive, Host"],
    ["Range: bytes=0-0,0-0,0-0"], ["Accept: */*;q=9e999"], ["Accept: text/html"], ["Accept-Encoding: " + "gzip," * 1_000],
    ["Accept-Language: " + "x-" * 3_000], ["If-Modified-Since: \xff"], ["If-None-Match: " + '"a",' * 1_000],
    ["Cookie: " + "a=b; " * 1_500], ["Cookie: sessionid=\0"], ["Cookie: sessionid=" + "'" * 100, "Cookie: csrftoken=\xff"],
    ["X-Forwarded-For: " + "1.1.1.1, " * 800], ["X-Forwarded-For: '"], ["X-Forwarded-Proto: \xff"], ["X-Real-IP: x"],
    ["X-Request-ID: a\tb"], ["X-Request-ID: " + "a" * 5_000], ["X-HTTP-Method-Override: DELETE"],
    ["Content-Type: multipart/form-data; boundary=x"], ["Content-Type: application/json; charset=utf-7"],
    ["Content-Type: \xff"], ["Content-Type: application/json; charset=\xff"], ["Content-Encoding: \xff"],
    ["Idempotency-Key: \xff"], ["Idempotency-Key: " + "k" * 5_000], ["Prefer: " + "handling=lenient;" * 300],
    ["User-Agent: " + "a" * 7_000], ["User-Agent: \xff"], ["Proxy: http://other.example"], ["Transfer-Encoding: trailers"],
]  # fmt: skip
NOT_HTTP = {
    "TLS or a second TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500),
    "HTTP/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0",
    "HTTP/2 preface, then noise": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\xff" * 1_000,
    "NULs": bytes(10_000),
    "line feeds": b"\n" * 10_000,
    "a megabyte without a line": b"a" * 2**20,
    "SSH": b"SSH-2.0-OpenSSH_9.2\r\n",
    "SMTP": b"EHLO other.example\r\nMAIL FROM:<a@b>\r\n",
}


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_strange_headers_are_answered_as_documented_or_cut_off(site: Site, method: str):
    strange = {}
    body = BODY if method == "POST" else b""
    for lines in HEADERS:
        length = [f"Content-Length: {len(body)}"] if body else []
        head = site.head(*length, "Connection: close", *lines, start=f"{method} /v1/logs HTTP/1.1")
        exchange = site.exchange(head, body)
        if not (set(exchange.statuses) - {101} <= DOCUMENTED and len(exchange.answers) <= 1):
            strange[lines[0][:60]] = exchange.statuses
    assert strange == {}


def test_strange_request_lines_are_answered_as_documented_or_cut_off(site: Site):
    strange = {}
    allowed = DOCUMENTED | {301, 302} | ({WITHOUT_A_HEAD} if site.nginx else set())
    for line in LINES:
        exchange = site.exchange(site.head("Connection: close", start=line))
        if not set(exchange.statuses) <= allowed:
            strange[line[:60]] = exchange.statuses
    assert strange == {}


def test_longest_and_oddest_queries_pass(site: Site):
    """The proxy's limits are no narrower than the API's."""
    queries = ['"' + "😀" * 1_998 + '"', '"' + "\n" * 1_998 + '"', '"%00 &?#+;/../"', '"\\u0001\u2028\r\n\t"']
    with site.session() as session:
        for path in ("/v1/logs", "/v1/logs/histogram", "/v1/logs/export"):
            for query in queries:
                answer = session.get(
                    site.base_url + path,
                    params={"query": query},
                    headers={"x-api-key": site.reader},
                    timeout=DEADLINE_SECONDS,
                )
                assert answer.status_code == 200, answer.text[:500]


def test_what_is_no_http_is_refused_or_cut_off(site: Site):
    answers = {name: site.exchange(sent, quiet_seconds=0.2).statuses for name, sent in NOT_HTTP.items()}
    assert {name: found for name, found in answers.items() if not set(found) <= DOCUMENTED | {0}} == {}


def test_pipelined_requests_are_answered_one_by_one_in_order(site: Site, kept: Callable[[], list[bytes]]):
    before = len(kept())
    one = [site.head(f"Content-Length: {len(BODY)}") + BODY, site.head("Content-Length: 1") + b"{"]
    exchange = site.exchange(b"".join(one * 10), expected=20)
    assert exchange.statuses == [200, 400] * 10
    assert len(kept()) - before == 10


def test_body_is_kept_once_however_it_arrives(site: Site, kept: Callable[[], list[bytes]]):
    before = len(kept())
    whole = site.head(f"Content-Length: {len(BODY)}", "Connection: close") + BODY
    for size in (1, 7, 1_000):
        pieces = [whole[n : n + size] for n in range(0, len(whole), size)]
        assert site.exchange(*pieces, expected=1).statuses == [200]
    assert len(kept()) - before == 3
