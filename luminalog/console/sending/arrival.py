"""What has come of a key since a moment: what a page that waits for the first entry asks every few seconds.

One look at the key's rows of hourly usage; only once they have grown, one for the receipt that says when.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.core import signing

from accounts.models import ApiKey
from quotas.tally import BY_PROTOCOL
from quotas.usage import Usage, is_dropped, is_refusal, usage_of_key
from storage import receipts
from storage.batch import ENTRIES_A_BATCH

SALT = "sending"
#: A page that waits for longer is loaded again.
LONGEST = timedelta(hours=2)


@dataclass(frozen=True, kw_only=True)
class Since:
    """A key, a moment, and how much there was of each outcome in the hours since the one it is in."""

    organisation_id: int
    api_key_id: int
    moment: datetime
    before: dict[str, int]

    def sealed(self) -> str:
        """Return it as a text that nobody else can make."""
        rows = [self.organisation_id, self.api_key_id, self.moment.isoformat(), self.before]
        return signing.dumps(rows, salt=SALT)


@dataclass(frozen=True, kw_only=True)
class Arrived:
    """What has come: entries that are stored and when the first was received; what waits, was refused, or dropped."""

    entries: int
    received_at: datetime | None
    first_entry_id: int | None
    is_waiting: bool
    refused: list[tuple[str, int]]
    dropped: list[tuple[str, int]]


def since(api_key: ApiKey, *, now: datetime) -> Since:
    """Return this moment in a key's life."""
    usage = usage_of_key(api_key.organisation_id, api_key.pk, since=_hour(now))
    return Since(organisation_id=api_key.organisation_id, api_key_id=api_key.pk, moment=now, before=_numbers(usage))


def unsealed(text: str) -> Since:
    """Return what was sealed. Raises: `BadSignature` if it was not, or too long ago."""
    organisation_id, api_key_id, moment, before = signing.loads(text, salt=SALT, max_age=LONGEST)
    return Since(
        organisation_id=organisation_id,
        api_key_id=api_key_id,
        moment=datetime.fromisoformat(moment),
        before=before,
    )


def arrived(mark: Since) -> Arrived:
    """Return what has come since."""
    usage = usage_of_key(mark.organisation_id, mark.api_key_id, since=_hour(mark.moment))
    new = {name: number - mark.before.get(name, 0) for name, number in _numbers(usage).items()}
    new = {name: number for name, number in new.items() if number > 0}
    entries = new.get("accepted", 0)
    first = receipts.first_of_key(mark.api_key_id, since=mark.moment) if entries else None
    return Arrived(
        entries=entries,
        received_at=first.received_at if first else None,
        first_entry_id=first.batch_id * ENTRIES_A_BATCH if first else None,
        is_waiting=not entries and any(name.startswith(BY_PROTOCOL) for name in new),
        refused=sorted((name, number) for name, number in new.items() if is_refusal(name)),
        dropped=sorted((name, number) for name, number in new.items() if is_dropped(name)),
    )


def _numbers(usage: Usage) -> dict[str, int]:
    """Return requests that were refused, and entries of all else, by outcome."""
    return {
        outcome: amount.requests if is_refusal(outcome) else amount.entries
        for outcome, amount in usage.outcomes.items()
    }


def _hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)
