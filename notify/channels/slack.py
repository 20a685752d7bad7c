"""A message for an incoming webhook of Slack: blocks, and a text for notifications.

Limits: https://docs.slack.dev/reference/block-kit/blocks; all in all 8,000 characters, well below what is refused.
"""

import re
from typing import Any

from notify.envelope import Envelope, Request, document, escaped, fitted, units
from notify.message import Message

#: What has a meaning in Slack's texts: without it no `<!channel>` calls anybody, and no `<url|text>` hides a link.
ESCAPES = {ord("&"): "&amp;", ord("<"): "&lt;", ord(">"): "&gt;"}
HEADER, SECTION, FIELD, FIELDS, LABEL, BUTTONS, ALL = 150, 3_000, 2_000, 10, 75, 5, 8_000


def request(envelope: Envelope) -> Request:
    """Return the POST of the message."""

    def build(message: Message) -> bytes:
        return document({"text": escaped(message.title, SECTION, ESCAPES), "blocks": _blocks(envelope, message)})

    body = fitted(envelope.message, build, lambda built: units(built.decode()) <= ALL)
    return Request(url=envelope.address, body=body)


def _blocks(envelope: Envelope, message: Message) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = [{"type": "header", "text": _plain(message.title, HEADER)}]
    if message.text:
        blocks.append({"type": "section", "text": _marked(escaped(message.text, SECTION, ESCAPES))})
    if message.items:
        blocks.append({"type": "section", "text": _marked(_items(envelope, message))})
    if message.facts:
        facts = [f"*{escaped(fact.name, 200, ESCAPES)}*\n{_value(fact.value)}" for fact in message.facts[:FIELDS]]
        blocks.append({"type": "section", "fields": [_marked(fact) for fact in facts]})
    if message.code:
        fenced = escaped(re.sub("`{3,}", "ˋˋˋ", message.code), SECTION - 8, ESCAPES)
        blocks.append({"type": "section", "text": _marked(f"```\n{fenced}\n```")})
    if links := envelope.links(message)[:BUTTONS]:
        buttons = [
            {"type": "button", "action_id": f"link-{at}", "text": _plain(link.label, LABEL), "url": link.url}
            for at, link in enumerate(links)
        ]
        blocks.append({"type": "actions", "elements": buttons})
    blocks.append({"type": "context", "elements": [_plain(f"LuminaLog · {envelope.organisation}", 300)]})
    return blocks


def _items(envelope: Envelope, message: Message) -> str:
    lines: list[str] = []
    for item in message.items:
        title, url = escaped(item.title, 100, ESCAPES), envelope.absolute(item.url).translate(ESCAPES)
        line = f"• <{url}|{title}>" if url else f"• {title}"
        if sum(map(units, lines)) + len(lines) + units(line) > SECTION - 50:
            break
        lines.append(line)
    more = message.more + len(message.items) - len(lines)
    return "\n".join([*lines, f"and {more} more"] if more else lines)


def _value(value: str) -> str:
    return escaped(value, FIELD - 250, ESCAPES).strip() or "–"


def _plain(text: str, at_most: int) -> dict[str, Any]:
    return {"type": "plain_text", "text": escaped(text, at_most, ESCAPES), "emoji": False}


def _marked(text: str) -> dict[str, Any]:
    """Return text with marks; `verbatim` keeps Slack from making links and mentions of what only looks like some."""
    return {"type": "mrkdwn", "text": text, "verbatim": True}
