"""A message as JSON for programs, signed as Standard Webhooks say (https://www.standardwebhooks.com), and as before."""

import hmac
from base64 import b64decode, b64encode
from hashlib import sha256
from typing import Any

from django.utils.crypto import salted_hmac

from notify.envelope import HEADERS, Envelope, Request, document, fitted
from notify.message import Message
from notify.models import NoticeChannel

PREFIX = "whsec_"
MOST_BYTES = 20_000


def request(envelope: Envelope) -> Request:
    """Return the signed POST of the message."""
    body = fitted(envelope.message, lambda message: _body(envelope, message), lambda built: len(built) <= MOST_BYTES)
    at, name = int(envelope.sent_at.timestamp()), f"msg_{envelope.delivery_id}"
    headers = {
        **HEADERS,
        "webhook-id": name,
        "webhook-timestamp": str(at),
        "webhook-signature": standard_signature(envelope.secret, name, body, at=at),
        "LuminaLog-Signature": signature(envelope.secret, body, at=at),
    }
    return Request(url=envelope.address, body=body, headers=headers)


def secret_of(channel: NoticeChannel) -> str:
    """Return the secret that a webhook's receiver checks signatures with; it is kept nowhere."""
    return PREFIX + salted_hmac("quotas.webhooks", channel.salt.hex, algorithm="sha256").hexdigest()


def standard_signature(secret: str, name: str, body: bytes, *, at: int) -> str:
    """Return `webhook-signature`: HMAC-SHA256 over id, time and body. 64 hex digits are the base64 of 48 bytes, too."""
    key = b64decode(secret.removeprefix(PREFIX))
    return "v1," + b64encode(hmac.new(key, f"{name}.{at}.".encode() + body, sha256).digest()).decode()


def signature(secret: str, body: bytes, *, at: int) -> str:
    """Return the value of `LuminaLog-Signature`: HMAC-SHA256 over the time stamp, a dot and the body."""
    digest = hmac.new(secret.encode(), f"{at}.".encode() + body, sha256).hexdigest()
    return f"t={at},v1={digest}"


def _body(envelope: Envelope, message: Message) -> bytes:
    data: dict[str, Any] = {
        "organisation": envelope.slug,
        "title": message.title,
        "text": message.text,
        "severity": message.severity,
        "state": message.state,
        "subject": message.subject,
        "facts": {fact.name: fact.value for fact in message.facts},
        "code": message.code,
        "links": [{"label": link.label, "url": link.url} for link in envelope.links(message)],
    }
    if message.items:
        data["items"] = [{"title": item.title, "url": envelope.absolute(item.url)} for item in message.items]
        data["more"] = message.more
    data = {name: value for name, value in data.items() if value} | dict(message.data)
    # What receivers of notices were sent before there were types stays where it was.
    older = {**message.data, "organisation": envelope.slug} if message.kind.startswith("notice.") else {}
    return document({"type": message.kind, "timestamp": message.occurred_at, "data": data, **older})
