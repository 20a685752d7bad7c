"""The web process over bare sockets: callers who take their time cost it no thread, and those too slow are cut off."""

import contextlib
import json
import select
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from http.client import HTTPResponse, IncompleteRead

import pytest
import requests
from django.db import transaction
from django.utils import timezone

from explore.export import EXPORTS_PER_ORGANISATION
from foundation.postgres import execute
from ingest.models import SpooledBatch
from quotas.models import HourlyUsage
from tests.entries import store_entries
from tests.integration.web_server import Web, web_server
from tests.organisations import make_api_key, make_organisation
from tests.processes import forget_most_resident, resident_bytes
from tests.waiting import DEADLINE_SECONDS, wait_until

pytestmark = pytest.mark.django_db(transaction=True)

BATCH = json.dumps({"logs": [{"timestamp": "2026-01-26T14:30:00Z", "level": "info", "message": "slow"}]}).encode()
STEP_SECONDS, READ_SECONDS = 2, 5
SLOW_CALLERS = 30
LARGE_BYTES = 2**20
CHUNKED = "Transfer-Encoding: chunked"


def _batch(entries: int) -> bytes:
    entry = {"timestamp": "2026-01-26T14:30:00Z", "level": "info", "message": "m", "metadata": {"text": "x" * 90_000}}
    return json.dumps({"logs": [entry] * entries}).encode()


#: One that waits for its end on the event loop, and one that a thread has to read.
LARGE_BATCH, LARGEST_BATCH = _batch(2), _batch(100)


@pytest.fixture(scope="module")
def server(django_db_setup: None) -> Iterator[Web]:
    """Start the web server as the runner does, with less patience."""
    with web_server(LUMINALOG_BODY_STEP_SECONDS=STEP_SECONDS, LUMINALOG_READ_TIMEOUT_SECONDS=READ_SECONDS) as server:
        yield server


@pytest.fixture(scope="module")
def patient_server(django_db_setup: None) -> Iterator[Web]:
    """Start it with more patience than any test takes."""
    with web_server(LUMINALOG_BODY_STEP_SECONDS=10 * DEADLINE_SECONDS) as server:
        yield server


@pytest.fixture
def secret() -> str:
    return make_api_key(make_organisation("acme"))[1]


@pytest.fixture
def web(server: Web, secret: str) -> Web:
    return replace(server, secret=secret)


@pytest.fixture
def patient_web(patient_server: Web, secret: str) -> Web:
    return replace(patient_server, secret=secret)


@contextlib.contextmanager
def slow_callers(web: Web, framing: str, *, count: int = SLOW_CALLERS) -> Iterator[list[socket.socket]]:
    """Open more requests than there are threads, each with one byte of its body sent."""
    with ExitStack() as stack:
        callers = []
        for _ in range(count):
            caller = stack.enter_context(web.connect())
            caller.sendall(web.head(framing) + b"1")
            callers.append(caller)
        yield callers


def status_of(caller: socket.socket) -> int:
    """Return the status of the answer on this connection."""
    return int(caller.recv(65536).split()[1])


@pytest.mark.parametrize("length", [len(BATCH), LARGE_BYTES])
def test_slow_callers_keep_nobody_waiting(patient_web: Web, length: int) -> None:
    with slow_callers(patient_web, f"Content-Length: {length}") as callers:
        wait_until(lambda: all(map(patient_web.has_read, callers)), what="a server that has begun with all of them")
        assert patient_web.post(BATCH).status_code == 200
        assert select.select(callers, [], [], 0)[0] == []  # they are still waited for


@pytest.mark.parametrize("sender", ["stranger", "stranger with a key elsewhere", "stranger with a bad key", "customer"])
def test_slow_senders_of_large_bodies_keep_no_other_large_body_waiting(patient_web: Web, sender: str) -> None:
    """Of each framing they are more than there are threads for large bodies, and stay until the end."""
    key = patient_web.secret if sender == "customer" else "ll_" + "0" * 48
    framings = [f"Content-Length: {LARGE_BYTES}", "Content-Length: 100000000", CHUNKED]
    heads = [patient_web.head(framing, key=key) for framing in framings]
    if sender == "stranger":
        heads = [head.replace(b"x-api-key", b"x-no-key") for head in heads]
    if sender == "stranger with a key elsewhere":
        heads = [head.replace(b"/v1/logs", b"/admin/login/") for head in heads]
    _, other = make_api_key(make_organisation("other"))
    with ExitStack() as stack:
        for number in range(SLOW_CALLERS):
            stack.enter_context(patient_web.connect()).sendall(heads[number % len(heads)] + b"1")
        for body in (LARGE_BATCH, iter([LARGE_BATCH]), LARGEST_BATCH):
            assert patient_web.post(body, x_api_key=other).status_code == 200


