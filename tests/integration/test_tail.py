"""Live tail over real HTTP, on the server that runs it in production."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from http.client import HTTPResponse

import pytest
import requests
from django.db import connection

from accounts import signed_in
from accounts.models import ApiKey, Organisation, User
from explore.tail import ticket
from explore.tail.backlog import QUEUE_BYTES
from explore.tail.places import STREAMS_AN_OWNER
from explore.tail.ticket import Ticket
from tests.entries import OpenTransaction, line, next_batch_id, store_batch
from tests.integration.tail_process import Reader, TailProcess, running_tail
from tests.organisations import make_api_key, make_organisation
from tests.processes import resident_bytes
from tests.sessions import sign_in
from tests.waiting import DEADLINE_SECONDS, wait_until

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "reads"]),
    pytest.mark.usefixtures("empty_store"),
]


@pytest.fixture(scope="module")
def tail(django_db_setup: None) -> Iterator[TailProcess]:
    with running_tail("tests.integration.patient_tail") as process:
        yield process


@pytest.fixture
def key() -> str:
    return make_api_key()[1]


@pytest.fixture
def organisation(key: str) -> Organisation:
    return Organisation.objects.get()


def test_new_entry_arrives(tail: TailProcess, key: str, organisation: Organisation) -> None:
    store_batch(organisation, [line("before")])
    with tail.listen(key) as reader:
        store_batch(organisation, [line("new", metadata={"userId": 7})])
        reader.wait_for_messages("new")
    entry = reader.events[-1].data
    assert entry["metadata"] == {"userId": 7}
    assert entry["id"].isdigit()
    assert isinstance(entry["id"], str)


def test_only_entries_that_match_arrive(tail: TailProcess, key: str, organisation: Organisation) -> None:
    with tail.listen(key, "level:error userId:7") as reader:
        store_batch(
            organisation,
            [
                line("too mild", metadata={"userId": 7}),
                line("wanted", level="error", metadata={"userId": 7}),
                line("another's", level="error", metadata={"userId": 8}),
                line("wanted too", level="error", metadata={"userId": 7}),
            ],
        )
        reader.wait_for_messages("wanted", "wanted too")


def test_another_organisation_hears_nothing(tail: TailProcess, key: str, organisation: Organisation) -> None:
    other_key = make_api_key(make_organisation("other"))[1]
    with tail.listen(key) as reader, tail.listen(other_key) as other:
        store_batch(organisation, [line("ours")])
        reader.wait_for_messages("ours")
        store_batch(Organisation.objects.get(slug="other"), [line("theirs")])
        other.wait_for_messages("theirs")
        store_batch(organisation, [line("ours again")])
        reader.wait_for_messages("ours", "ours again")
    assert other.messages == ["theirs"]


def test_first_transaction_that_commits_last_is_heard_once(
    tail: TailProcess, key: str, organisation: Organisation
) -> None:
    first, second = next_batch_id(), next_batch_id()
    with tail.listen(key) as reader:
        slow = OpenTransaction(organisation, "opened first", batch_id=first)
        store_batch(organisation, [line("opened second")], batch_id=second)
        reader.wait_for_messages("opened second")
        store_batch(organisation, [line("a poll later")])
        reader.wait_for_messages("opened second", "a poll later")
        slow.commit()
        reader.wait_for_messages("opened second", "a poll later", "opened first")
        store_batch(organisation, [line("the end")])
        reader.wait_for_messages("opened second", "a poll later", "opened first", "the end")


def test_long_transaction_of_somebody_else_does_not_hold_up_the_tail(
    tail: TailProcess, key: str, organisation: Organisation
) -> None:
    other = make_api_key(make_organisation("other"))[0].organisation
    with tail.listen(key) as reader:
        slow = OpenTransaction(other, "an index is being built", batch_id=next_batch_id())
        try:
            store_batch(organisation, [line("new")])
            reader.wait_for_messages("new")
        finally:
            slow.commit()


def test_resumed_tail_misses_and_doubles_nothing(tail: TailProcess, key: str, organisation: Organisation) -> None:
    with tail.listen(key) as reader:
        store_batch(organisation, [line("one"), line("two"), line("three")])
        reader.wait_for_messages("one", "two", "three")
    slow = OpenTransaction(organisation, "five", batch_id=next_batch_id())
    store_batch(organisation, [line("four")])
    after_two = next(event.id for event in reader.events if event.data.get("message") == "two")
    with tail.listen(key, last_event_id=after_two) as resumed:
        resumed.wait_for_messages("three", "four")
    slow.commit()
    with tail.listen(key, last_event_id=resumed.last_event_id) as again:
        again.wait_for_messages("five")
        store_batch(organisation, [line("six")])
        again.wait_for_messages("five", "six")


def test_new_process_resumes_where_the_old_one_died(key: str, organisation: Organisation) -> None:
    with running_tail() as first, first.listen(key) as reader:
        store_batch(organisation, [line("one")])
        reader.wait_for_messages("one")
    store_batch(organisation, [line("two")])
    with running_tail() as second, second.listen(key, last_event_id=reader.last_event_id) as resumed:
        resumed.wait_for_messages("two")


def test_tail_outlives_its_database_connection(tail: TailProcess, key: str, organisation: Organisation) -> None:
    with tail.listen(key) as reader:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            assert cursor.fetchall()
        store_batch(organisation, [line("after the cut")])
        reader.wait_for_messages("after the cut")


def test_twenty_first_tail_of_a_key_is_refused(tail: TailProcess, key: str) -> None:
    with ExitStack() as stack:
        for _ in range(20):
            stack.enter_context(tail.listen(key))
        with tail.get(headers={"x-api-key": key}) as response:
            assert response.status_code == 429
            assert response.json()["code"] == "too_many_streams"
            assert response.headers["Retry-After"] == "30"
    wait_until(lambda: _is_accepted(tail, key), what="a server that notices who has hung up")


def test_revoked_key_is_told_and_cut(tail: TailProcess, key: str) -> None:
    with tail.listen(key) as reader:
        ApiKey.objects.update(revoked_at="2026-01-01T00:00Z", revoked_reason="leaked")
        reader.wait_for(lambda reader: reader.ended)
    assert reader.events[-1].name == "notice"
    assert reader.events[-1].data["code"] == "invalid_api_key"


def test_reader_that_stands_still_is_cut_with_a_notice(tail: TailProcess, key: str, organisation: Organisation) -> None:
    with tail.get(headers={"x-api-key": key}) as response, tail.listen(key, "level:error") as other:
        assert response.status_code == 200
        for _ in range(20):
            store_batch(organisation, [line("x" * 9000) for _ in range(250)])  # 45 MB: no socket buffers that
        store_batch(organisation, [line("all are handed out", level="error")])
        other.wait_for_messages("all are handed out")
        reader = Reader(response)
        reader.wait_for(lambda reader: reader.ended)
    assert reader.events[-1].name == "notice"
    assert reader.events[-1].data["code"] == "too_slow"
    got = len(reader.messages)
    assert QUEUE_BYTES // 10_000 <= got < 5000
    with tail.listen(key, last_event_id=reader.last_event_id) as resumed:
        resumed.wait_for(lambda reader: len(reader.messages) == 5001 - got)


def test_unread_tail_holds_no_more_than_its_queue(tail: TailProcess, key: str, organisation: Organisation) -> None:
    """50 MB of entries match. Each has an emoji: as a text of Python it takes four bytes a character."""
    with ExitStack() as others:
        *_, other = [others.enter_context(tail.listen(key, "level:error")) for _ in range(STREAMS_AN_OWNER - 1)]
        store_batch(organisation, [line("read once", level="error")])
        other.wait_for_messages("read once")  # what is loaded with the first entry is not the unread one's
        before = resident_bytes(tail.pid)
        with tail.connect(key) as unread:
            assert unread.recv(13, socket.MSG_PEEK | socket.MSG_WAITALL).endswith(b"200 ")
            for number in range(10):
                entries = [line("x" * 10_000 + "\N{EVERGREEN TREE}")] * 500
                store_batch(organisation, [*entries, line(str(number), level="error")])
            other.wait_for_messages("read once", *map(str, range(10)))
            assert resident_bytes(tail.pid) - before < 32 * 2**20
            assert tail.get(headers={"x-api-key": key}).status_code == 429
            body = HTTPResponse(unread)
            body.begin()
            assert b'"code":"too_slow"' in body.read()[-1_000:]
        wait_until(lambda: _is_accepted(tail, key), what="the place of the tail that was cut")


@pytest.mark.parametrize(
    ("headers", "query", "status", "code"),
    [
        ({}, "", 401, "missing_api_key"),
        ({"x-api-key": "ll_" + "0" * 48}, "", 401, "invalid_api_key"),
        ({"x-api-key": "KEY"}, "level:loud", 400, "invalid_query"),
        ({"x-api-key": "KEY", "Last-Event-ID": "1; DROP TABLE"}, "", 400, "invalid_parameter"),
    ],
)
def test_bad_request_is_refused(
    tail: TailProcess, key: str, headers: dict[str, str], query: str, status: int, code: str
) -> None:
    sent = {name: value.replace("KEY", key) for name, value in headers.items()}
    with tail.get(params={"query": query}, headers=sent) as response:
        assert response.status_code == status
        assert response.headers["Content-Type"] == "application/problem+json"
        assert response.headers["X-Request-ID"]
        assert response.json()["code"] == code


def test_key_that_may_not_read_is_refused(tail: TailProcess) -> None:
    key = make_api_key(scopes=["ingest"])[1]
    with tail.get(headers={"x-api-key": key}) as response:
        assert response.status_code == 403


def test_other_addresses_and_methods_are_refused(tail: TailProcess, key: str) -> None:
    with tail.get("/v1/logs", headers={"x-api-key": key}) as response:
        assert response.status_code == 404
    assert requests.post(tail.url + "/v1/logs/tail", timeout=DEADLINE_SECONDS).status_code == 405


def test_plain_http_is_refused_outside_development(key: str) -> None:
    with (
        running_tail(LUMINALOG_DEVELOPMENT="0", ALLOWED_HOSTS="127.0.0.1") as strict,
        strict.get(headers={"x-api-key": key}) as response,
    ):
        assert response.status_code == 403
        assert response.json()["code"] == "https_required"


def test_ticket_opens_a_tail_for_the_explorer(tail: TailProcess, organisation: Organisation) -> None:
    user = User.objects.create_superuser("ada", password="x")
    text = ticket.issue(
        Ticket(
            user_id=user.pk,
            session=signed_in.digest(sign_in(user)),
            organisation_id=organisation.pk,
            query="level:error",
        )
    )
    with tail.get("/admin/explore/tail", params={"ticket": text}) as response:
        assert response.headers["Access-Control-Allow-Origin"] == "*"
        reader = Reader(response)
        reader.wait_for(lambda reader: bool(reader.events))
        store_batch(organisation, [line("no"), line("yes", level="error")])
        reader.wait_for_messages("yes")
        reader.hang_up()


def test_ticket_of_somebody_without_the_permission_is_refused(tail: TailProcess, organisation: Organisation) -> None:
    user = User.objects.create_user("eve", password="x", is_staff=True)
    text = ticket_of(user, organisation, query="")
    for given in (text, text + "x", ""):
        with tail.get("/admin/explore/tail", params={"ticket": given}) as response:
            assert response.status_code == 403


def ticket_of(user: User, organisation: Organisation, *, query: str = "") -> str:
    session = signed_in.digest(sign_in(user))
    return ticket.issue(Ticket(user_id=user.pk, session=session, organisation_id=organisation.pk, query=query))


def _is_accepted(tail: TailProcess, key: str) -> bool:
    with tail.get(headers={"x-api-key": key}) as response:
        return response.status_code == 200
