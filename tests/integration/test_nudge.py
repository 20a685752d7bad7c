"""A nudge reaches the broker as the drain's task, though the spool knows it by its name only."""

from celery import current_app

from ingest.spool.nudge import nudge
from ingest.tasks import drain


def test_nudge_asks_for_the_drain() -> None:
    with current_app.connection_for_read() as connection:
        waiting = connection.SimpleQueue(current_app.conf.task_default_queue)
        waiting.clear()
        nudge()
        message = waiting.get(timeout=20)
        message.ack()
        waiting.close()
    assert message.headers["task"] == drain.name
    assert bool(message.headers["ignore_result"])
