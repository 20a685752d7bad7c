"""Deliver what is due: a message a channel at a time, several channels at once, again after pauses that grow.

A message is sent at least once: who dies between sending and writing that down sends it again.
"""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec
import structlog
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from foundation.alone import alone
from foundation.postgres import array_of, fetch_all
from notify import brake, stopping
from notify.message import from_document, together
from notify.metrics import DELIVERIES
from notify.models import NoticeChannel, NoticeDelivery
from notify.sending import Tried, envelope, send

log = structlog.get_logger(__name__)

MAX_ATTEMPTS = 8
FIRST_PAUSE = timedelta(minutes=1)
#: The longest that a service may ask us to wait.
LONGEST_PAUSE = timedelta(hours=1)
#: Channels that are sent to at the same time: one that is slow delays so many by eight seconds, and no more.
AT_ONCE = 16
#: Messages that are told of as one.
MOST_TOGETHER = 1_000
#: How long a channel rests after a message, by what the services allow.
RESTS: dict[str, timedelta] = {
    NoticeChannel.Kind.SLACK: timedelta(seconds=1),
    NoticeChannel.Kind.TEAMS: timedelta(seconds=0.25),
}
#: Each message of these is an event of its own, for programs that count them.
NEVER_TOGETHER: set[str] = {NoticeChannel.Kind.PAGERDUTY}

LOCK = "notify.deliver"
#: Channels with something to be sent now, those first that have failed least and waited longest.
DUE_CHANNELS = f"""
SELECT channel.id
  FROM quotas_noticedelivery AS delivery JOIN quotas_noticechannel AS channel ON channel.id = delivery.channel_id
 WHERE delivery.delivered_at IS NULL AND delivery.ended = '' AND delivery.message_id IS NOT NULL
   AND delivery.not_before <= statement_timestamp()
   AND channel.is_active AND coalesce(channel.rests_until <= statement_timestamp(), true)
   AND channel.id <> ALL (%(passed_over)s::bigint[])
 GROUP BY channel.id
 ORDER BY min(delivery.attempts), min(delivery.not_before), channel.id
 LIMIT {AT_ONCE}
"""  # noqa: S608 - a constant


@dataclass(frozen=True, kw_only=True)
class Job:
    """What is sent by one channel now: the first of `deliveries`, which stands for those that come with it."""

    channel: NoticeChannel
    deliveries: list[NoticeDelivery]

    @property
    def lead(self) -> NoticeDelivery:
        """The delivery that is sent."""
        return self.deliveries[0]


def deliver(*, limit: int = 100, budget_seconds: float = 10.0) -> int:
    """Try the deliveries that are due, at most about `limit` messages; return how many were tried.

    One process at a time does. Another batch is begun within the budget only.
    """
    tried, passed_over, deadline = 0, set[int](), time.monotonic() + budget_seconds
    with alone(LOCK) as is_alone:
        if not is_alone:
            return 0
        brake.tell_what_was_held()
        while tried < limit and time.monotonic() < deadline:
            channels = _due_channels(passed_over)
            if not channels:
                break
            tried += _deliver_by(channels, passed_over)
    return tried


def _due_channels(passed_over: set[int]) -> list[int]:
    return [pk for (pk,) in fetch_all(DUE_CHANNELS, {"passed_over": array_of(sorted(passed_over))})]


def _deliver_by(channels: list[int], passed_over: set[int]) -> int:
    """Send a message by each of `channels`, all at once; the rows stay locked meanwhile, so that nobody else sends.

    Channels that have nothing to send after all, or failed, are passed over from then on.
    """
    with transaction.atomic():
        found = NoticeChannel.objects.filter(pk__in=channels).select_related("organisation").order_by("pk")
        jobs = [job for channel in found if (job := _job(channel))]
        passed_over |= set(channels) - {job.channel.pk for job in jobs}
        if not jobs:
            return 0
        now = timezone.now()
        with ThreadPoolExecutor(len(jobs), "deliver") as threads:
            results = list(threads.map(lambda job: _sent(job, now), jobs))
        for job, result in zip(jobs, results, strict=True):
            _note(job, result, now)
            if result.error:
                passed_over.add(job.channel.pk)
    return len(jobs)


