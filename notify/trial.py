"""Send by hand: a try of a channel, at once, and a message of the log once more."""

from uuid import uuid4

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from notify.message import Fact, Message, to_document
from notify.metrics import DELIVERIES
from notify.models import MessageRecord, NoticeChannel, NoticeDelivery
from notify.sending import envelope, send

KIND = "test"


def try_out(channel: NoticeChannel, *, by: str) -> NoticeDelivery:
    """Send a test by `channel`, active or not, and return how it went. It takes some seconds where nobody answers.

    It is not tried again, and switches no channel off. Nothing is locked meanwhile.
    """
    now, name = timezone.now(), uuid4()
    message = Message(
        kind=KIND,
        title="A test of this channel",
        text="If you can read this, the channel works.",
        occurred_at=now,
        facts=(Fact(name="Channel", value=str(channel)), Fact(name="Sent by", value=by)),
    ).bounded()
    tried = send(channel.kind, envelope(channel, message, delivery_id=name.hex, sent_at=now))
    DELIVERIES.labels(channel.kind, "test_failed" if tried.error else "test_delivered").inc()
    with transaction.atomic():
        record = MessageRecord.objects.create(
            organisation_id=channel.organisation_id, key=f"test-{name}", kind=KIND, content=to_document(message)
        )
        return NoticeDelivery.objects.create(
            message=record,
            channel=channel,
            attempts=1,
            tried_at=now,
            delivered_at=None if tried.error else timezone.now(),
            ended=NoticeDelivery.Ended.GIVEN_UP if tried.error else "",
            last_error=tried.error,
            status=tried.status,
            duration_ms=tried.duration_ms,
            body=tried.body,
        )


def send_again(delivery: NoticeDelivery) -> NoticeDelivery:
    """Put a message on its way once more by the same channel, as a delivery of its own."""
    with transaction.atomic():
        NoticeChannel.objects.select_for_update(no_key=True).get(pk=delivery.channel_id)  # one at a time
        earlier = NoticeDelivery.objects.filter(message=delivery.message_id, channel=delivery.channel_id)
        last = earlier.aggregate(last=Max("repeat"))["last"]
        return NoticeDelivery.objects.create(
            message_id=delivery.message_id, channel_id=delivery.channel_id, repeat=last + 1
        )
