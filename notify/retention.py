"""How long the log of deliveries remembers, and what no longer need be sent."""

from datetime import timedelta

from django.db.models import Q
from django.utils import timezone

from notify.models import MessageRecord, NoticeDelivery

KEPT_DAYS = 30
#: Who switches a channel on again does not want what should have gone there days ago.
TOO_LATE = timedelta(days=1)
#: Messages that go in one transaction.
AT_ONCE = 1_000


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
