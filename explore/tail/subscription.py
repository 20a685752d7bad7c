"""Who asks for a tail, and for what: by API key at /v1/logs/tail, by ticket at /admin/explore/tail."""

from collections.abc import Callable
from dataclasses import dataclass

from django.http import HttpRequest

from accounts.authentication import caller_behind
from accounts.caller import Caller
from accounts.scopes import Scope, require
from explore.query import QueryError, parse
from explore.tail import ticket
from explore.tail.listener import Listener
from explore.tail.position import Position, PositionError
from foundation.refusals import Refusal

API_PATH = "/v1/logs/tail"
PAGE_PATH = "/admin/explore/tail"


@dataclass(frozen=True, kw_only=True)
class Subscription:
    """A tail that may be opened. `check` is called now and then while it is open, and raises `Refusal` to end it."""

    listener: Listener
    since: Position | None
    check: Callable[[], None]


def subscription(request: HttpRequest) -> Subscription:
    """Find out what `request` asks for. Raises: `Refusal`."""
    if request.path not in (API_PATH, PAGE_PATH):
        raise Refusal("not_found")
    if request.method != "GET":
        raise Refusal("method_not_allowed", headers={"Allow": "GET"})
    return _by_key(request) if request.path == API_PATH else _by_ticket(request)


def _by_key(request: HttpRequest) -> Subscription:
    caller = _reader(request)

    def check() -> None:
        _reader(request)

    return _subscription(
        request,
        owner=f"key {caller.api_key_id}",
        organisation_id=caller.organisation_id,
        query=request.GET.get("query", ""),
        check=check,
    )


def _by_ticket(request: HttpRequest) -> Subscription:
    found = ticket.redeem(request.GET.get("ticket", ""))

    def check() -> None:
        ticket.check_bearer(found)

    check()
    return _subscription(
        request,
        owner=f"user {found.user_id}",
        organisation_id=found.organisation_id,
        query=found.query,
        check=check,
    )


def _reader(request: HttpRequest) -> Caller:
    caller = caller_behind(request)
    require(caller, Scope.READ)
    return caller


def _subscription(
    request: HttpRequest, *, owner: str, organisation_id: int, query: str, check: Callable[[], None]
) -> Subscription:
    try:
        node = parse(query)
    except QueryError as error:
        raise Refusal("invalid_query", error.message, members={"position": error.position}) from error
    last = request.headers.get("Last-Event-ID") or request.GET.get("last_event_id")
    try:
        since = Position.parse(last) if last else None
    except PositionError as error:
        raise Refusal("invalid_parameter", "Last-Event-ID is not one of ours.") from error
    listener = Listener(owner=owner, organisation_id=organisation_id, query=node)
    return Subscription(listener=listener, since=since, check=check)