def _waiting(channel: NoticeChannel) -> QuerySet[NoticeDelivery]:
    """Return what is due by `channel`. Of one subject nothing overtakes: an end before its beginning ends nothing."""
    on_the_way = NoticeDelivery.objects.filter(channel=channel, delivered_at=None, ended="", message__isnull=False)
    earlier = on_the_way.filter(pk__lt=OuterRef("pk"), message__subject=OuterRef("message__subject"))
    due = on_the_way.filter(not_before__lte=Now()).exclude(~Q(message__subject="") & Exists(earlier))
    return due.order_by("attempts", "not_before", "pk")


def _job(channel: NoticeChannel) -> Job | None:
    """Lock what is sent by `channel` now; hold back what would be too much."""
    due = _waiting(channel).select_for_update(skip_locked=True, of=("self",)).select_related("message")
    if brake.is_on(channel):
        brake.hold(channel, due)
    lead = due.first()
    if lead is None or lead.message is None:
        return None
    mates: list[NoticeDelivery] = []
    if lead.message.together and channel.kind not in NEVER_TOGETHER:
        mates = list(due.filter(message__together=lead.message.together).exclude(pk=lead.pk)[: MOST_TOGETHER - 1])
    return Job(channel=channel, deliveries=[lead, *mates])


def _sent(job: Job, now: datetime) -> Tried:
    try:
        messages = [from_document(one.message.content) for one in job.deliveries if one.message]
    except msgspec.ValidationError:  # something that was erased stood in the wrong place
        return Tried(error="the message cannot be read")
    given = envelope(job.channel, together(messages), delivery_id=str(job.lead.pk), sent_at=now)
    return send(job.channel.kind, given)


def _note(job: Job, result: Tried, now: datetime) -> None:
    """Write down how it went, the same of all that came with the lead; what was sent, of the lead alone."""
    attempts = job.lead.attempts + 1
    end = _end(result, attempts) if result.error else ""
    known = {"attempts": attempts, "tried_at": now, "status": result.status, "last_error": result.error, "ended": end}
    if result.error:
        log.warning("message_not_delivered", delivery=job.lead.pk, attempts=attempts, reason=result.error)
        known["not_before"] = now + _pause(result, attempts)
    else:
        known["delivered_at"] = timezone.now()
    NoticeDelivery.objects.filter(pk__in=[one.pk for one in job.deliveries]).update(**known)
    NoticeDelivery.objects.filter(pk=job.lead.pk).update(body=result.body, duration_ms=result.duration_ms)
    if not result.error:
        NoticeDelivery.objects.filter(pk__in=[one.pk for one in job.deliveries[1:]]).update(lead=job.lead)
    DELIVERIES.labels(job.channel.kind, end or ("failed" if result.error else "delivered")).inc()
    _rest(job.channel, result, now)
    if end:
        stopping.tell(job.channel, result, now=now)


def _pause(result: Tried, attempts: int) -> timedelta:
    """Return what the service asked for; where that is little again and again, more, so that no tries are wasted."""
    pause = FIRST_PAUSE * int(2 ** (attempts - 1))
    if not result.retry_after_seconds:
        return pause
    least = timedelta(0) if attempts == 1 else pause / 16
    return max(min(timedelta(seconds=result.retry_after_seconds), LONGEST_PAUSE), least)


def _end(result: Tried, attempts: int) -> str:
    if result.status in stopping.FINAL:
        return NoticeDelivery.Ended.REFUSED
    return NoticeDelivery.Ended.GIVEN_UP if attempts >= MAX_ATTEMPTS else ""


def _rest(channel: NoticeChannel, result: Tried, now: datetime) -> None:
    """Have a channel rest for as long as its service wants, whatever else is to go there."""
    pause = RESTS.get(channel.kind)
    if result.retry_after_seconds:
        pause = _pause(result, 1)
    if pause:
        NoticeChannel.objects.filter(pk=channel.pk).update(rests_until=now + pause)
