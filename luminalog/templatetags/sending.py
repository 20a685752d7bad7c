"""docs/send.md's paragraphs as HTML, and its blocks with the key marked; and all of it for a key that was just made."""

import re
from typing import Any

from django import template
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from accounts.life import IssuedKey
from luminalog.console.sending.page import Sending, sending

register = template.Library()
_LINK = re.compile(r"\[((?:`[^`]*`|[^\]])+)\]\([^)]*\)")


@register.simple_tag(takes_context=True)
def sending_with(context: dict[str, Any], issued: IssuedKey) -> Sending:
    """Return the guides for a key whose secret is shown on this page."""
    return sending(context["request"], issued.api_key, secret=issued.secret)


@register.filter
def words(text: str) -> SafeString:
    """Write a paragraph: code and emphasis are marked; of a link into the documents its words are left."""
    written = re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(_LINK.sub(r"\1", text)))
    written = re.sub(r"\*\*([^*]+)\*\*", r"<strong>\1</strong>", written)
    return mark_safe("".join(f"<p>{one}</p>" for one in _paragraphs(written)))  # noqa: S308 - escaped above


@register.filter
def block(text: str, placeholder: str) -> SafeString:
    """Write a block; what stands for the secret in it can be found by the page's script."""
    written: str = escape(text)
    if placeholder:
        written = written.replace(escape(placeholder), f"<span data-secret>{escape(placeholder)}</span>")
    return mark_safe(written)  # noqa: S308 - escaped above


def _paragraphs(written: str) -> list[str]:
    items = re.split(r"^- ", written, flags=re.MULTILINE)
    return [one.strip() for one in items if one.strip()]
