"""What an organisation has used, from the hourly rows: by hour, by day, by key; and when its quota will end."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import reduce
from typing import Any

from django.db.models import Max, Q, Sum

from foundation.postgres import fetch_all
from quotas.ledger import Balance
from quotas.models import NO_REFUSALS, HourlyUsage
from quotas.tally import BELOW_LEVEL, BY_PROTOCOL, CUT, DEFERRED, LET_GO, REJECTED, REPORTED, SCRUBBED, WITHHELD, Amount

ACCEPTED = "accepted"
#: What is spoken by whoever speaks none of the agents' protocols.
OWN_PROTOCOL = "luminalog"
#: Outcomes of accepted requests and their entries, which are counted as accepted, too.
OF_ENTRIES = (SCRUBBED, REPORTED, CUT, BY_PROTOCOL, LET_GO)
NOTHING = Amount(0, 0, 0)
FORECAST_DAYS = 7

HOUR, DAY, API_KEY = "hour", "(hour AT TIME ZONE 'UTC')::date", "api_key_id"
SUMS = """
SELECT {group}, outcome, sum(requests)::bigint, sum(entries)::bigint, sum(bytes)::bigint
  FROM quotas_hourlyusage WHERE organisation_id = %s AND hour >= %s AND hour < %s GROUP BY 1, 2 ORDER BY 1, 2
"""


@dataclass(frozen=True, kw_only=True)
class Usage:
    """What became of the requests of one hour, day or key (`of`)."""

    of: Any
    outcomes: dict[str, Amount] = field(default_factory=dict)

    @property
    def accepted(self) -> Amount:
        """What was kept."""
        return self.outcomes.get(ACCEPTED, NOTHING)

    @property
    def dropped_entries(self) -> int:
        """Entries that accepted requests lost: below the key's minimum level, or refused leniently."""
        return sum(amount.entries for outcome, amount in self.outcomes.items() if is_dropped(outcome))

    @property
    def rejected_entries(self) -> dict[str, int]:
        """Entries refused leniently, by what was wrong."""
        return self._entries_by(REJECTED)

    @property
    def scrubbed_entries(self) -> dict[str, int]:
        """Entries in which something was replaced before they were kept, by detector."""
        return self._entries_by(SCRUBBED)

    @property
    def reported_entries(self) -> dict[str, int]:
        """Entries in which something was found and left, by detector."""
        return self._entries_by(REPORTED)

    @property
    def cut_entries(self) -> dict[str, int]:
        """Entries of agents that were made to fit a limit, by the part that was cut."""
        return self._entries_by(CUT)

    @property
    def let_go_items(self) -> dict[str, int]:
        """What agents sent that is no entry, by what it is."""
        return self._entries_by(LET_GO)

    @property
    def by_protocol(self) -> dict[str, Amount]:
        """What was accepted, by what its senders speak; counted when it was accepted, and not when it was stored."""
        agents = {
            outcome.removeprefix(BY_PROTOCOL): amount
            for outcome, amount in self.outcomes.items()
            if outcome.startswith(BY_PROTOCOL)
        }
        rest = [
            max(0, all_of_it - sum(parts)) for all_of_it, *parts in zip(self.accepted, *agents.values(), strict=True)
        ]
        return agents | ({OWN_PROTOCOL: Amount(*rest)} if any(rest) else {})

    @property
    def withheld_entries(self) -> int:
        """Entries that could not be scrubbed: of these only the frame was kept."""
        return self.outcomes.get(WITHHELD, NOTHING).entries

    @property
    def deferred_entries(self) -> int:
        """Entries beyond a limit that were kept for later by the overflow lane."""
        return self.outcomes.get(DEFERRED, NOTHING).entries

    @property
    def refused_requests(self) -> int:
        """Requests that were answered with an error."""
        return sum(amount.requests for outcome, amount in self.outcomes.items() if is_refusal(outcome))

    @property
    def requests(self) -> int:
        """All requests. One that lost entries is counted by what became of its others."""
        return sum(amount.requests for outcome, amount in self.outcomes.items() if not is_of_entries(outcome))

    def _entries_by(self, prefix: str) -> dict[str, int]:
        return {
            outcome.removeprefix(prefix): amount.entries
            for outcome, amount in self.outcomes.items()
            if outcome.startswith(prefix)
        }


def is_dropped(outcome: str) -> bool:
    """Tell whether an outcome is one of entries that accepted requests lost."""
    return outcome == BELOW_LEVEL or outcome.startswith(REJECTED)


def is_of_entries(outcome: str) -> bool:
    """Tell whether an outcome is one of single entries of accepted requests, or counts such requests once more."""
    return is_dropped(outcome) or outcome in (WITHHELD, DEFERRED) or outcome.startswith(OF_ENTRIES)


