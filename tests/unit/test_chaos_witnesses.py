"""The witnesses of `make chaos`: what a journal proves, and when a COMMIT is seen on the wire."""

import struct

import pytest

from tests.chaos.edge_share_scenarios import A_MINUTE, BURST, Bound, Taken, beyond
from tests.chaos.journal import Answer, JournalledBatch
from tests.chaos.wire import ACCEPT_MARKS, Commits

OK = Answer(status=200)
SILENCE = Answer(status=None)
AWAY = Answer(status=503, code="storage_unavailable")
BUSY = Answer(status=503, code="overloaded")
SPENT = Answer(status=429, code="quota_exhausted")
LIMITED = Answer(status=429, code="too_many_requests")
STARTUP = struct.pack("!ii", 8, 196_608)


def batch(*answers: Answer, key: str | None = None, attempts: int = 0, is_503_final: bool = False) -> JournalledBatch:
    return JournalledBatch(
        name="b",
        organisation_id=1,
        idempotency_key=key,
        digests=[],
        size_bytes=0,
        is_valid=True,
        is_503_final=is_503_final,
        attempts=attempts or len(answers),
        answers=list(answers),
    )


@pytest.mark.parametrize(
    ("witness", "is_in_doubt"),
    [
        (batch(OK), False),
        (batch(SILENCE, OK), False),
        (batch(SILENCE), True),
        (batch(attempts=1), True),  # the client died before it heard
        (batch(SPENT), False),
        (batch(BUSY), False),
        (batch(AWAY), True),
        (batch(AWAY, is_503_final=True), False),
        (batch(SILENCE, SPENT), True),  # without a key the second attempt says nothing of the first
        (batch(SILENCE, SPENT, key="k"), False),
        (batch(SPENT, SILENCE, key="k"), True),
        (batch(SILENCE, LIMITED, key="k"), True),  # said before the key is looked up
        (batch(SILENCE, LIMITED, SPENT, key="k"), False),
        (batch(LIMITED, key="k"), False),
        (batch(LIMITED), False),
    ],
)
def test_a_batch_is_in_doubt_only_while_no_answer_settles_it(witness: JournalledBatch, is_in_doubt: bool) -> None:
    assert witness.is_in_doubt == is_in_doubt


def message(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!i", len(body) + 4) + body


PARSE = message(b"P", b"s1\0" + b" ".join(ACCEPT_MARKS) + b"\0\0\0")
BIND = message(b"B", b"\0s1\0")
READY, READY_IN_TRANSACTION = message(b"Z", b"I"), message(b"Z", b"T")


def test_an_accept_statement_by_itself_is_a_commit_and_within_a_transaction_is_none() -> None:
    commits = Commits()
    assert not commits.sees_commit(STARTUP + PARSE)
    assert commits.sees_commit(BIND)
    assert commits.sees_answer(READY_IN_TRANSACTION)
    assert not commits.sees_commit(BIND)
    assert commits.sees_commit(message(b"Q", b"COMMIT\0"))


def test_messages_are_seen_however_they_are_cut_into_chunks() -> None:
    commits, sent = Commits(), STARTUP + PARSE + BIND
    seen = [commits.sees_commit(sent[place : place + 1]) for place in range(len(sent))]
    assert seen == [False] * (len(sent) - 1) + [True]
    assert [commits.sees_answer(READY[place : place + 1]) for place in range(len(READY))][-1]


def test_another_statement_is_no_commit() -> None:
    commits = Commits()
    other = message(b"P", b"s2\0SELECT 1\0\0\0") + message(b"B", b"\0s2\0") + message(b"Q", b"SELECT 1\0")
    assert not commits.sees_commit(STARTUP + other)


@pytest.mark.parametrize(
    ("more", "later", "is_beyond"),
    [(0, 0.0, False), (1, 0.0, True), (1, 60 / A_MINUTE, False), (2, 60 / A_MINUTE, True), (2, 120 / A_MINUTE, False)],
)
def test_what_is_taken_is_held_against_the_limit_in_every_stretch_of_time(
    more: int, later: float, is_beyond: bool
) -> None:
    burst = [Taken(sent_at=100.0, answered_at=100.001)] * BURST
    taken = [*burst, *[Taken(sent_at=100.0 + later, answered_at=100.001 + later)] * more]
    assert (beyond(taken, Bound()) > 0) is is_beyond
    assert beyond(taken, Bound(cut_at=99.0, a_second=2.0)) <= 0
    assert beyond(taken, Bound(fallbacks=2)) <= 0


def test_a_request_that_took_long_counts_in_no_stretch_that_it_was_longer_than() -> None:
    late = [Taken(sent_at=100.0, answered_at=200.0)] * (BURST + 1)
    assert beyond([*late, *[Taken(sent_at=150.0, answered_at=150.0)] * BURST], Bound()) <= 0