def test_body_without_a_key_in_the_header_may_not_be_large(patient_web: Web) -> None:
    body = json.dumps({"logs": json.loads(LARGEST_BATCH)["logs"], "api_key": patient_web.secret}).encode()
    for sent in (body, iter([body])):
        with contextlib.suppress(requests.ConnectionError):  # who does not listen meanwhile misses the answer
            assert patient_web.post(sent, x_api_key=None).json()["code"] == "body_too_large"
    assert not SpooledBatch.objects.exists()
    small = json.dumps({"logs": json.loads(LARGE_BATCH)["logs"], "api_key": patient_web.secret}).encode()
    for sent in (small, iter([small])):
        assert patient_web.post(sent, x_api_key=None).status_code == 200


@pytest.mark.parametrize("framing", [f"Content-Length: {len(BATCH)}", CHUNKED])
def test_caller_who_is_too_slow_is_told_so_and_nothing_is_kept(web, framing):
    answer = web.raw(web.head(framing), b"1")
    assert (answer.status, json.loads(answer.body)["code"]) == (408, "request_timeout")
    assert not SpooledBatch.objects.exists()


def test_slow_small_bodies_are_all_cut_off_at_the_same_time(web):
    def seconds_until_all_are_cut_off(count: int) -> float:
        began = time.monotonic()
        with slow_callers(web, f"Content-Length: {len(BATCH)}", count=count) as callers:
            assert {status_of(caller) for caller in callers} == {408}
        return time.monotonic() - began

    assert seconds_until_all_are_cut_off(SLOW_CALLERS) < SLOW_CALLERS / 3 * seconds_until_all_are_cut_off(1)


def test_body_in_pieces_with_pauses_is_kept(patient_web: Web) -> None:
    with patient_web.connect() as caller:
        caller.sendall(patient_web.head(f"Content-Length: {len(BATCH)}"))
        for start in range(0, len(BATCH), 40):
            caller.sendall(BATCH[start : start + 40])
            wait_until(lambda: patient_web.has_read(caller), what="a server that waits for the next piece")
        assert status_of(caller) == 200
    assert SpooledBatch.objects.get().entries == 1


@pytest.mark.parametrize("name", ["x_api_key", "X_API_KEY"])
def test_header_with_an_underscore_is_not_there(patient_web, name):
    head = patient_web.head(f"Content-Length: {len(BATCH)}").replace(b"x-api-key", name.encode())
    answer = patient_web.raw(head, BATCH)
    assert (answer.status, json.loads(answer.body)["code"]) == (401, "missing_api_key")


def test_header_that_is_no_ascii_is_not_taken_for_a_missing_one(patient_web):
    answer = patient_web.raw(patient_web.head(f"Content-Length: {len(BATCH)}", "Idempotency-Key: \xe9"), BATCH)
    assert (answer.status, json.loads(answer.body)["code"]) == (400, "invalid_idempotency_key")


def test_path_and_query_may_be_any_utf8(patient_web):
    for target in ("/é", "/%C3%A9", "/v1/logs/search?query=é", "/v1/logs/search?query=%C3%A9%FF"):
        request = f"GET {target} HTTP/1.1\r\nHost: localhost\r\nx-api-key: {patient_web.secret}\r\n\r\n"
        assert patient_web.raw(request.encode()).status in (200, 400, 404)


def test_absolute_target_names_the_host(patient_web):
    request = "GET http://elsewhere.example/docs HTTP/1.1\r\nHost: localhost\r\n\r\n"
    assert patient_web.raw(request.encode()).status == 400


