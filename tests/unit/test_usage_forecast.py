"""When the month's bytes will end."""

from datetime import UTC, date, datetime, timedelta

import pytest

from quotas.ledger import Balance
from quotas.tally import Amount
from quotas.usage import Usage, in_all, quota_ends_on

NOW = datetime(2026, 3, 11, 12, tzinfo=UTC)


def balance(*, used_bytes: int, limit_bytes: int) -> Balance:
    began, ends = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)
    return Balance(limit_bytes, used_bytes, 0, began, ends, int((ends - NOW).total_seconds()))


def days(*, bytes_a_day: int, count: int) -> list[Usage]:
    """The last `count` days, today's half being over."""
    return [
        Usage(
            of=NOW.date() - timedelta(days=n), outcomes={"accepted": Amount(1, 1, bytes_a_day // (2 if n == 0 else 1))}
        )
        for n in range(count)
    ]


@pytest.mark.parametrize(
    ("used", "limit", "a_day", "ends_on"),
    [
        (500, 1000, 100, date(2026, 3, 16)),
        (500, 550, 100, date(2026, 3, 12)),
        (500, 100_000, 100, None),
        (1000, 1000, 0, date(2026, 3, 11)),
        (500, 1000, 0, None),
    ],
)
def test_the_quota_ends_when_the_weeks_pace_goes_on(used: int, limit: int, a_day: int, ends_on: date | None) -> None:
    month = balance(used_bytes=used, limit_bytes=limit)
    assert quota_ends_on(month, days(bytes_a_day=a_day, count=10), now=NOW) == ends_on


def test_without_usage_there_is_nothing_to_foresee() -> None:
    assert quota_ends_on(balance(used_bytes=0, limit_bytes=10), [], now=NOW) is None


def test_an_organisation_two_days_old_is_judged_by_two_days() -> None:
    month = balance(used_bytes=150, limit_bytes=450)
    assert quota_ends_on(month, days(bytes_a_day=100, count=2), now=NOW) == date(2026, 3, 14)


def test_outcomes_are_told_apart() -> None:
    usage = in_all(
        [
            Usage(of=1, outcomes={"accepted": Amount(5, 50, 500), "below_level": Amount(2, 7, 0)}),
            Usage(of=2, outcomes={"accepted": Amount(1, 1, 1), "rate_limited": Amount(4, 0, 0)}),
        ]
    )
    assert (usage.requests, usage.refused_requests, usage.dropped_entries, usage.accepted) == (
        10, 4, 7, Amount(6, 51, 501),
    )  # fmt: skip
