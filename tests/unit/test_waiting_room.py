"""Room for bodies that arrive: bounded in all, bounded for each sender, and given back."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from luminalog.server.waiting_room import WaitingRoom

PATIENT, IMPATIENT = 60.0, 0.0


async def _enter(stack: AsyncExitStack, room: WaitingRoom, size_bytes: int, of: str, seconds: float = PATIENT) -> None:
    await stack.enter_async_context(room.room(size_bytes, of=of, patience_seconds=seconds))


def test_nobody_takes_more_than_a_share_and_others_find_room() -> None:
    async def scenario() -> None:
        room = WaitingRoom(100, share_bytes=40)
        async with AsyncExitStack() as stack:
            await _enter(stack, room, 30, "greedy")
            with pytest.raises(TimeoutError):
                await _enter(stack, room, 11, "greedy", IMPATIENT)
            await _enter(stack, room, 10, "greedy")
            await _enter(stack, room, 40, "other")
            with pytest.raises(TimeoutError):
                await _enter(stack, room, 21, "third", IMPATIENT)
            await _enter(stack, room, 20, "third")
        async with AsyncExitStack() as stack:
            for name in ("greedy", "other"):
                await _enter(stack, room, 40, name)

    asyncio.run(scenario())


def test_who_waits_comes_in_when_somebody_leaves() -> None:
    async def scenario() -> None:
        room = WaitingRoom(50, share_bytes=50)
        async with AsyncExitStack() as first, AsyncExitStack() as second:
            await _enter(first, room, 50, "first")
            waiting = asyncio.create_task(_enter(second, room, 20, "second"))
            await asyncio.sleep(0)
            assert not waiting.done()
            await first.aclose()
            await waiting

    asyncio.run(scenario())


def test_more_than_a_share_takes_the_share() -> None:
    async def scenario() -> None:
        room = WaitingRoom(100, share_bytes=40)
        async with AsyncExitStack() as stack:
            await _enter(stack, room, 1_000, "large")
            await _enter(stack, room, 40, "other")

    asyncio.run(scenario())
