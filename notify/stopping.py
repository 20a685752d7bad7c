"""What becomes of a channel that its service refuses, and how its organisation learns of it: by its other channels."""

from datetime import datetime
from http import HTTPStatus

import structlog

from notify import outbox
from notify.message import Fact, Link, Message
from notify.models import NoticeChannel, NoticeDelivery
from notify.sending import Tried

log = structlog.get_logger(__name__)

#: There is nothing any more: the channel is switched off.
GONE = {HTTPStatus.NOT_FOUND, HTTPStatus.GONE}
#: No further try would be taken either.
FINAL = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, *GONE}


def tell(channel: NoticeChannel, result: Tried, *, now: datetime) -> None:
    """Switch off a channel that is gone; tell the organisation of one that is, or that lost a message, once a day."""
    is_gone = result.status in GONE
    if is_gone:
        _stop(channel, result)
    kind = "channel.stopped" if is_gone else "channel.failing"
    what = "was switched off" if is_gone else "does not deliver"
    message = Message(
        kind=kind,
        title=f"{channel} {what}: {result.error}",
        text="What was to go there stays in the log of deliveries, where it can be sent again. "
        + ("Give the channel a new address, and switch it on." if is_gone else "Look at its address and its service."),
        occurred_at=now,
        severity="error",
        facts=(Fact(name="Channel", value=str(channel)), Fact(name="Why", value=result.error)),
        links=(Link(label="Open the channel", url=f"/admin/notify/noticechannel/{channel.pk}/change/"),),
    )
    others = NoticeChannel.objects.filter(organisation=channel.organisation_id, is_active=True).exclude(pk=channel.pk)
    by = list(others.values_list("pk", flat=True))
    once = now.isoformat() if is_gone else now.date().isoformat()
    outbox.put(channel.organisation_id, message, by, key=f"{kind}-{channel.pk}-{once}")


def _stop(channel: NoticeChannel, result: Tried) -> None:
    """Switch it off; what waits for it will not be sent."""
    log.warning("channel_stopped", channel=channel.pk, kind=channel.kind, reason=result.error)
    NoticeChannel.objects.filter(pk=channel.pk).update(is_active=False, stopped_because=result.error)
    waiting = NoticeDelivery.objects.filter(channel=channel, delivered_at=None, ended="")
    waiting.update(ended=NoticeDelivery.Ended.REFUSED, last_error="the channel was switched off")
