"""Notices: raised once a period from the usage rows, delivered by e-mail and webhook with retries."""

import json
from datetime import timedelta
from smtplib import SMTPException

import structlog
from django.conf import settings
from django.core.mail import send_mail
from django.db import connection, transaction
from django.db.models.functions import Now
from django.utils import timezone

from quotas import webhooks
from quotas.models import NoticeChannel, NoticeDelivery
from quotas.webhooks import WebhookError

log = structlog.get_logger(__name__)

MAX_ATTEMPTS = 8
FIRST_PAUSE = timedelta(minutes=1)

#: A batch is taken whole or not at all, so a month may be used up a few bytes short of its limit.
RAISE = """
WITH month AS (SELECT date_trunc('month', now(), 'UTC') AS began, date_trunc('day', now(), 'UTC') AS today),
raised AS (
    INSERT INTO quotas_notice (organisation_id, kind, period)
    SELECT limits.organisation_id, 'quota_80', (month.began AT TIME ZONE 'UTC')::date
      FROM month CROSS JOIN quotas_limits AS limits
      JOIN quotas_monthlyusage AS usage USING (organisation_id)
     WHERE usage.period = (month.began AT TIME ZONE 'UTC')::date
       AND limits.monthly_bytes > 0 AND usage.used_bytes >= 0.8 * limits.monthly_bytes
    UNION ALL
    SELECT DISTINCT hourly.organisation_id, 'quota_100', (month.began AT TIME ZONE 'UTC')::date
      FROM month JOIN quotas_hourlyusage AS hourly ON hourly.hour >= month.began
     WHERE hourly.outcome = 'quota_exhausted'
    UNION ALL
    SELECT DISTINCT hourly.organisation_id, 'refused', (month.today AT TIME ZONE 'UTC')::date
      FROM month JOIN quotas_hourlyusage AS hourly ON hourly.hour >= month.today
     WHERE hourly.outcome IN ('quota_exhausted', 'rate_limited')
        ON CONFLICT (organisation_id, kind, period) DO NOTHING
    RETURNING id, organisation_id
), sent AS (
    INSERT INTO quotas_noticedelivery (notice_id, channel_id)
    SELECT raised.id, channel.id
      FROM raised JOIN quotas_noticechannel AS channel USING (organisation_id)
     WHERE channel.is_active
    RETURNING id
)
SELECT (SELECT count(*) FROM raised), (SELECT count(*) FROM sent)
"""


def raise_due() -> int:
    """Raise the notices that are due, each with a delivery a channel; return how many."""
    with connection.cursor() as cursor:
        cursor.execute(RAISE)
        raised, deliveries = cursor.fetchone()
    if raised:
        log.info("notices_raised", notices=raised, deliveries=deliveries)
    return int(raised)


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
            _send(delivery)
        except (WebhookError, OSError, SMTPException) as error:
            _postpone(delivery, error)
        else:
            NoticeDelivery.objects.filter(pk=delivery.pk).update(delivered_at=Now(), last_error="")
        return True


def _send(delivery: NoticeDelivery) -> None:
    notice, channel = delivery.notice, delivery.channel
    if channel.kind == NoticeChannel.Kind.EMAIL:
        subject = f"[LuminaLog] {notice.organisation}: {notice}"
        send_mail(subject, _letter(delivery), settings.DEFAULT_FROM_EMAIL, [channel.address])
        return
    body = json.dumps(
        {
            "id": notice.pk,
            "kind": notice.kind,
            "organisation": notice.organisation.slug,
            "period": notice.period.isoformat(),
            "title": str(notice),
            "created_at": notice.created_at.isoformat(),
        }
    ).encode()
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "LuminaLog",
        "LuminaLog-Signature": webhooks.signature(webhooks.secret_of(channel), body),
    }
    webhooks.post(channel.address, body=body, headers=headers)


def _letter(delivery: NoticeDelivery) -> str:
    notice = delivery.notice
    return (
        f"{notice} ({notice.period.isoformat()}, UTC).\n\n"
        f"Organisation: {notice.organisation} ({notice.organisation.slug})\n"
        "What was used, and by which key, is on the organisation's usage page and at GET /v1/usage.\n"
    )


def _postpone(delivery: NoticeDelivery, error: Exception) -> None:
    """Try again after twice the pause. The text of errors other than ours may hold what it should not."""
    reason = str(error) if isinstance(error, WebhookError) else type(error).__name__
    log.warning("notice_not_delivered", delivery=delivery.pk, attempts=delivery.attempts + 1, reason=reason)
    NoticeDelivery.objects.filter(pk=delivery.pk).update(
        attempts=delivery.attempts + 1,
        not_before=timezone.now() + FIRST_PAUSE * 2**delivery.attempts,
        last_error=reason[:200],
    )
