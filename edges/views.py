"""What edges ask of their core: keep these batches, lend these bytes, who may call. Each with the edge's token."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Annotated, TypeVar

import structlog
from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.utils import timezone
from msgspec import Meta, MsgspecError, Struct, json
from redis import RedisError

from edges import directory, keeping, wire
from edges.calling import bind, edge_behind, note_seen
from edges.models import Edge
from foundation.errors import as_refusal, problem
from foundation.methods import by_method
from foundation.refusals import Refusal
from ingest.spool.capacity import capacity
from quotas import lending, reported, sharing
from quotas import shares as shares_of_edge
from quotas.agreement import Ask
from quotas.buckets import Shared
from quotas.reports import Reports
from quotas.sharing import TokenAsk

log = structlog.get_logger(__name__)

MOST_ASKS, MOST_SHARES = 10_000, 1_000
NO_TOKENS = "Tokens of request limits cannot be lent while Valkey does not answer here."
MOST_ASK_BYTES = 4 * 2**20
T = TypeVar("T")
View = Callable[[HttpRequest, Edge], HttpResponse]

Bytes = Annotated[int, Meta(ge=0, lt=2**60)]
#: Of a token; exact in a double.
Thousandths = Annotated[int, Meta(ge=0, lt=2**52)]


class Asked(Struct, frozen=True, kw_only=True):
    """One ask of an edge: see `quotas.agreement.Ask`."""

    organisation_id: Annotated[int, Meta(ge=1, lt=2**62)]
    period: date
    wanted_bytes: Bytes
    needed_bytes: Bytes = 0
    returned_bytes: Bytes = 0


class Asks(Struct, frozen=True, kw_only=True):
    """What an edge asks for, and how it is."""

    installation: str
    asks: Annotated[list[Asked], Meta(max_length=MOST_ASKS)] = []
    version: Annotated[str, Meta(max_length=40)] = ""
    clock: float | None = None  # seconds since 1970
    waiting_batches: Bytes | None = None
    waiting_bytes: Bytes = 0
    oldest_seconds: float = 0


class ToldShare(Struct, frozen=True, kw_only=True):
    """How a share of request limits stands at an edge: see `quotas.sharing.TokenAsk`."""

    organisation_id: Annotated[int, Meta(ge=1, lt=2**62)]
    api_key_id: Annotated[int, Meta(ge=0, lt=2**62)]
    generation: Annotated[str, Meta(pattern=r"^[0-9a-f]{32}$")]
    lent: Thousandths
    returned: Thousandths
    spent: Thousandths
    wanted: Thousandths
    needed: Thousandths = 0


class ToldShares(Struct, frozen=True, kw_only=True):
    """The shares of which an edge tells."""

    installation: str
    shares: Annotated[list[ToldShare], Meta(max_length=MOST_SHARES)]


def _for_edges(view: View) -> Callable[[HttpRequest], HttpResponseBase]:
    def answer(request: HttpRequest) -> HttpResponse:
        try:
            if settings.CORE_URL:
                raise Refusal("not_found")
            response = view(request, edge_behind(request))
        except Exception as error:  # every exception becomes a problem, as DRF's do
            response = problem(as_refusal(error), request)
        response.headers["Cache-Control"] = "private, no-store"
        return response

    return answer


def _post_batches(request: HttpRequest, edge: Edge) -> HttpResponse:
    """Keep batches: 200 says which, and they are on disk."""
    capacity.require()
    try:
        opening, batches = wire.read(_body(request, settings.MAX_WIRE_BYTES))
    except wire.WireError as error:
        raise Refusal("invalid_payload", f"This is not what edges send: {error}.") from error
    bind(edge, opening.installation)
    kept = keeping.keep(edge, opening, batches)
    note_seen(edge)
    refused = [{"edge_batch_id": number, "reason": why} for number, why in sorted(kept.refused.items())]
    return JsonResponse({"kept": kept.kept, "refused": refused, "floor": kept.floor})


def _post_grants(request: HttpRequest, edge: Edge) -> HttpResponse:
    """Agree on what is lent, and note how the edge is."""
    asked = _decoded(request, Asks)
    bind(edge, asked.installation)
    note_seen(edge, **_told(asked))
    may_borrow = _may_borrow(edge, {ask.organisation_id for ask in asked.asks})
    answers = lending.lend(edge.pk, [_ask_of(one) for one in asked.asks], may_borrow=may_borrow)
    answer = {"loans": answers, "is_retiring": edge.retiring_at is not None, "resets_at": _month_ends_at()}
    return HttpResponse(json.encode(answer), content_type="application/json")


def _post_shares(request: HttpRequest, edge: Edge) -> HttpResponse:
    """Agree on the tokens of request limits that are lent."""
    told = _decoded(request, ToldShares)
    bind(edge, told.installation)
    note_seen(edge)
    may_borrow = _may_borrow(edge, {one.organisation_id for one in told.shares})
    try:
        lent = sharing.lend(edge.pk, [_token_ask_of(one) for one in told.shares], may_borrow=may_borrow)
    except RedisError as error:
        log.warning("shares_not_lent", error=type(error).__name__)
        raise Refusal("storage_unavailable", NO_TOKENS, retry_after_seconds=5) from error
    answers = [
        shares_of_edge.Lent(
            organisation_id=one.of.organisation_id,
            api_key_id=one.of.api_key_id,
            generation=one.generation,
            lent=one.lent,
            left=one.left,
        )
        for one in lent
    ]
    return HttpResponse(json.encode({"shares": answers}), content_type="application/json")


def _post_outcomes(request: HttpRequest, edge: Edge) -> HttpResponse:
    """Add what an edge counted to the usage; 200 says that it is on disk. The same again changes nothing."""
    told = _decoded(request, Reports)
    bind(edge, told.installation)
    note_seen(edge)
    named = {one.organisation_id for report in told.reports for one in report.counts}
    reported.add(told.reports, allowed=keeping.allowed_organisations(edge, named), now=datetime.now(UTC))
    return JsonResponse({"added": len(told.reports)})


def _get_directory(request: HttpRequest, edge: Edge) -> HttpResponse:
    """Answer who may call at this edge; 304 when it is as the edge has it."""
    bind(edge, request.GET.get("installation", ""))
    note_seen(edge)
    mirror = directory.of_edge(edge)
    if request.headers.get("If-None-Match") == f'"{mirror.digest}"':
        return HttpResponse(status=304, headers={"ETag": f'"{mirror.digest}"'})
    return HttpResponse(mirror.document, content_type="application/json", headers={"ETag": f'"{mirror.digest}"'})


def _decoded(request: HttpRequest, kind: type[T]) -> T:
    try:
        return json.decode(_body(request, MOST_ASK_BYTES), type=kind)
    except MsgspecError as error:
        raise Refusal("invalid_payload", "This is not what edges ask.") from error


def _body(request: HttpRequest, most_bytes: int) -> bytes:
    body: bytes = request.read(most_bytes + 1)
    if len(body) > most_bytes:
        raise Refusal("body_too_large")
    return body


def _told(asked: Asks) -> dict[str, object]:
    told: dict[str, object] = {"version": asked.version} if asked.version else {}
    if asked.clock is not None:
        told["clock_seconds"] = asked.clock - datetime.now(UTC).timestamp()
    if asked.waiting_batches is not None:
        told["told_at"] = timezone.now()
        told["waiting_batches"] = asked.waiting_batches
        told["waiting_bytes"] = asked.waiting_bytes
        told["oldest_seconds"] = asked.oldest_seconds
    return told


def _may_borrow(edge: Edge, organisation_ids: set[int]) -> dict[int, bool]:
    """Return those of these organisations that there are, and whether this edge may have more of them."""
    allowed = keeping.allowed_organisations(edge, organisation_ids)
    held = keeping.all_organisations(organisation_ids)
    return {one: one in allowed and edge.retiring_at is None for one in held}


def _token_ask_of(told: ToldShare) -> TokenAsk:
    return TokenAsk(
        of=Shared(told.organisation_id, told.api_key_id),
        generation=told.generation,
        lent=told.lent,
        returned=told.returned,
        spent=told.spent,
        wanted=told.wanted,
        needed=told.needed,
    )


def _ask_of(asked: Asked) -> Ask:
    return Ask(
        organisation_id=asked.organisation_id,
        period=asked.period,
        wanted_bytes=asked.wanted_bytes,
        needed_bytes=asked.needed_bytes,
        returned_bytes=asked.returned_bytes,
    )


def _month_ends_at() -> str:
    """Return when this month ends, by PostgreSQL's clock."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT (date_trunc('month', now() AT TIME ZONE 'UTC') + interval '1 month') AT TIME ZONE 'UTC'")
        [ends_at] = cursor.fetchone()
    return str(ends_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))


batches = by_method(POST=_for_edges(_post_batches))
grants = by_method(POST=_for_edges(_post_grants))
outcomes = by_method(POST=_for_edges(_post_outcomes))
shares = by_method(POST=_for_edges(_post_shares))
mirror = by_method(GET=_for_edges(_get_directory))
