"""Requests for the express lane and the view alike: plain ones, and each oddity that may tell the two apart."""

import gzip
import json
from dataclasses import dataclass, field
from random import Random

from tests.hostile.attacks import in_chunks
from tests.hostile.site import LOG
from tests.hostile.test_requests import HEADERS as STRANGE_HEADERS
from tests.limits.test_wire_properties import Bodies

#: From here on a body is read on a thread; in its own room; by the view.
BOUNDARIES_BYTES = 16 * 2**10, 64 * 2**10, 2**20
#: Wrong keys from one address are told apart from too many of them by time: few of them, so that no window counts.
MOST_BAD_KEYS = 20
PATHS = ["/v1/logs/", "/v1/logs?a=b", "/v1/logs?", "/v1/%6cogs", "//v1/logs", "/v1/LOGS", "/v1/ndjson", "/v1/logs%20"]
METHODS = ["PUT", "GET", "DELETE", "OPTIONS", "post", "TRACE"]
MEDIA_TYPES = [
    "application/json", "application/json; charset=utf-8", "Application/JSON;charset=\"UTF-8\"", "", "text/plain",
    "application/json; charset=latin-1", "application/json; charset=ascii", "application/json;", "application/jsonx",
    "application/json, application/json", "application/x-ndjson", "multipart/form-data; boundary=a",
]  # fmt: skip
#: One line each, for a head that is plain but for them.
LINES = [
    "Content-Encoding: identity", "Content-Encoding: gzip", "Content-Encoding: zstd", "Content-Encoding: br",
    "Content-Encoding:", "Idempotency-Key: once", "Idempotency-Key:", "Prefer: handling=lenient", "Prefer: wait=1",
    "Prefer: handling=lenient; wait=1", "X-Request-ID: mine-1", "X-Request-ID: not fit", "X-Request-ID:",
    "x-request-id: a\r\nX-Request-ID: b", "Origin: https://shop.example", "Origin: null", "Accept: text/html",
    "Accept-Encoding: gzip", "Connection: close", "Connection: keep-alive", "Cookie: sessionid=a", "X-Unheard-Of: 1",
    "User-Agent: shop/1.0", "User-Agent: \xe9", "Host: localhost", "X-Forwarded-For: 10.1.1.1",
    "X-Forwarded-Proto: http", "X-Forwarded-Proto: https", "X-Forwarded-Host: other.example", "X_API_Key: ll_0",
    "Traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "Content-Length: 5",
    "Via: 1.1 a\r\nVia: 1.1 b",
    "Authorization: Bearer x", "X-HTTP-Method-Override: PUT", "If-Match: *", "Range: bytes=0-1", "Upgrade: h2c",
]  # fmt: skip
#: Of those that are answered once.
ODD_HEADERS = [
    lines for lines in STRANGE_HEADERS if len(str(lines)) < BOUNDARIES_BYTES[0] and not lines[0].startswith("Expect")
]
HOSTS = ["localhost", "localhost:80", "LOCALHOST", "127.0.0.1", "other.example", "", "local host", "[::1]"]


@dataclass
class Request:
    """One request, but for its key: that is another on each side."""

    body: bytes
    method: str = "POST"
    path: str = "/v1/logs"
    version: str = "1.1"
    key: str = "good"  # the role of a key, or one that is nobody's
    host: str = "localhost"
    media_type: str = "application/json"
    lines: list[str] = field(default_factory=list)
    is_chunked: bool = False

    def bytes_for(self, keys: dict[str, str]) -> bytes:
        """Return it as it is sent with the keys of one side."""
        body = in_chunks(self.body) if self.is_chunked else self.body
        framing = "Transfer-Encoding: chunked" if self.is_chunked else f"Content-Length: {len(body)}"
        lines = [f"{self.method} {self.path} HTTP/{self.version}", f"Host: {self.host}", framing, *self.lines]
        lines += [f"Content-Type: {self.media_type}"] if self.media_type else []
        lines += [f"x-api-key: {keys.get(self.key, self.key)}"] if self.key else []
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


class Requests(Random):
    """A source of requests: about half go by the lane, the others have an oddity or two."""

    bad_keys = 0

    def request(self) -> Request:
        """Return the next one."""
        request = Request(self._body())
        for _ in range(self.choice([0, 0, 0, 1, 1, 2])):
            self._make_odd(request)
        return request

    def _make_odd(self, request: Request) -> None:
        match self.randrange(11):
            case 0:
                request.path = self.choice(PATHS)
            case 1:
                request.method = self.choice(METHODS)
            case 2:
                request.media_type = self.choice(MEDIA_TYPES)
            case 3:
                request.host = self.choice(HOSTS)
            case 4:
                request.is_chunked = True
            case 5:
                request.key = self._key()
            case 6:
                request.lines += self.choice(ODD_HEADERS)
            case 7:
                request.lines.append("Content-Encoding: gzip")
                request.body = gzip.compress(request.body)
            case 8:
                request.version = "1.0"
            case _:
                request.lines.append(self.choice(LINES))

    def _key(self) -> str:
        key = self.choice(["reader", "lenient", "errors", "here", "elsewhere", "lenient", "errors", "bad"])
        if key != "bad":
            return key
        self.bad_keys += 1
        bad = ["", "ll_" + "0" * 48, "ll_x", "{good}, {good}", "LL_" + "0" * 48, " "]
        return self.choice(bad) if self.bad_keys <= MOST_BAD_KEYS else "good"

    def plain(self, entries: int) -> bytes:
        """Return a body in which nothing is odd."""
        return self._entries(entries)

    def _body(self) -> bytes:
        match self.randrange(8):
            case 0:
                return Bodies(self.getrandbits(64)).body()
            case 1:
                return self._entries(self.choice([0, 1, 31, 32, 33, 40, 1_000, 1_001]))
            case 2:
                return self._of(self.choice(BOUNDARIES_BYTES) + self.choice([-1, 0, 1, 40_000]))
            case 3:
                return self.choice(
                    [
                        b"",
                        b"[]",
                        b"{}",
                        b"null",
                        b"\xef\xbb\xbf" + self._entries(1),
                        b"[" * 5_000,
                        b"\xff",
                        b'{"logs":[{}]}',
                    ]
                )
            case 4:
                return Bodies(self.getrandbits(64)).body().replace(b'"api_key": "ll_x", ', b"")
            case _:
                return self._entries(self.randint(1, 5))

    def _entries(self, number: int) -> bytes:
        levels = ["debug", "info", "error"]
        logs = [
            LOG | {"level": self.choice(levels), "message": f"entry {self.randrange(10**6)}"} for _ in range(number)
        ]
        return json.dumps({"logs": logs}).encode()

    def _of(self, size_bytes: int) -> bytes:
        logs = [LOG | {"message": "a" * 2_000} for _ in range(size_bytes // 2_200)]
        body = json.dumps({"logs": logs}).encode()
        return body + b" " * (size_bytes - len(body))
