"""At the core: add what edges counted to the hourly usage, each report once, and only what is theirs to tell."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta

from quotas import ledger, outcomes
from quotas.reports import Count, Report
from quotas.usage import ACCEPTED

#: Edges send nothing older, and their clocks may be ahead.
OLDEST, AHEAD = timedelta(days=7), timedelta(hours=1)


def add(reports: Sequence[Report], *, allowed: Collection[int], now: datetime) -> None:
    """Add counts of the `allowed` organisations; what was accepted is counted where it is stored."""
    earliest, latest = (now - OLDEST).timestamp(), (now + AHEAD).timestamp()
    for report in reports:
        outcomes.add(
            report.mark,
            [
                _usage_row(one)
                for one in report.counts
                if one.organisation_id in allowed and one.outcome != ACCEPTED and earliest <= one.hour <= latest
            ],
        )


def _usage_row(one: Count) -> ledger.UsageRow:
    hour = datetime.fromtimestamp(one.hour, UTC)
    amount = (one.requests, one.entries, one.bytes)
    return ledger.UsageRow(hour, one.organisation_id, one.api_key_id, one.outcome, *amount)