def is_refusal(outcome: str) -> bool:
    """Tell whether an outcome is the refusal of a request."""
    return outcome not in NO_REFUSALS and not is_of_entries(outcome)


def usage_by(group: str, organisation_id: int, *, since: datetime, until: datetime | None = None) -> list[Usage]:
    """Return the usage since a full hour by `HOUR`, `DAY` or `API_KEY`, in that order; idle ones are left out."""
    found: dict[Any, dict[str, Amount]] = {}
    until = until or datetime.max.replace(tzinfo=UTC)
    for of, outcome, *amount in fetch_all(SUMS.format(group=group), [organisation_id, since, until]):
        found.setdefault(of, {})[outcome] = Amount(*amount)
    return [Usage(of=of, outcomes=outcomes) for of, outcomes in found.items()]


def usage_of_key(organisation_id: int, api_key_id: int, *, since: datetime) -> Usage:
    """Return the usage of one key since a full hour; one_usage_row_an_hour_key_and_outcome serves it."""
    rows = (
        HourlyUsage.objects.filter(organisation_id=organisation_id, hour__gte=since, api_key_id=api_key_id)
        .order_by()
        .values_list("outcome")
        .annotate(Sum("requests"), Sum("entries"), Sum("bytes"))
    )
    return Usage(of=api_key_id, outcomes={outcome: Amount(*amount) for outcome, *amount in rows})


def entries_of_key(organisation_id: int, api_key_id: int, *, prefix: str, since: datetime) -> list[tuple[str, int]]:
    """Return how much of a key's has an outcome with this prefix, by what follows that, the most first."""
    rows = (
        HourlyUsage.objects.filter(organisation_id=organisation_id, hour__gte=since, api_key_id=api_key_id)
        .filter(outcome__startswith=prefix)
        .order_by()
        .values_list("outcome")
        .annotate(entries=Sum("entries"))
    )
    found = [(outcome.removeprefix(prefix), entries) for outcome, entries in rows]
    return sorted(found, key=lambda one: (-one[1], one[0]))


@dataclass(frozen=True, kw_only=True)
class Refused:
    """How many requests of a key were refused for one reason, and in which hour last."""

    organisation_id: int
    api_key_id: int
    reason: str
    requests: int
    last_hour: datetime


def refusals_since(moment: datetime, *, limit: int) -> list[Refused]:
    """Return the refusals of all organisations by key and reason, the latest first and of an hour the most frequent."""
    counted = HourlyUsage.objects.filter(hour__gte=moment).exclude(outcome__in=NO_REFUSALS).order_by()
    rows = (
        counted.exclude(Q(outcome__startswith=REJECTED) | Q(outcome__startswith=SCRUBBED))
        .exclude(Q(outcome__startswith=REPORTED) | Q(outcome__in=[WITHHELD, DEFERRED]))
        .exclude(Q(outcome__startswith=CUT) | Q(outcome__startswith=BY_PROTOCOL) | Q(outcome__startswith=LET_GO))
        .values("organisation_id", "api_key_id", "outcome")
        .annotate(refused=Sum("requests"), last_hour=Max("hour"))
        .order_by("-last_hour", "-refused", "api_key_id", "outcome")[:limit]
    )
    return [
        Refused(
            organisation_id=row["organisation_id"],
            api_key_id=row["api_key_id"],
            reason=row["outcome"],
            requests=row["refused"],
            last_hour=row["last_hour"],
        )
        for row in rows
    ]


def in_all(usages: Iterable[Usage]) -> Usage:
    """Return the sum."""
    return Usage(of=None, outcomes=reduce(_plus, (usage.outcomes for usage in usages), {}))


def quota_ends_on(balance: Balance, days: Iterable[Usage], *, now: datetime) -> date | None:
    """Return the day on which the month's bytes end if the last week's pace goes on; None when they last.

    `days` is the usage by day, of a week at least. The running day counts for the part of it that is over.
    """
    if balance.used_bytes >= balance.limit_bytes:
        return now.date()
    first = now.date() - timedelta(days=FORECAST_DAYS - 1)
    recent = [usage for usage in days if usage.of >= first]
    if not recent:
        return None
    began = datetime.combine(min(usage.of for usage in recent), datetime.min.time(), UTC)
    pace = sum(usage.accepted.bytes for usage in recent) / max(3600.0, (now - began).total_seconds())
    left = balance.limit_bytes - balance.used_bytes
    if pace <= 0 or left / pace >= (balance.ends_at - now).total_seconds():
        return None
    return (now + timedelta(seconds=left / pace)).date()


def _plus(one: dict[str, Amount], other: dict[str, Amount]) -> dict[str, Amount]:
    return one | {outcome: one.get(outcome, NOTHING).plus(amount) for outcome, amount in other.items()}
