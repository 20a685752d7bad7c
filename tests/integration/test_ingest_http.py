"""`POST /v1/logs` over real HTTP: the product's own web server, real sockets, and what is in the spool afterwards."""

import contextlib
import gzip
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
import requests
from backports import zstd

from accounts.models import Organisation
from ingest.models import SpooledBatch
from ingest.spool.payload import unpack
from tests.integration.web_server import Web, web_server
from tests.organisations import make_api_key, make_organisation
from tests.waiting import DEADLINE_SECONDS, wait_until

pytestmark = pytest.mark.django_db(transaction=True)

MEBIBYTE = 2**20
MAX_BODY_BYTES = 12 * MEBIBYTE
LARGE_BODY_BYTES = 2 * MEBIBYTE
LOG = {"timestamp": "2026-01-26T14:30:00.000Z", "level": "info", "message": "User logged in"}
BATCH = json.dumps({"logs": [LOG]}).encode()
LINE = b'{"timestamp":"2026-01-26T14:30:00Z","level":"info","message":"User logged in"}'


@pytest.fixture(scope="module")
def server(django_db_setup: None) -> Iterator[Web]:
    """Start the web server with limits low enough to reach them."""
    with web_server(
        LUMINALOG_MAX_WIRE_BYTES=MAX_BODY_BYTES,
        LUMINALOG_MAX_BODY_BYTES=MAX_BODY_BYTES,
        LUMINALOG_LARGE_BODY_BYTES=LARGE_BODY_BYTES,
        LUMINALOG_INFLIGHT_BUDGET_BYTES=2 * MAX_BODY_BYTES,
    ) as server:
        yield server


@pytest.fixture
def web(server: Web) -> Web:
    _, secret = make_api_key(make_organisation("acme"))
    return replace(server, secret=secret)


def spooled() -> list[bytes]:
    """Return all lines that were kept; each row must hold what it says."""
    lines = []
    for batch in SpooledBatch.objects.order_by("batch_id"):
        found = unpack(bytes(batch.payload))
        assert (len(found), sum(map(len, found))) == (batch.entries, batch.size_bytes)
        lines += found
    return lines


def assert_problem(answer: Any, status: int, code: str) -> dict[str, Any]:
    """Hold an answer to RFC 9457, and to what each of ours carries."""
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert (problem["status"], problem["code"]) == (status, code)
    assert problem["request_id"] == answer.headers["X-Request-ID"]
    assert spooled() == []
    return problem


# --- accepted -------------------------------------------------------------------------------------------------------


def test_batch_is_kept_in_canonical_form_when_it_is_answered(web):
    answer = web.post(json.dumps({"logs": [LOG, LOG | {"id": 1}]}, indent=3).encode())
    assert answer.status_code == 200
    expected = {"message": "Logs ingested successfully", "processed": 2, "bytes_used": 2 * len(LINE)}
    assert answer.json() == expected | {"debug_user_id": str(Organisation.objects.get().pk)}
    assert spooled() == [LINE, LINE]


@pytest.mark.parametrize("path", ["/v1/logs", "/v1/logs/"])
def test_address_answers_with_and_without_a_slash(web, path):
    assert web.post(BATCH, path=path).status_code == 200


@pytest.mark.parametrize(("coding", "compress"), [("gzip", gzip.compress), ("zstd", zstd.compress)])
def test_compression_changes_nothing(web, coding, compress):
    plain = web.post(BATCH).json()
    assert web.post(compress(BATCH), Content_Encoding=coding).json() == plain
    assert web.post(iter([compress(BATCH)]), Content_Encoding=coding).json() == plain
    assert spooled() == [LINE] * 3


def test_chunked_body_is_read_whole(web):
    assert web.post(BATCH[n : n + 7] for n in range(0, len(BATCH), 7)).status_code == 200
    assert spooled() == [LINE]


def test_content_type_may_be_left_out(web):
    assert web.post(BATCH, Content_Type=None).status_code == 200


