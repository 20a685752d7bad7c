"""A message as a mail, in text and HTML; those of one subject are one thread (`References`, RFC 5322, 3.6.4)."""

import re
from email.utils import parseaddr
from hashlib import sha256

from django.conf import settings
from django.utils.html import escape

from notify.envelope import Envelope, Letter

SUBJECT = 200


def letter(envelope: Envelope) -> Letter:
    """Return the mail of the message."""
    message = envelope.message
    domain = re.sub(r"[^\w.-]", "", parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2]) or "localhost"
    headers = {"Message-ID": f"<luminalog-{envelope.delivery_id}@{domain}>", "Auto-Submitted": "auto-generated"}
    if message.subject:
        root = f"<luminalog-{sha256(envelope.thread.encode()).hexdigest()[:32]}@{domain}>"
        headers |= {"References": root, "In-Reply-To": root}
    subject = f"[LuminaLog] {envelope.organisation}: {message.title}"
    one_line = " ".join(subject.split())
    return Letter(
        to=envelope.address, subject=one_line[:SUBJECT], text=_text(envelope), html=_html(envelope), headers=headers
    )


def _text(envelope: Envelope) -> str:
    message = envelope.message
    parts = [message.title, message.text]
    items = [f"- {item.title} {envelope.absolute(item.url)}".rstrip() for item in message.items]
    parts.append("\n".join([*items, f"and {message.more} more"] if message.more else items))
    facts = [("Organisation", f"{envelope.organisation} ({envelope.slug})")]
    facts += [(fact.name, fact.value) for fact in message.facts]
    parts.append("\n".join(f"{name}: {value}" for name, value in facts))
    parts.append("\n".join(f"    {line}" for line in message.code.splitlines()))
    parts.append("\n".join(f"{link.label}: {link.url}" for link in envelope.links(message)))
    return "\n\n".join(part for part in parts if part) + "\n"


def _html(envelope: Envelope) -> str:
    message = envelope.message
    parts = [f"<h2>{escape(message.title)}</h2>"]
    parts += [f"<p>{escape(line)}</p>" for line in message.text.splitlines() if line.strip()]
    if message.items:
        lines = [_linked(item.title, envelope.absolute(item.url)) for item in message.items]
        lines += [f"and {message.more} more"] if message.more else []
        parts.append("<ul>" + "".join(f"<li>{line}</li>" for line in lines) + "</ul>")
    facts = [("Organisation", f"{envelope.organisation} ({envelope.slug})")]
    facts += [(fact.name, fact.value) for fact in message.facts]
    rows = "".join(f"<tr><th align=left>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in facts)
    parts.append(f"<table cellpadding=4>{rows}</table>")
    parts += [f"<pre>{escape(message.code)}</pre>"] if message.code else []
    parts += [f"<p>{_linked(link.label, link.url)}</p>" for link in envelope.links(message)]
    return f'<!doctype html><meta charset=utf-8><body dir="auto">{"".join(parts)}</body>'


def _linked(text: str, url: str) -> str:
    return f'<a href="{escape(url)}">{escape(text)}</a>' if url else str(escape(text))
