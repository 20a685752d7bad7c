"""How long the log of deliveries remembers, what no longer need be sent, and what goes with an organisation."""

from datetime import timedelta

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from foundation import sweeping
from foundation.postgres import execute, fetch_all
from notify.models import MessageRecord, NoticeChannel, NoticeDelivery

KEPT_DAYS = 30
#: Who switches a channel on again does not want what should have gone there days ago.
TOO_LATE = timedelta(days=1)
#: Messages that go in one transaction.
AT_ONCE = 1_000
#: Of an organisation, in the one order of locks.
TO_HOLD = {"quotas_notice": "kind, period", "notify_message": "key"}
DELIVERIES = """
DELETE FROM quotas_noticedelivery
 WHERE message_id IN (SELECT id FROM notify_message WHERE organisation_id = %(owner)s)
    OR channel_id IN (SELECT id FROM quotas_noticechannel WHERE organisation_id = %(owner)s)
"""
#: A notice and its message come in one transaction, and go in one statement: nobody sees one without the other.
NOTICES = """
WITH messages AS (DELETE FROM notify_message WHERE organisation_id = %(owner)s RETURNING id),
     notices AS (DELETE FROM quotas_notice WHERE organisation_id = %(owner)s RETURNING id)
SELECT (SELECT count(*) FROM messages) + (SELECT count(*) FROM notices)
"""


def forget_old() -> int:
    """Delete messages that are older than `KEPT_DAYS`, with their deliveries; return how many.

    What waits for longer than a day is given up. Notices stay.
    """
    now = timezone.now()
    late = NoticeDelivery.objects.filter(
        delivered_at=None, ended="", message__isnull=False, not_before__lt=now - TOO_LATE
    )
    late.update(ended=NoticeDelivery.Ended.GIVEN_UP, last_error="it was too late")
    is_old = Q(created_at__lt=now - timedelta(days=KEPT_DAYS))
    forgotten = 0
    while ids := list(
        MessageRecord.objects.filter(is_old).order_by("created_at").values_list("pk", flat=True)[:AT_ONCE]
    ):
        MessageRecord.objects.filter(pk__in=ids).delete()
        forgotten += len(ids)
    return forgotten


def forget_organisation(organisation_id: int) -> int:
    """Delete what an organisation was told, and where; return how many rows that were."""
    channels = NoticeChannel.objects.filter(organisation_id=organisation_id)
    for pk in channels.values_list("pk", flat=True):
        _put_no_more(channels.filter(pk=pk))
    owner = {"owner": organisation_id}
    with transaction.atomic():
        sweeping.hold(organisation_id, TO_HOLD)
        gone = execute(DELIVERIES, owner)
        [(told,)] = fetch_all(NOTICES, owner)
        return gone + int(told) + sweeping.forget(organisation_id, ["quotas_noticechannel"])


@transaction.atomic
def _put_no_more(channel: QuerySet[NoticeChannel]) -> None:
    """Have nobody put anything on its way by a channel, and wait for those who do: nothing else is held meanwhile."""
    list(channel.select_for_update())
    channel.update(is_active=False)
