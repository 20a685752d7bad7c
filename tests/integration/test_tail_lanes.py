"""What one organisation's live tails cost delays that organisation: counted in steps of matching, not in seconds."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from threading import Thread
from typing import Any

import pytest
from django.db import connection, connections, transaction

from accounts.models import Organisation
from explore.query import parse
from explore.tail import lane
from explore.tail.hub import Hub
from explore.tail.listener import Event, Listener
from explore.tail.position import Position, Positions
from explore.tail.turns import SLICE_SECONDS, Turns
from foundation.postgres import execute, fetch_all
from storage import arrivals
from storage.arrivals import Window
from storage.wall import ALIAS
from tests.entries import line, store_batch
from tests.organisations import make_organisation
from tests.waiting import DEADLINE_SECONDS

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "reads"]),
    pytest.mark.usefixtures("empty_store"),
]

STEP_SECONDS = SLICE_SECONDS / 20
#: While PostgreSQL is waited for, others go on: many steps on a busy machine. Unfair turns take a hundred times more.
TRIES = 4


class Steps:
    """A clock by which every step takes as long as every other; it counts them, and acts in the midst of them."""

    def __init__(self) -> None:
        self.count = 0
        self.actions: dict[int, Callable[[], None]] = {}

    def __call__(self) -> float:
        self.count += 1
        if action := self.actions.pop(self.count, None):  # on a thread: the event loop asks for the time, too
            acting = Thread(target=action)
            acting.start()
            acting.join()
        return self.count * STEP_SECONDS


@pytest.fixture
def acme() -> Organisation:
    return make_organisation("acme")


@pytest.fixture
def rival() -> Organisation:
    return make_organisation("rival")


def in_hub(story: Callable[[Hub], Awaitable[Any]], *, clock: Callable[[], float]) -> Any:
    """Tell `story` to a hub of its own, and close what its thread has opened."""

    async def run() -> Any:
        hub = Hub(poll_seconds=0, turns=Turns(clock=clock))
        try:
            return await asyncio.wait_for(story(hub), DEADLINE_SECONDS)
        finally:
            hub.close()
            await hub.turns.run(0, connections.close_all)

    return asyncio.run(run())


def counted(story: Callable[[Hub, Steps], Awaitable[int]]) -> int:
    """Tell `story` to a hub of its own, by a clock of steps; return what it counted."""
    steps = Steps()
    took: int = in_hub(lambda hub: story(hub, steps), clock=steps)
    return took


async def joined(hub: Hub, organisation: Organisation, query: str = "") -> Listener:
    listener = Listener(owner=f"key {query}", organisation_id=organisation.pk, query=query, node=parse(query))
    await hub.join(listener)
    return listener


async def heard(listener: Listener) -> Event:
    """Return the next event with data."""
    event: Event = await listener.queue.get()
    while event.data is None:
        event = await listener.queue.get()
    return event


async def store(*batches: tuple[Organisation, list[dict[str, Any]]]) -> None:
    """Store all of these at once, in this order."""
    await asyncio.to_thread(store_here, *batches)


def store_here(*batches: tuple[Organisation, list[dict[str, Any]]]) -> None:
    with transaction.atomic():
        for organisation, entries in batches:
            store_batch(organisation, entries)
    connection.close()


def test_streams_of_one_organisation_delay_another_by_a_few_turns(acme: Organisation, rival: Organisation) -> None:
    """A hundred terms for each of twenty streams, and a batch of a hundred entries: 200,000 steps stand before one."""

    async def story(hub: Hub, steps: Steps) -> int:
        victim = await joined(hub, acme, "victim")
        for stream in range(20):
            await joined(hub, rival, " OR ".join(f"q{stream}x{term}" for term in range(100)))
        await store((rival, [line("x" * 100)] * 100), (acme, [line("victim")]))
        began = steps.count  # not before: the hub looks again and again while a disk takes its time for the commit
        assert "victim" in str((await heard(victim)).data)
        return steps.count - began

    assert any(counted(story) < 2_000 for _ in range(TRIES))


def test_who_falls_too_far_behind_is_told_and_goes_on_from_the_present(
    acme: Organisation, rival: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lane, "LONGEST_LAG_SECONDS", STEP_SECONDS * 5_000)
    query = " OR ".join(f"q{term}" for term in range(99)) + " OR found"

    async def story(hub: Hub) -> None:
        slow, other = await joined(hub, acme, query), await joined(hub, rival)
        await store((acme, [line("nothing")] * 200), (rival, [line("not late")]))
        assert "not late" in str((await heard(other)).data)
        skipped = await heard(slow)
        assert skipped.name == "notice"
        assert '"gap"' in str(skipped.data)
        assert skipped.id
        assert Positions(acme.pk).read(skipped.id)
        await store((acme, [line("found again")]))
        assert "found again" in str((await heard(slow)).data)

    in_hub(story, clock=Steps())


def test_queue_of_batches_is_bounded(acme: Organisation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lane, "MOST_BATCHES", 3)

    async def story(hub: Hub) -> None:
        listener = await joined(hub, acme)
        await store(*((acme, [line(str(number))]) for number in range(9)))
        while '"gap"' not in str((await heard(listener)).data):
            pass
        await store((acme, [line("later")]))
        assert "later" in str((await heard(listener)).data)

    in_hub(story, clock=Steps())


def test_resumed_tail_waits_for_its_organisation_s_turn_and_others_for_none_of_it(
    acme: Organisation, rival: Organisation
) -> None:
    async def catch_up(hub: Hub, since: Position, number: int) -> None:
        query = " OR ".join(f"r{number}x{term}" for term in range(100))
        listener = Listener(owner="key", organisation_id=rival.pk, query=query, node=parse(query))
        async for _ in hub.missed(listener, since=since, until=await hub.join(listener)):
            pass

    async def story(hub: Hub, steps: Steps) -> int:
        since = Position(at=datetime.now(UTC), seen=await hub.turns.run(0, arrivals.snapshot))
        victim = await joined(hub, acme)
        await store((rival, [line("x")] * 100))
        midst = steps.count + 10_000
        steps.actions[midst] = lambda: store_here((acme, [line("victim")]))
        resumed = [asyncio.create_task(catch_up(hub, since, number)) for number in range(20)]
        await heard(victim)
        took = steps.count - midst
        for task in resumed:
            task.cancel()
        await asyncio.gather(*resumed, return_exceptions=True)
        return took

    assert any(counted(story) < 2_000 for _ in range(TRIES))


@pytest.fixture
def old_receipts(acme: Organisation) -> None:
    """Leave what many batches of yesterday would have left, in the last 400 transactions."""
    [(now,)] = fetch_all("SELECT pg_current_xact_id()::text::bigint")
    execute(
        "INSERT INTO storage_receipt (batch_id, organisation_id, api_key_id, period, received_at, stored_at, entries,"
        " size_bytes, stored_xid) SELECT n, %s, 0, date_trunc('month', now()), now(), now() - interval '1 day', 1, 73,"
        " (%s - 1 - n %% 400)::text::xid8 FROM generate_series(1, 4000) n",
        [acme.pk, now],
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE storage_receipt")


def receipts_read(window: Window, organisation: Organisation) -> int:
    """Return how many receipts are looked at to find what is new in `window`."""
    counted = "SELECT idx_tup_fetch + seq_tup_read FROM pg_stat_xact_user_tables WHERE relname = 'storage_receipt'"
    with transaction.atomic(using=ALIAS), connections[ALIAS].cursor() as cursor:
        cursor.execute(counted)
        [[before]] = cursor.fetchall()
        left: Window | None = window
        while left:
            _, left = arrivals.of(left, organisations=[organisation.pk])
        cursor.execute(counted)
        [[after]] = cursor.fetchall()
    return int(after - before)


def test_past_costs_whoever_looks_for_what_is_new_nothing(acme: Organisation, old_receipts: None) -> None:
    """Nor does a transaction that has been running since before all of it: an index that is being built."""
    [(now,)] = fetch_all("SELECT pg_current_xact_id()::text::bigint")
    store_batch(acme, [line("new")])
    for seen in (f"{now}:{now}:", f"3:{now}:3"):
        window = Window(seen=seen, until=arrivals.snapshot())
        assert receipts_read(window, acme) < 10
        assert [one.entries for one in arrivals.of(window, organisations=[acme.pk])[0]] == [1]


def test_a_look_goes_through_so_many_transactions_and_no_more(
    acme: Organisation, old_receipts: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrivals, "XIDS_AT_ONCE", 50)
    [(now,)] = fetch_all("SELECT pg_current_xact_id()::text::bigint")
    since = datetime.now(UTC) - timedelta(minutes=15)
    first = Window(seen=f"{now - 400}:{now - 400}:", until=f"{now}:{now}:", since=since)
    found, left = arrivals.of(first, organisations=[acme.pk])
    assert found == []
    assert left
    assert left.stored_xid == now - 350
    assert receipts_read(first, acme) < 4_100
