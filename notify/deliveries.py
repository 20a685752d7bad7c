"""Deliver what is due, each through its channel, again and again after pauses that grow."""

from collections.abc import Callable
from datetime import timedelta
from smtplib import SMTPException

import structlog
from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from notify.channels import email, webhook
from notify.models import NoticeChannel, NoticeDelivery
from notify.webhooks import WebhookError

log = structlog.get_logger(__name__)

MAX_ATTEMPTS = 8
FIRST_PAUSE = timedelta(minutes=1)

#: How each kind of channel is sent to.
SENDERS: dict[str, Callable[[NoticeDelivery], None]] = {
    NoticeChannel.Kind.EMAIL: email.send,
    NoticeChannel.Kind.WEBHOOK: webhook.send,
}


def deliver(*, limit: int = 100) -> int:
    """Try the deliveries that are due, at most `limit`; return how many were tried."""
    tried = 0
    while tried < limit and _deliver_one():
        tried += 1
    return tried


def _deliver_one() -> bool:
    """Try one delivery. Its row stays locked meanwhile, so that no other worker sends it too."""
    with transaction.atomic():
        due = NoticeDelivery.objects.filter(
            delivered_at=None, attempts__lt=MAX_ATTEMPTS, not_before__lte=Now(), channel__is_active=True
        )
        delivery = (
            due.select_for_update(skip_locked=True, of=("self",))
            .select_related("notice__organisation", "channel")
            .order_by("not_before")
            .first()
        )
        if delivery is None:
            return False
        try:
            SENDERS[delivery.channel.kind](delivery)
        except (WebhookError, OSError, SMTPException) as error:
            _postpone(delivery, error)
        else:
            NoticeDelivery.objects.filter(pk=delivery.pk).update(delivered_at=Now(), last_error="")
        return True


def _postpone(delivery: NoticeDelivery, error: Exception) -> None:
    """Try again after twice the pause. The text of errors other than ours may hold what it should not."""
    reason = str(error) if isinstance(error, WebhookError) else type(error).__name__
    log.warning("notice_not_delivered", delivery=delivery.pk, attempts=delivery.attempts + 1, reason=reason)
    NoticeDelivery.objects.filter(pk=delivery.pk).update(
        attempts=delivery.attempts + 1,
        not_before=timezone.now() + FIRST_PAUSE * 2**delivery.attempts,
        last_error=reason[:200],
    )
