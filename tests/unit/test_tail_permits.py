"""Nothing is sent to a tail whose bearer was last found good too long ago, whatever is late."""

import asyncio
from collections.abc import Collection
from typing import Any

import pytest

from explore.tail.application import _send_permitted, _until_over
from explore.tail.bearers import Bearer, KeyBearer
from explore.tail.permits import ASK_SECONDS, GOOD_SECONDS, Permits
from foundation.refusals import Refusal

LONGEST_SECONDS = 10.0  # docs/keys.md: a revoked key is refused everywhere within
ADA, EVE = KeyBearer(b"ada", "192.0.2.1"), KeyBearer(b"eve", "192.0.2.1")


class Office:
    """Knows who was revoked; asking takes as long as it says."""

    def __init__(self) -> None:
        self.now, self.takes_seconds = 0.0, 0.0
        self.revoked: set[Bearer] = set()
        self.permits = Permits(ask=self.ask, clock=lambda: self.now)

    def ask(self, bearers: Collection[Bearer]) -> dict[Bearer, Refusal]:
        found: dict[Bearer, Refusal] = {one: Refusal("invalid_api_key") for one in bearers if one in self.revoked}
        self.now += self.takes_seconds
        return found


@pytest.fixture
def office() -> Office:
    return Office()


def test_chain_of_times_is_shorter_than_the_promise() -> None:
    assert ASK_SECONDS < GOOD_SECONDS < LONGEST_SECONDS


def test_permit_is_good_from_when_it_was_asked_for_and_not_from_the_answer(office: Office) -> None:
    async def run() -> None:
        permit = office.permits.add(ADA, asked_at=0.0)
        office.takes_seconds = 5.0
        await office.permits.ask()
        office.now = GOOD_SECONDS - 0.1
        assert permit.is_good
        office.now = GOOD_SECONDS
        assert not permit.is_good

    asyncio.run(run())


def test_late_asking_stops_the_sending_and_not_the_promise(office: Office) -> None:
    """What waits is sent when the bearer is found good again: here, after the store was away."""
    sent: list[bytes] = []

    async def send(message: Any) -> None:
        sent.append(message["body"])

    async def run() -> None:
        permit = office.permits.add(ADA, asked_at=0.0)
        await _send_permitted(b"one", permit, send)
        office.now = GOOD_SECONDS + 60
        waiting = asyncio.create_task(_send_permitted(b"two", permit, send))
        await asyncio.sleep(0)
        assert sent == [b"one"]
        await office.permits.ask()
        await waiting
        assert sent == [b"one", b"two"]

    asyncio.run(run())


def test_who_is_revoked_is_refused_at_the_next_asking_and_others_are_not(office: Office) -> None:
    async def run() -> None:
        ada, eve = office.permits.add(ADA, asked_at=0.0), office.permits.add(EVE, asked_at=0.0)
        office.revoked = {EVE}
        await office.permits.ask()
        assert ada.is_good
        assert not eve.is_good
        assert eve.refusal
        assert eve.refused.is_set()

    asyncio.run(run())


def test_stream_that_stands_in_a_write_ends_with_its_permit(office: Office) -> None:
    sent: list[bytes] = []

    async def send(message: Any) -> None:
        sent.append(message["body"])

    async def run() -> None:
        permit = office.permits.add(EVE, asked_at=0.0)
        over = asyncio.create_task(_until_over(asyncio.Event().wait(), asyncio.Event().wait, permit, send))  # type: ignore[arg-type]
        office.revoked = {EVE}
        await office.permits.ask()
        await over

    asyncio.run(run())
    assert b"invalid_api_key" in sent[0]
    assert sent[1] == b""
