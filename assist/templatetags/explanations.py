"""Evidence in templates: the card of a group's page, and how times, shares and series are shown."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django import template
from django.utils import timezone

from accounts.models import Organisation
from assist.evidence import FRESH, kept_of
from assist.evidence_page import shown
from issues.listing import Summary
from issues.shown import explorer

register = template.Library()

#: Of a series: the width of a step, and the height of most.
BAR, HEIGHT = 3, 40
#: What can be written into a query as it is. The release of an entry may be its version, or another field.
_NAME, _VALUE = re.compile(r"[A-Za-z_][\w.-]*"), re.compile(r'[^"\\\x00-\x1f]{1,100}')
_NO_FIELD = ("release", "span")
_AROUND = timedelta(minutes=1)


@register.inclusion_tag("admin/assist/card.html", takes_context=True)
def evidence_card(context: Mapping[str, Any], organisation: Organisation, group: Summary) -> dict[str, Any]:
    """Return what a group's page shows of its evidence at once: what was gathered last, if anything was."""
    found = kept_of(organisation.pk, group)
    user = context["request"].user
    return {
        **({} if found is None else shown(found, user)),
        "organisation": organisation,
        "number": group.number,
        "perms": context.get("perms"),
        "is_fresh": found is not None and found.is_complete and timezone.now() - found.made_at < FRESH,
        "csrf_token": context.get("csrf_token"),
    }


@register.filter
def moment(text: str) -> datetime:
    """Return the time that an API's text means."""
    return datetime.fromisoformat(text)


@register.filter
def series_path(events: Sequence[int]) -> str:
    """Return the path of an SVG: a bar a step, `BAR` wide, the highest `HEIGHT`; what there is at all is seen."""
    most = max([*events, 1])
    heights = [max(2, round(HEIGHT * count / most)) if count else 0 for count in events]
    return "".join(f"M{BAR * n + 1} {HEIGHT}v-{height}" for n, height in enumerate(heights) if height)


@register.filter
def series_width(events: Sequence[int]) -> int:
    """Return how wide that is."""
    return BAR * len(events)


@register.filter
def in_words(events: Sequence[int]) -> str:
    """Say what a series shows."""
    return f"{sum(events):,} events in {len(events) * 15 // 60} hours, at most {max([*events, 0]):,} in 15 minutes"


@register.simple_tag
def entries_with(
    organisation: Organisation, number: int, finding: Mapping[str, Any], evidence: Mapping[str, Any]
) -> str:
    """Return where the explorer shows a group's entries that say so; "" where no query can ask for them."""
    name, value = finding["name"], finding["value"]
    if name in _NO_FIELD or not _NAME.fullmatch(name) or (value is not None and not _VALUE.fullmatch(value)):
        return ""
    term = f"-{name}:*" if value is None else f'{name}:"{value}"'
    return explorer(
        {
            "organisation": organisation.slug,
            "query": f"group:{number} {term}",
            "from": evidence["from"],
            "to": evidence["to"],
        }
    )


@register.simple_tag
def entry_in_explorer(organisation: Organisation, line: Mapping[str, Any]) -> str:
    """Return where the explorer shows an entry."""
    at = datetime.fromisoformat(line["at"])
    return explorer(
        {
            "organisation": organisation.slug,
            "from": (at - _AROUND).isoformat(),
            "to": (at + _AROUND).isoformat(),
            "entry": line["entry"],
        }
    )
