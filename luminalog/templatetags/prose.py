"""The API description's prose as HTML: paragraphs, and what stands between backticks as code."""

import re

from django import template
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

register = template.Library()


@register.filter
def prose(text: str, kind: str = "") -> SafeString:
    """Write `text` with its code marked; in paragraphs, unless it is to stand `inline`."""
    written = re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text.strip()))
    if kind == "inline":
        return mark_safe(written)  # noqa: S308 - escaped above
    paragraphs = "".join(f"<p>{one}</p>" for one in re.split(r"\n\s*\n", written) if one)
    return mark_safe(paragraphs)  # noqa: S308 - escaped above
