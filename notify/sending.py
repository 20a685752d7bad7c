"""Send what a channel has written, and tell how that went. Knows no rows: several may be sent at once, on threads."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from smtplib import SMTPException

import structlog
from django.conf import settings

from notify import mail, webhooks
from notify.channels import discord, email, pagerduty, slack, teams, webhook
from notify.envelope import Envelope, Letter, Request
from notify.message import Message
from notify.models import NoticeChannel
from notify.webhooks import WebhookError

log = structlog.get_logger(__name__)

Kind = NoticeChannel.Kind
#: What is sent to each kind of channel.
WRITERS: dict[str, Callable[[Envelope], Request | Letter]] = {
    Kind.EMAIL: email.letter,
    Kind.SLACK: slack.request,
    Kind.DISCORD: discord.request,
    Kind.TEAMS: teams.request,
    Kind.PAGERDUTY: pagerduty.request,
    Kind.WEBHOOK: webhook.request,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Tried:
    """How a try went: `error` is empty when it went well, and never holds an address, or what others wrote."""

    error: str = ""
    status: int | None = None
    retry_after_seconds: float | None = None
    duration_ms: int = 0
    body: str = ""


def send(kind: str, envelope: Envelope) -> Tried:
    """Write the message for a kind of channel, send it, and return how that went."""
    began, body = time.monotonic(), ""
    try:
        written = WRITERS[kind](envelope)
        body = written.shown
        status = None
        if isinstance(written, Letter):
            _mail(written)
        else:
            status = webhooks.post(written.url, body=written.body, headers=written.headers)
    except WebhookError as error:
        return Tried(
            error=str(error)[:200], status=error.status, retry_after_seconds=error.retry_after_seconds,
            duration_ms=_since(began), body=body,
        )  # fmt: skip
    except (OSError, SMTPException) as error:
        return Tried(error=type(error).__name__, duration_ms=_since(began), body=body)
    except Exception as error:  # a bug of ours: others' messages go on, and this one is tried again like any other
        log.exception("message_not_written", kind=kind, delivery=envelope.delivery_id)
        return Tried(error=type(error).__name__, duration_ms=_since(began), body=body)
    return Tried(status=status, duration_ms=_since(began), body=body)


def envelope(channel: NoticeChannel, message: Message, *, delivery_id: str, sent_at: datetime) -> Envelope:
    """Return a message as it goes to a channel: of its organisation, with its secrets."""
    return Envelope(
        message=message,
        organisation=str(channel.organisation),
        slug=channel.organisation.slug,
        delivery_id=delivery_id,
        sent_at=sent_at,
        address=channel.address,
        mention=channel.mention,
        secret=webhook.secret_of(channel),
        home=settings.PUBLIC_URL,
    )


def _mail(letter: Letter) -> None:
    if mail.reaches_nobody():
        raise WebhookError("EMAIL_URL is not set")
    mail.send(letter)


def _since(began: float) -> int:
    return round((time.monotonic() - began) * 1_000)
