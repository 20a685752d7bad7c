"""A notice as a letter, by Django's mail settings."""

from django.conf import settings
from django.core.mail import send_mail

from notify.models import NoticeDelivery


def send(delivery: NoticeDelivery) -> None:
    """Send the letter. Raises: `OSError`, `SMTPException`."""
    notice = delivery.notice
    subject = f"[LuminaLog] {notice.organisation}: {notice}"
    send_mail(subject, _letter(delivery), settings.DEFAULT_FROM_EMAIL, [delivery.channel.address])


def _letter(delivery: NoticeDelivery) -> str:
    notice = delivery.notice
    return (
        f"{notice} ({notice.period.isoformat()}, UTC).\n\n"
        f"Organisation: {notice.organisation} ({notice.organisation.slug})\n"
        "What was used, and by which key, is on the organisation's usage page and at GET /v1/usage.\n"
    )