@pytest.mark.parametrize("host", ["10.1.2.3:8000", "[2001:db8::7]", "pod-7.internal", "no host at all"])
@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_health_is_told_by_whatever_name_it_is_asked(patient_web, path, host):
    assert patient_web.raw(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()).status == 200
    assert patient_web.raw(f"GET /docs HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()).status == 400


def test_health_is_told_without_any_name_and_to_head(patient_web):
    for path in ("/healthz", "/readyz"):
        assert patient_web.raw(f"GET {path} HTTP/1.0\r\n\r\n".encode()).status == 200
        head = patient_web.raw(f"HEAD {path} HTTP/1.1\r\nHost: 10.0.0.1\r\nConnection: close\r\n\r\n".encode())
        assert (head.status, head.body) == (200, b"")


@pytest.mark.parametrize("charset", ["charset=hex", "charset=nonsense", "charset*=nonsense''%41", "charset*=hex''%41"])
def test_charset_that_there_is_not_is_refused_and_does_not_change_the_address(patient_web, charset):
    sent = patient_web.post(BATCH, Content_Type=f"application/json; {charset}")
    assert (sent.status_code, sent.json()["code"]) == (415, "unsupported_media_type")
    headers = {"x_api_key": patient_web.secret, "Content_Type": f"text/plain; {charset}"}
    read = patient_web.get("/v1/logs?query=caf%C3%A9", **headers)
    assert read.status_code == 200


def test_head_of_an_export_reads_nothing_and_holds_nothing(patient_web):
    for _ in range(2 * EXPORTS_PER_ORGANISATION + 1):
        request = f"HEAD /v1/logs/export HTTP/1.1\r\nHost: localhost\r\nx-api-key: {patient_web.secret}\r\n\r\n"
        answer = patient_web.raw(request.encode())
        assert (answer.status, answer.headers["content-type"], answer.body) == (200, "application/x-ndjson", b"")


def test_callers_who_leave_in_the_middle_of_an_export_hold_nothing(web):
    organisation = make_organisation("exporter")
    _, secret = make_api_key(organisation)
    store_entries([{"message": "x" * 50_000, "timestamp": timezone.now()}] * 400, organisation_id=organisation.id)
    request = f"GET /v1/logs/export HTTP/1.1\r\nHost: localhost\r\nx-api-key: {secret}\r\n\r\n".encode()

    def leave_in_the_middle() -> int:
        with web.connect() as caller:
            caller.sendall(request)
            return status_of(caller)

    for _ in range(2 * EXPORTS_PER_ORGANISATION):
        wait_until(lambda: leave_in_the_middle() == 200, what="a place that is given back")
    wait_until(lambda: web.get("/v1/logs/export", x_api_key=secret).status_code == 200, what="the last place")
    exported = web.get("/v1/logs/export", x_api_key=secret)
    assert len(exported.content.splitlines()) == 400


@pytest.fixture
def exporter() -> str:
    """The key of an organisation with 60 MB of entries."""
    organisation = make_organisation("exporter")
    store_entries([{"message": "x" * 60_000, "timestamp": timezone.now()}] * 1_000, organisation_id=organisation.id)
    return make_api_key(organisation)[1]


def asking(path: str, secret: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\nx-api-key: {secret}\r\n\r\n".encode()


def test_unread_export_stays_in_the_store_and_waits_for_its_reader(patient_web, exporter):
    def read_whole() -> None:
        assert patient_web.get("/v1/logs/export", x_api_key=exporter).content.count(b"\n") == 1_000

    read_whole()  # what is loaded at the first request is not an export's
    before = resident_bytes(patient_web.pid)
    with patient_web.connect(receives_bytes=4096) as unread:
        unread.sendall(asking("/v1/logs/export", exporter))
        assert unread.recv(13, socket.MSG_PEEK | socket.MSG_WAITALL).endswith(b"200 ")
        read_whole()  # as much as the unread one would take by then
        assert resident_bytes(patient_web.pid) - before < 32 * 2**20
        body = HTTPResponse(unread)
        body.begin()
        assert body.read().count(b"\n") == 1_000


def test_export_that_breaks_off_does_not_look_whole(web, exporter):
    with web.connect(receives_bytes=4096) as caller:
        caller.sendall(asking("/v1/logs/export", exporter))
        assert caller.recv(13, socket.MSG_PEEK | socket.MSG_WAITALL).endswith(b"200 ")
        with transaction.atomic():
            execute("LOCK TABLE storage_entry")
            body = HTTPResponse(caller)
            body.begin()
            with pytest.raises((IncompleteRead, ConnectionError)):
                body.read()


@pytest.fixture
def dense_reader() -> str:
    """The key of an organisation with pages of entries that are many times as large once they are parsed."""
    organisation = make_organisation("dense")
    entry = {"metadata": {"l": [[]] * 32_000}, "timestamp": timezone.now(), "size_bytes": 96_000}
    store_entries([entry] * 30, organisation_id=organisation.id)
    return make_api_key(organisation)[1]


def test_readers_of_dense_entries_at_once_take_little_memory(patient_web, dense_reader):
    def read_page(_: int) -> int:
        answer = patient_web.get("/v1/logs?limit=1000", x_api_key=dense_reader)
        assert answer.status_code == 200
        return len(answer.content)

    read_page(0)  # what is loaded at the first request is not a page's
    forget_most_resident(patient_web.pid)
    before = resident_bytes(patient_web.pid)
    with ThreadPoolExecutor(3) as readers:
        assert all(1_900_000 < size < 2_200_000 for size in readers.map(read_page, range(9)))
    assert resident_bytes(patient_web.pid, at_most=True) - before < 64 * 2**20


def test_refusals_and_last_use_are_written_by_the_process_itself_even_as_it_ends() -> None:
    organisation = make_organisation("acme")
    api_key, secret = make_api_key(organisation)
    with web_server() as server:
        assert replace(server, secret=secret).post(b"no JSON").status_code == 400
    api_key.refresh_from_db()
    assert api_key.last_used_at is not None
    assert HourlyUsage.objects.get(organisation=organisation, outcome="malformed_json").requests == 1
