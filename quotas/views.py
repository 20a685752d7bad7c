"""`GET /v1/usage`: what the caller's organisation has used this month, and what is left."""

from datetime import UTC, datetime
from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.caller import Caller
from accounts.models import ApiKey
from accounts.permissions import HasScope, caller_of
from accounts.scopes import Scope
from quotas import ledger, usage
from quotas.description import describe_usage
from quotas.limits import Limits, limits_for
from quotas.tally import BY_PROTOCOL
from quotas.throttling import Limited, peek
from quotas.usage import Usage


class UsageView(Limited, APIView):
    """This month by day and by key; limits, and what is left of them."""

    permission_classes = [HasScope]
    scope = Scope.READ
    throttle_scope_name = "read"

    @describe_usage
    def get(self, request: Request) -> Response:
        caller = caller_of(request)
        limits = limits_for(caller.organisation_id, max_age_seconds=0)
        month = ledger.balance(caller.organisation_id)
        return Response(_limits(caller, limits, month) | _usage(caller.organisation_id, month))


def _limits(caller: Caller, limits: Limits, month: ledger.Balance) -> dict[str, Any]:
    return {
        "plan": limits.plan,
        "period": {"began_at": _text(month.began_at), "ends_at": _text(month.ends_at)},
        "bytes": {
            "limit": month.limit_bytes,
            "used": month.used_bytes,
            "remaining": max(0, month.limit_bytes - month.used_bytes),
            "lent": month.lent_bytes,
        },
        "entries": month.entries,
        "requests": {area: _bucket(caller, area) for area in ("ingest", "read")},
        "retention_days": limits.retention_days,
    }


def _bucket(caller: Caller, area: str) -> dict[str, Any] | None:
    verdict = peek(caller, area=area)
    if verdict is None:
        return None
    return {
        "scope": verdict.level.scope,
        "per_minute": verdict.level.per_minute,
        "limit": verdict.level.capacity,
        "remaining": verdict.remaining,
        "resets_at": _text(datetime.fromtimestamp(verdict.full_at, UTC)),
    }


def _usage(organisation_id: int, month: ledger.Balance) -> dict[str, Any]:
    days = usage.usage_by(usage.DAY, organisation_id, since=month.began_at)
    keys = usage.usage_by(usage.API_KEY, organisation_id, since=month.began_at)
    named = ApiKey.objects.filter(organisation=organisation_id).in_bulk([one.of for one in keys])
    return {
        "by_day": [{"day": one.of.isoformat(), **_line(one)} for one in days],
        "by_api_key": [{**_name(named[one.of]), **_line(one)} for one in keys],
    }


def _name(api_key: ApiKey) -> dict[str, str]:
    return {"name": api_key.name, "prefix": api_key.prefix, "suffix": api_key.suffix}


def _line(one: Usage) -> dict[str, Any]:
    return {
        "entries": one.accepted.entries,
        "bytes": one.accepted.bytes,
        "requests": one.requests,
        "refused_requests": one.refused_requests,
        "dropped_entries": one.dropped_entries,
        "rejected_entries": one.rejected_entries,
        "scrubbed_entries": one.scrubbed_entries,
        "reported_entries": one.reported_entries,
        "withheld_entries": one.withheld_entries,
        "cut_entries": one.cut_entries,
        "let_go_items": one.let_go_items,
        "deferred_entries": one.deferred_entries,
        "by_protocol": {name: amount._asdict() for name, amount in one.by_protocol.items()},
        "outcomes": {
            outcome: amount.requests
            for outcome, amount in one.outcomes.items()
            if amount.requests and not outcome.startswith(BY_PROTOCOL)
        },
    }


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