def test_prefer_lenient_keeps_what_is_valid(web):
    body = json.dumps({"logs": [LOG, {"level": "loud"}, LOG]}).encode()
    answer = web.post(body, Prefer="respond-async, handling=lenient").json()
    assert (answer["processed"], answer["rejected"]) == (2, 1)
    assert {error["pointer"] for error in answer["errors"]} >= {"/logs/1/level", "/logs/1/message"}
    assert spooled() == [LINE, LINE]


def test_body_key_is_taken_and_called_deprecated(web):
    body = json.dumps({"logs": [LOG], "api_key": web.secret}).encode()
    answer = web.post(body, x_api_key=None)
    assert answer.status_code == 200
    assert {"Deprecation", "Link"} <= answer.headers.keys()
    assert "Deprecation" not in web.post(body).headers


# --- refused --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        (b"", {}, 400, "malformed_json"),
        (b"{", {}, 400, "malformed_json"),
        (b'{"logs":[]}', {}, 400, "empty_batch"),
        (b'{"logs":3}', {}, 400, "invalid_payload"),
        (b'{"logs":' + b"[" * 100_000, {}, 400, "nesting_too_deep"),
        (BATCH.replace(b"User", b"\xff"), {}, 400, "invalid_encoding"),
        (BATCH.replace(b"info", b"loud"), {}, 400, "invalid_level"),
        (BATCH, {"Content_Encoding": "gzip"}, 400, "bad_compression"),
        (gzip.compress(BATCH) * 2, {"Content_Encoding": "gzip"}, 400, "malformed_json"),
        (BATCH, {"Content_Encoding": "br"}, 415, "unsupported_encoding"),
        (BATCH, {"Content_Type": "text/plain"}, 415, "unsupported_media_type"),
        (BATCH, {"x_api_key": None}, 401, "missing_api_key"),
        (BATCH, {"x_api_key": "ll_" + "0" * 48}, 401, "invalid_api_key"),
        (b" " * (MAX_BODY_BYTES + 1), {}, 413, "body_too_large"),
        (gzip.compress(bytes(64 * MEBIBYTE)), {"Content_Encoding": "gzip"}, 413, "body_too_large"),
        (zstd.compress(bytes(64 * MEBIBYTE)), {"Content_Encoding": "zstd"}, 413, "body_too_large"),
    ],
)
def test_bad_request_is_refused_with_a_problem(web, body, headers, status, code):
    answer = web.post(body, **headers)
    problem = assert_problem(answer, status, code)
    assert web.secret not in answer.text
    assert "loud" not in answer.text
    if status != 401:
        assert "X-RateLimit-Remaining" in answer.headers
    assert all(error["pointer"].startswith("/logs") for error in problem.get("errors", []))


def test_method_that_is_not_there_is_refused(web):
    answer = requests.put(
        f"http://127.0.0.1:{web.port}/v1/logs", headers={"x-api-key": web.secret}, timeout=DEADLINE_SECONDS
    )
    assert_problem(answer, 405, "method_not_allowed")
    assert "POST" in answer.headers["Allow"]


# --- framing --------------------------------------------------------------------------------------------------------


def test_bad_key_is_refused_before_the_body_is_sent(web):
    answer = web.raw(web.head(f"Content-Length: {MAX_BODY_BYTES}", key="ll_" + "0" * 48))
    assert answer.status == 401


def test_body_announced_too_large_is_refused_before_it_is_sent(web):
    assert web.raw(web.head(f"Content-Length: {MAX_BODY_BYTES + 1}")).status == 413


def test_body_without_any_length_is_refused(web):
    answer = web.raw(web.head())
    assert (answer.status, json.loads(answer.body)["code"]) == (411, "length_required")


@pytest.mark.parametrize(
    ("framing", "sent"),
    [
        (f"Content-Length: {len(BATCH) + 1}", BATCH),
        (f"Content-Length: {len(BATCH)}", BATCH[:-1]),
        ("Transfer-Encoding: chunked", b"%x\r\n" % len(BATCH) + BATCH[:-1]),
        ("Transfer-Encoding: chunked", b"5\r\n" + BATCH[:5] + b"\r\n"),
        ("Transfer-Encoding: chunked", b"zz\r\n" + BATCH + b"\r\n0\r\n\r\n"),
    ],
)
def test_body_that_ends_early_is_not_kept(web, framing, sent):
    with contextlib.suppress(OSError, IndexError):  # hanging up is a fine answer too
        assert web.raw(web.head(framing, "Connection: close"), sent, hang_up=True).status == 400
    assert spooled() == []


