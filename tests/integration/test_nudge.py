"""A nudge reaches the broker as the drain's task, though the spool knows it by its name only."""

from collections.abc import Callable
from typing import Any

import pytest
from celery import current_app

from accounts.caller import Caller
from ingest.spool.nudge import nudge
from ingest.tasks import drain
from tests.edges import Sender
from tests.waiting import DEADLINE_SECONDS


def published(act: Callable[[], object]) -> Any:
    """Return what the broker is told when somebody acts."""
    with current_app.connection_for_read() as connection:
        waiting = connection.SimpleQueue(current_app.conf.task_default_queue)
        waiting.clear()
        act()
        message = waiting.get(timeout=DEADLINE_SECONDS)
        message.ack()
        waiting.close()
    return message


def test_nudge_asks_for_the_drain() -> None:
    message = published(nudge)
    assert message.headers["task"] == drain.name
    assert bool(message.headers["ignore_result"])


@pytest.mark.django_db(transaction=True)
def test_core_is_nudged_when_an_edge_brings_batches(make_caller: Callable[..., Caller]) -> None:
    caller = make_caller()
    sender = Sender(caller)
    brought = sender.body(sender.carried(caller, "a"))
    assert published(lambda: sender.post(brought)).headers["task"] == drain.name
