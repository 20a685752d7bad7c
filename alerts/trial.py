"""What the form of a rule shows of the rule as it stands there: what it would have found in the last 30 days."""

from typing import Any

from django.utils import timezone

from alerts import preview
from alerts.asking import moment_of
from alerts.models import Rule
from alerts.peaks import HOUR
from alerts.preview import Preview
from alerts.terms import MINUTE, Kind
from foundation.refusals import Refusal

#: Of kinds that nothing can be told of.
NOTES = {
    Kind.MONITOR: "A monitor begins with its first heartbeat: there is nothing to look back at.",
    Kind.DIGEST: "A digest fires at its time, and finds what there is then.",
}


def tried(rule: Rule) -> dict[str, Any]:
    """Return what the form's page shows of a rule that nobody has to keep; or why it cannot be told."""
    if note := NOTES.get(Kind(rule.kind)):
        return {"note": note}
    kept_as = rule.pk
    try:
        found = preview.would_have_fired(rule, now=timezone.now())
    except Refusal as refusal:
        return {"refused": refusal.detail}
    finally:
        rule.pk = kept_as
    most = max(found.hours, default=0) or 1
    return {
        "preview": found,
        "chart": _chart(found) if any(found.peaks) else None,
        "hours": [(hour, count, round(100 * count / most)) for hour, count in enumerate(found.hours)],
        "rows": [
            (spell, moment_of(spell.opened), moment_of(spell.closed) if spell.closed is not None else None)
            for spell in found.incidents
        ],
    }


def _chart(found: Preview) -> dict[str, Any]:
    """Return the chart for the page's script."""
    start = int(found.start.timestamp())
    return {
        "zone": timezone.get_current_timezone_name(),
        "times": [start + hour * HOUR * MINUTE for hour in range(len(found.peaks))],
        "values": found.peaks,
        "threshold": found.threshold,
    }
