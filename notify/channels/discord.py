"""A message for a webhook of Discord: one embed, which mentions nobody but the role that the channel names.

Limits: https://discord.com/developers/docs/resources/message#embed-object-embed-limits.
"""

import re
from typing import Any

from notify.envelope import Envelope, Request, document, escaped, fitted, units
from notify.message import Message

#: Marks of Discord's Markdown, among them those that hide a link behind words.
ESCAPES = {ord(mark): f"\\{mark}" for mark in "\\*_~`|>[]()#<@"}
IN_LINKS = {ord("("): "%28", ord(")"): "%29"}
TITLE, DESCRIPTION, FIELDS, NAME, VALUE, FOOTER, ALL = 256, 4_096, 25, 256, 1_024, 2_048, 6_000
COLOURS = {
    "debug": 0x828DA0, "info": 0x276DE8, "warn": 0xD27600, "error": 0xB3221D, "fatal": 0x640F3C, "panic": 0x38079A,
}  # fmt: skip
WELL = 0x2F8F4E
#: Characters of a value that has others beside it.
SHORT = 40


def request(envelope: Envelope) -> Request:
    """Return the POST of the message."""
    embed = fitted(envelope.message, lambda message: _embed(envelope, message), _is_fit)
    content: dict[str, Any] = {"embeds": [embed], "allowed_mentions": {"parse": []}}
    if envelope.mention:
        content["content"] = f"<@&{envelope.mention}>"
        content["allowed_mentions"]["roles"] = [envelope.mention]
    return Request(url=envelope.address, body=document(content))


def _embed(envelope: Envelope, message: Message) -> dict[str, Any]:
    fields = [
        {"name": _filled(fact.name, NAME), "value": _filled(fact.value, VALUE), "inline": len(fact.value) <= SHORT}
        for fact in message.facts[:FIELDS]
    ]
    return {
        "title": escaped(message.title, TITLE, ESCAPES),
        "description": _description(envelope, message),
        "color": WELL if message.state == "closes" else COLOURS[message.severity],
        "fields": fields,
        "footer": {"text": escaped(f"LuminaLog · {envelope.organisation}", FOOTER)},
        "timestamp": message.occurred_at.isoformat(),
    }


def _description(envelope: Envelope, message: Message) -> str:
    """Return what stands below the title."""
    parts = [escaped(message.text, 1_500, ESCAPES)] if message.text else []
    lines = [_item(item.title, envelope.absolute(item.url)) for item in message.items]
    parts += [part for part in ("\n".join(lines), f"and {message.more} more" if message.more else "") if part]
    if message.code:
        parts.append(f"```\n{escaped(re.sub('`{3,}', 'ˋˋˋ', message.code), 1_200)}\n```")
    links = [
        f"[{escaped(link.label, 80, ESCAPES)}](<{link.url.translate(IN_LINKS)}>)" for link in envelope.links(message)
    ]
    if links:
        parts.append(" · ".join(links))
    return "\n".join(parts)


def _item(title: str, url: str) -> str:
    words = escaped(title, 100, ESCAPES)
    return f"- [{words}](<{url.translate(IN_LINKS)}>)" if url else f"- {words}"


def _filled(text: str, at_most: int) -> str:
    """Return a text that is not empty, which Discord would refuse."""
    return escaped(text, at_most, ESCAPES).strip() or "–"


def _is_fit(embed: dict[str, Any]) -> bool:
    fields = sum(units(one["name"]) + units(one["value"]) for one in embed["fields"])
    size = units(embed["title"]) + units(embed["description"]) + units(embed["footer"]["text"]) + fields
    return size <= ALL and units(embed["description"]) <= DESCRIPTION
