"""Who asks for a tail, and for what: by API key at /v1/logs/tail, by ticket at /admin/explore/tail."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime

from django.http import HttpRequest

from accounts.addresses import client_address
from accounts.authentication import caller_behind
from accounts.caller import Caller
from accounts.keys import digest
from accounts.presented import presented_key
from explore.grouped import Grouped
from explore.hashed import Hashed, hashed_by
from explore.query import Node, QueryError, parse
from explore.tail import ticket
from explore.tail.bearers import Bearer, KeyBearer, check
from explore.tail.listener import Event, Listener, notice
from explore.tail.position import Position, PositionError, Positions
from foundation.refusals import Refusal
from quotas import outcomes
from quotas.throttling import take_token

API_PATH = "/v1/logs/tail"
PAGE_PATH = "/admin/explore/tail"
GAP = notice(
    "gap", "Your last event is too old, or not of this server. The stream begins now: search for earlier entries."
)


@dataclass(frozen=True, kw_only=True)
class Subscription:
    """A tail that may be opened: its bearer was found good by asking at `asked_at`, by the monotonic clock."""

    listener: Listener
    hashed: Hashed
    bearer: Bearer
    asked_at: float
    since: Position | None
    greeting: tuple[Event, ...]
    caller: Caller | None

    def count_refusal(self, refusal: Refusal) -> None:
        """Count what the caller, if it is one with a key, is refused for."""
        if self.caller:
            outcomes.note(self.caller, refusal.code)


def subscription(request: HttpRequest) -> Subscription:
    """Find out what `request` asks for. Raises: `Refusal`, `django.db.Error`."""
    if request.path not in (API_PATH, PAGE_PATH):
        raise Refusal("not_found")
    if request.method != "GET":
        raise Refusal("method_not_allowed", headers={"Allow": "GET"})
    return _by_key(request) if request.path == API_PATH else _by_ticket(request)


def read_query(text: str, hashed: Hashed, grouped: Grouped) -> Node:
    """Return what `text` means of entries whose values are kept so, and grouped so. Raises: `Refusal`."""
    try:
        return parse(text, hashed=hashed, grouped=grouped)
    except QueryError as error:
        raise Refusal("invalid_query", error.message, members={"position": error.position}) from error


def _by_key(request: HttpRequest) -> Subscription:
    caller = caller_behind(request)
    try:
        take_token(request, caller, area="read")
        bearer = KeyBearer(digest(presented_key(request) or ""), client_address(request))
        listener = Listener(
            owner=f"key {caller.api_key_id}",
            organisation_id=caller.organisation_id,
            query=request.GET.get("query", ""),
        )
        return _subscription(request, listener, bearer=bearer, caller=caller)
    except Refusal as refusal:
        outcomes.note(caller, refusal.code)
        raise


def _by_ticket(request: HttpRequest) -> Subscription:
    found = ticket.redeem(request.GET.get("ticket", ""))
    listener = Listener(owner=f"user {found.user_id}", organisation_id=found.organisation_id, query=found.query)
    return _subscription(request, listener, bearer=found)


def _subscription(
    request: HttpRequest, listener: Listener, *, bearer: Bearer, caller: Caller | None = None
) -> Subscription:
    asked_at = time.monotonic()
    check(bearer)
    last = request.headers.get("Last-Event-ID") or request.GET.get("last_event_id")
    since = _position(last, listener.organisation_id) if last else None
    return Subscription(
        listener=listener,
        bearer=bearer,
        hashed=hashed_by(listener.organisation_id),
        asked_at=asked_at,
        since=since,
        greeting=(GAP,) if last and not since else (),
        caller=caller,
    )


def _position(text: str, organisation_id: int) -> Position | None:
    """Return where to go on: None for a position that is too old, or that we did not give this organisation."""
    try:
        position = Positions(organisation_id).read(text)
    except PositionError as error:
        raise Refusal("invalid_parameter", "Last-Event-ID is not one of ours.") from error
    return position if position and not position.is_too_old(datetime.now(UTC)) else None
