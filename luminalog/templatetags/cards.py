"""Lists as cards on narrow screens: each cell of a row of Django's says which column it is of."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

register = template.Library()


@register.filter
def labelled(cells: Iterable[SafeString], headers: Iterable[Mapping[str, Any]]) -> Iterator[SafeString]:
    """Yield the cells of a row, each with its column's name as `data-label`; the box to tick has none."""
    names = [header["text"] for header in headers]
    for number, cell in enumerate(cells):
        name = str(names[number]) if number < len(names) else ""
        tag, rest = cell[:3], cell[3:]
        if tag in ("<td", "<th") and name and "<" not in name:
            yield mark_safe(format_html('{} data-label="{}"', mark_safe(tag), name.capitalize()) + rest)  # noqa: S308
        else:
            yield cell
