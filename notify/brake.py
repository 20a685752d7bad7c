"""The storm brake: so many messages an hour by a channel, then one that tells how many were held back.

What is held back stays in the log, and can be sent again from there.
"""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Count, Min, Q, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from notify import outbox
from notify.message import Fact, Link, Message
from notify.metrics import DELIVERIES
from notify.models import MessageRecord, NoticeChannel, NoticeDelivery

HOUR = timedelta(hours=1)
#: Messages an hour by one channel; and to one e-mail address by all channels of all organisations.
OF_A_CHANNEL, OF_AN_ADDRESS = 30, 60
#: What tells of channels is seldom, and passes.
KIND, PASSES = "channel.held_back", ("channel.held_back", "channel.stopped", "channel.failing")


def is_on(channel: NoticeChannel) -> bool:
    """Tell whether all has gone by `channel` that may go within an hour."""
    sent = NoticeDelivery.objects.filter(delivered_at__gt=timezone.now() - HOUR, lead=None)
    if sent.filter(channel=channel).count() >= OF_A_CHANNEL:
        return True
    if channel.kind != NoticeChannel.Kind.EMAIL:
        return False
    return sent.filter(channel__kind=channel.kind, channel__address__iexact=channel.address).count() >= OF_AN_ADDRESS


def hold(channel: NoticeChannel, due: QuerySet[NoticeDelivery]) -> None:
    """Hold back what is due, but for what passes: an incident of PagerDuty that nobody ends would stay."""
    passes = Q(message__kind__in=PASSES) | Q(repeat__gt=0)  # what tells of channels, and what somebody sends again
    if channel.kind == NoticeChannel.Kind.PAGERDUTY:
        passes |= Q(message__content__state="closes")
    ids = [one.pk for one in due.select_related(None).exclude(passes).only("pk")]
    held = NoticeDelivery.objects.filter(pk__in=ids).update(ended=NoticeDelivery.Ended.HELD, tried_at=Now())
    DELIVERIES.labels(channel.kind, NoticeDelivery.Ended.HELD).inc(held)


def tell_what_was_held() -> None:
    """Put one message by each channel that has held back anything for an hour, and has not told of it."""
    untold = NoticeDelivery.objects.filter(ended=NoticeDelivery.Ended.HELD, lead=None, channel__is_active=True)
    found = untold.values("channel").annotate(held=Count("pk"), since=Min("tried_at"), first=Min("pk"))
    for one in found.filter(since__lt=timezone.now() - HOUR).order_by("channel"):
        with transaction.atomic():
            channel = NoticeChannel.objects.get(pk=one["channel"])
            _tell(channel, first=one["first"], held=one["held"], since=one["since"])


def _tell(channel: NoticeChannel, *, first: int, held: int, since: datetime) -> None:
    key = f"held-back-{first}"
    where = f"/admin/notify/noticedelivery/?ended__exact=held&channel__id__exact={channel.pk}"
    message = Message(
        kind=KIND,
        title=f"Held back: {held}",
        text=f"{held} messages were not sent by {channel}: no more than {OF_A_CHANNEL} are within an hour.",
        occurred_at=timezone.now(),
        severity="warn",
        facts=(Fact(name="Since", value=f"{since:%Y-%m-%d %H:%M} UTC"),),
        links=(Link(label="What was held back", url=where),),
    )
    outbox.put(channel.organisation_id, message, [channel.pk], key=key)
    record = MessageRecord.objects.filter(organisation=channel.organisation_id, key=key)
    lead = NoticeDelivery.objects.filter(message__in=record, channel=channel).first()
    untold = NoticeDelivery.objects.filter(channel=channel, ended=NoticeDelivery.Ended.HELD, lead=None)
    untold.update(lead=lead)
