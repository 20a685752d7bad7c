"""A message as an event of PagerDuty (https://developer.pagerduty.com, Events API v2): it opens or ends an incident.

The channel's address is the integration's routing key; where events go is the operator's setting.
"""

from typing import Any

from django.conf import settings

from notify.envelope import AGENT, Envelope, Request, document, escaped, fitted
from notify.message import Message

SUMMARY, DEDUP_KEY, MOST_BYTES = 1_024, 255, 100_000
SEVERITIES = {
    "debug": "info", "info": "info", "warn": "warning", "error": "error", "fatal": "critical", "panic": "critical",
}  # fmt: skip


def request(envelope: Envelope) -> Request:
    """Return the POST of the event. A message of no state opens an incident, which people end."""
    body = fitted(envelope.message, lambda message: _event(envelope, message), lambda built: len(built) <= MOST_BYTES)
    return Request(url=settings.PAGERDUTY_URL, body=body, secret=envelope.address)


def _event(envelope: Envelope, message: Message) -> bytes:
    details: dict[str, Any] = {fact.name: fact.value for fact in message.facts}
    details |= {name: text for name, text in (("text", message.text), ("code", message.code)) if text}
    event = {
        "routing_key": envelope.address,
        "event_action": "resolve" if message.state == "closes" else "trigger",
        "dedup_key": escaped(envelope.thread, DEDUP_KEY),
        "payload": {
            "summary": escaped(message.title, SUMMARY),
            "source": f"luminalog/{envelope.slug}",
            "severity": SEVERITIES[message.severity],
            "timestamp": message.occurred_at.isoformat(),
            "class": message.kind,
            "group": envelope.organisation,
            "custom_details": details,
        },
        "client": AGENT,
        "links": [{"href": link.url, "text": link.label} for link in envelope.links(message)],
    }
    return document(event)