@pytest.mark.parametrize(
    "framing",
    [
        ["Content-Length: 5", "Content-Length: 6"],
        ["Content-Length: 5, 6"],
        ["Content-Length: +5"],
        ["Content-Length: -5"],
        ["Content-Length: 0x5"],
        ["Transfer-Encoding: chunked, identity"],
        ["Transfer-Encoding: xchunked"],
    ],
)
def test_ambiguous_framing_smuggles_nothing(web, framing):
    smuggled = web.head(f"Content-Length: {len(BATCH)}") + BATCH
    with contextlib.suppress(OSError, IndexError):  # hanging up is a fine answer too
        assert web.raw(web.head(*framing), b"0\r\n\r\n" + smuggled, hang_up=True).status >= 400
    assert spooled() == []


def test_length_beside_chunks_does_not_hide_a_second_request(web):
    chunks = b"%x\r\n%b\r\n0\r\n\r\n" % (len(BATCH), BATCH)
    answer = web.raw(web.head("Content-Length: 5", "Transfer-Encoding: chunked", "Connection: close"), chunks)
    assert answer.status in (200, 400)
    assert spooled() == [LINE] * (answer.status == 200)


def test_body_is_asked_for_only_when_it_is_welcome(web):
    with web.connect() as connected, connected.makefile("rb") as stream:
        connected.sendall(web.head(f"Content-Length: {len(BATCH)}", "Expect: 100-continue"))
        assert stream.readline() == b"HTTP/1.1 100 Continue\r\n"
        connected.sendall(BATCH)
        assert stream.readline() == b"\r\n"
        assert stream.readline() == b"HTTP/1.1 200 OK\r\n"
    assert web.raw(web.head(f"Content-Length: {MAX_BODY_BYTES + 1}", "Expect: 100-continue")).status == 413


def test_endless_chunks_are_cut_off(web):
    piece = b"100000\r\n" + b" " * MEBIBYTE + b"\r\n"
    answer = web.raw(web.head("Transfer-Encoding: chunked"), piece * (MAX_BODY_BYTES // MEBIBYTE + 1))
    assert answer.status == 413


# --- memory in flight -----------------------------------------------------------------------------------------------


@contextlib.contextmanager
def admitted(web: Web, length: int) -> Iterator[None]:
    """Announce a body and send nothing of it: the server asks for it once it has let it in."""
    with web.connect() as slow, slow.makefile("rb") as stream:
        slow.sendall(web.head(f"Content-Length: {length}", "Expect: 100-continue"))
        assert stream.readline() == b"HTTP/1.1 100 Continue\r\n"
        yield


def test_large_bodies_beyond_the_budget_are_told_to_come_back(web: Web) -> None:
    _, other = make_api_key(make_organisation("other"))
    large = BATCH + b" " * (LARGE_BODY_BYTES + 1)
    with admitted(web, MAX_BODY_BYTES):
        answer = web.post(large, x_api_key=other)
        assert_problem(answer, 503, "overloaded")
        assert answer.headers["Retry-After"] == "1"
        assert web.post(BATCH, x_api_key=other).status_code == 200
    wait_until(lambda: web.post(large, x_api_key=other).status_code == 200, what="the budget's return")


def test_organisation_sends_one_large_body_at_a_time(web: Web) -> None:
    large = BATCH + b" " * (LARGE_BODY_BYTES + 1)
    with admitted(web, len(large)):
        assert_problem(web.post(large), 503, "overloaded")


def test_many_at_once_are_each_kept_or_refused(web):
    large = json.dumps({"logs": [LOG | {"metadata": {"k": "x" * 100_000}}] * 40}).encode()
    keys = [web.secret, *(make_api_key(make_organisation(f"o{n}"))[1] for n in range(5))]
    with ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(lambda key: web.post(large, x_api_key=key), keys))
    kept = [answer.json()["processed"] for answer in answers if answer.status_code == 200]
    assert {answer.status_code for answer in answers} <= {200, 503}
    assert kept
    assert len(spooled()) == sum(kept)
