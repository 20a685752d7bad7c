"""A message for a workflow of Microsoft Teams that posts what it receives: an Adaptive Card, of at most 20,000 bytes.

Texts are runs, in which Teams reads no Markdown: https://adaptivecards.io/explorer/TextRun.html.
"""

from typing import Any

from notify.envelope import Envelope, Request, document, escaped, fitted
from notify.message import Message

MOST_BYTES, LINES, ACTIONS = 20_000, 40, 6
COLOURS = {
    "debug": "default", "info": "accent", "warn": "warning", "error": "attention", "fatal": "attention",
    "panic": "attention",
}  # fmt: skip


def request(envelope: Envelope) -> Request:
    """Return the POST of the message."""
    body = fitted(envelope.message, lambda message: _body(envelope, message), lambda built: len(built) <= MOST_BYTES)
    return Request(url=envelope.address, body=body)


def _body(envelope: Envelope, message: Message) -> bytes:
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "msteams": {"width": "Full"},
        "body": _blocks(envelope, message),
        "actions": [
            {"type": "Action.OpenUrl", "title": escaped(link.label, 80), "url": link.url}
            for link in envelope.links(message)[:ACTIONS]
        ],
    }
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return document({"type": "message", "attachments": [attachment]})


def _blocks(envelope: Envelope, message: Message) -> list[dict[str, Any]]:
    colour = "good" if message.state == "closes" else COLOURS[message.severity]
    blocks = [_block(_run(message.title, size="large", weight="bolder", color=colour))]
    blocks += [_block(_run(line)) for line in message.text.splitlines()[:LINES] if line.strip()]
    for item in message.items:
        url = envelope.absolute(item.url)
        opens = {"selectAction": {"type": "Action.OpenUrl", "url": url}} if url else {}
        blocks.append(_block(_run("• "), _run(item.title, **opens)))
    if message.more:
        blocks.append(_block(_run(f"and {message.more} more")))
    blocks += [_block(_run(f"{fact.name}: ", weight="bolder"), _run(fact.value)) for fact in message.facts]
    code = message.code.splitlines()[:LINES]
    blocks += [_block(_run(line, fontType="monospace", size="small"), spacing="none") for line in code if line.strip()]
    return [*blocks, _block(_run(f"LuminaLog · {envelope.organisation}", isSubtle=True, size="small"))]


def _block(*runs: dict[str, Any], **options: Any) -> dict[str, Any]:
    return {"type": "RichTextBlock", "inlines": list(runs), **options}


def _run(text: str, **options: Any) -> dict[str, Any]:
    return {"type": "TextRun", "text": text or "–", **options}
