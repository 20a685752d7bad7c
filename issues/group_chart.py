"""The chart of a group's page: its events by hour or day, all together or by environment or release."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from django.utils import timezone

from issues.asking import asking
from issues.models import OTHERS
from issues.reading import Detail

#: What the events of a chart may be divided by.
DIVIDED_BY = {"environment": "environment", "release": "release"}
#: Names that have a series of their own, the busiest.
MOST_SERIES = 6
#: Of longer ranges the days are drawn, and not the hours.
HOURLY_DAYS = 14
HOUR = timedelta(hours=1)
#: `{name}` is one of `DIVIDED_BY`.
HOURS_BY_NAME = """
SELECT hour, {name}, sum(counted.events)::bigint
  FROM issues_visible_hour AS counted JOIN issues_visible_fingerprint USING (organisation_id, key)
 WHERE group_id = %s AND hour >= %s AND hour < %s GROUP BY 1, 2
"""

#: A step: when it begins, and its hours.
Step = tuple[datetime, Sequence[datetime]]


def chart(organisation_id: int, found: Detail, *, by: str) -> dict[str, Any]:
    """Return the chart for the page's script: every step has a value in each series."""
    steps = _steps(found.start, found.end)
    series: list[dict[str, Any]] = []
    if by in DIVIDED_BY:
        series = [
            {"label": label, "colour": f"--series-{place}", "values": _values(steps, hours)}
            for place, label, hours in _divided(_hours_by_name(organisation_id, found, DIVIDED_BY[by]))
        ]
    whole = {"label": "Events", "colour": "--error-bar", "values": _values(steps, Counter(dict(found.hours)))}
    return {
        "zone": timezone.get_current_timezone_name(),
        "times": [int(begins.timestamp()) for begins, _ in steps],
        "series": series or [whole],
    }


def _hours_by_name(organisation_id: int, found: Detail, name: str) -> dict[str, Counter[datetime]]:
    """Return the events of each hour, by the name; the busiest name first."""
    counted: dict[str, Counter[datetime]] = {}
    with asking(organisation_id) as cursor:
        cursor.execute(HOURS_BY_NAME.format(name=name), [found.summary.id, found.start, found.end])
        for hour, one, events in cursor.fetchall():
            counted.setdefault(one, Counter())[hour] += events
    return dict(sorted(counted.items(), key=lambda one: (-one[1].total(), one[0])))


def _divided(counted: dict[str, Counter[datetime]]) -> list[tuple[int | str, str, Counter[datetime]]]:
    """Return place, label and hours of each series; the names beyond the busiest are one."""
    names = [name for name in counted if name != OTHERS][:MOST_SERIES]
    series: list[tuple[int | str, str, Counter[datetime]]] = [
        (place, name or "none", counted[name]) for place, name in enumerate(names, start=1)
    ]
    others: Counter[datetime] = sum((hours for name, hours in counted.items() if name not in names), Counter())
    return [*series, ("others", "others", others)] if others else series


def _values(steps: Sequence[Step], hours: Counter[datetime]) -> list[int]:
    return [sum(hours[hour] for hour in of_step) for _, of_step in steps]


def _steps(start: datetime, end: datetime) -> list[Step]:
    """Return the hours or, of a longer time, the days of the reader's zone."""
    hours = [start + n * HOUR for n in range((end - start) // HOUR)]
    if end - start <= timedelta(days=HOURLY_DAYS):
        return [(hour, [hour]) for hour in hours]
    days = [list(ones) for _, ones in groupby(hours, lambda hour: timezone.localtime(hour).date())]
    return [(timezone.localtime(day[0]).replace(hour=0, minute=0), day) for day in days]
