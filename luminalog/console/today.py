"""What the start page shows: a fixed number of small queries, each only for those who may see its rows."""

from dataclasses import dataclass
from datetime import timedelta

from django.contrib.auth.models import AnonymousUser
from django.db.models import QuerySet
from django.utils import timezone
from redis import RedisError

from accounts.models import ApiKey, User
from issues import finding
from issues.finding import Lately
from issues.permissions import MAY_LOOK
from operations import vitals
from operations.thresholds import OldestBatch, Worker
from quotas.month import MonthUsed, near_quota
from quotas.usage import refusals_since

SHOWN, REFUSALS_SHOWN = 8, 12
#: The limits of `ingest.spool.capacity`, in the reader's words.
FULL = {
    "disk": "a disk has too little free space",
    "spool_age": "the oldest batch in the spool is too old",
    "spool_bytes": "the spool is too large",
}


@dataclass(frozen=True, kw_only=True)
class KeyList:
    """Keys that need a hand; `more` when there are more than are shown."""

    title: str
    filter: str
    keys: list[ApiKey]
    more: bool


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """How many requests of a key one reason refused in the last 24 hours; the key is None when it is gone."""

    api_key: ApiKey | None
    reason: str
    requests: int


@dataclass(frozen=True, kw_only=True)
class Refusals:
    """What was refused; `more` when there is more than is shown."""

    rows: list[Refusal]
    more: bool


@dataclass(frozen=True, kw_only=True)
class Pipeline:
    """Whether accepted batches are moving."""

    full: list[str]
    stands_still: bool
    oldest: OldestBatch | None
    dead_letters: int
    workers: list[Worker] | None  # None: Valkey does not answer


@dataclass(frozen=True, kw_only=True)
class Today:
    """The start page. A part is None or empty when its reader may not see it."""

    near_quota: list[MonthUsed] | None = None
    errors: Lately | None = None
    key_lists: list[KeyList] | None = None
    refusals: Refusals | None = None
    pipeline: Pipeline | None = None

    @property
    def keys_need_a_hand(self) -> bool:
        """Whether any of the lists has a key."""
        return any(key_list.keys for key_list in self.key_lists or [])


def today(user: User | AnonymousUser) -> Today:
    """Gather the parts of the start page that `user` may see."""
    sees_usage = user.has_perm("quotas.view_monthlyusage")
    return Today(
        near_quota=near_quota(limit=SHOWN) if sees_usage else None,
        errors=finding.lately(now=timezone.now(), limit=SHOWN) if user.has_perm(MAY_LOOK) else None,
        key_lists=_key_lists() if user.has_perm("accounts.view_apikey") else None,
        refusals=_refusals() if sees_usage else None,
        pipeline=_pipeline() if user.has_perm("ingest.view_spooledbatch") else None,
    )


def _key_lists() -> list[KeyList]:
    keys = ApiKey.objects.select_related("organisation", "project")
    return [
        _key_list("Seen over plain HTTP: rotate now", "overheard", keys.overheard()),
        _key_list("Rotated, and the old key is still in use", "straggling", keys.stragglers()),
        _key_list("Expire within 14 days", "expiring", keys.expiring().order_by("expires_at")),
        _key_list("Not rotated for 90 days", "overdue", keys.overdue().order_by("created_at")),
    ]


def _key_list(title: str, name: str, keys: QuerySet[ApiKey]) -> KeyList:
    found = list(keys[: SHOWN + 1])
    return KeyList(title=title, filter=name, keys=found[:SHOWN], more=len(found) > SHOWN)


def _refusals() -> Refusals:
    found = refusals_since(timezone.now() - timedelta(hours=24), limit=REFUSALS_SHOWN + 1)
    rows = found[:REFUSALS_SHOWN]
    keys = ApiKey.objects.select_related("organisation", "project").in_bulk({one.api_key_id for one in rows})
    return Refusals(
        rows=[Refusal(api_key=keys.get(one.api_key_id), reason=one.reason, requests=one.requests) for one in rows],
        more=len(found) > len(rows),
    )


def _pipeline() -> Pipeline:
    return Pipeline(
        full=[FULL[name] for name in sorted(vitals.limits_reached())],
        stands_still=vitals.store_stands_still(),
        oldest=vitals.oldest_batch(),
        dead_letters=vitals.count_dead_letters(),
        workers=_workers(),
    )


def _workers() -> list[Worker] | None:
    try:
        return vitals.workers()
    except RedisError:
        return None
