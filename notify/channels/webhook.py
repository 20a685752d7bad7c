"""A notice as JSON, signed, POSTed to an address that the organisation named."""

import hmac
import json
import time
from hashlib import sha256

from django.utils.crypto import salted_hmac

from notify import webhooks
from notify.models import NoticeChannel, NoticeDelivery


def send(delivery: NoticeDelivery) -> None:
    """POST the notice. Raises: `WebhookError`."""
    notice, channel = delivery.notice, delivery.channel
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
        "LuminaLog-Signature": signature(secret_of(channel), body),
    }
    webhooks.post(channel.address, body=body, headers=headers)


def secret_of(channel: NoticeChannel) -> str:
    """Return the secret that a webhook's receiver checks signatures with; it is kept nowhere."""
    return "whsec_" + salted_hmac("quotas.webhooks", channel.salt.hex, algorithm="sha256").hexdigest()


def signature(secret: str, body: bytes, *, at: int | None = None) -> str:
    """Return the value of `LuminaLog-Signature`: HMAC-SHA256 over the time stamp, a dot and the body."""
    at = int(time.time()) if at is None else at
    digest = hmac.new(secret.encode(), f"{at}.".encode() + body, sha256).hexdigest()
    return f"t={at},v1={digest}"
