"""Who may come in: with an API key that may read, from no page of a stranger's; and what each request costs.

A request takes a tenth of a token of reading, and a call of a tool the rest of a whole one: so a client that only asks
what there is costs little, and nobody asks that without a bound.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from msgspec import json

from accounts import looks
from accounts.addresses import client_address
from accounts.authentication import caller_behind
from accounts.caller import Caller
from accounts.looks import Look, Looker
from accounts.middleware import HttpsOnlyMiddleware
from accounts.models import ApiKey
from accounts.scopes import Scope, require
from assist.mcp.metrics import REFUSED
from foundation.errors import PROBLEM_TYPE, as_refusal, problem
from foundation.middleware import RequestContextMiddleware
from foundation.postgres import discard_if_dead
from foundation.refusals import Refusal
from privacy.recorded import as_recorded
from quotas import outcomes
from quotas.buckets import TOKEN
from quotas.throttling import rate_limit_headers, take_token

PATH = "/mcp"
REQUEST_COST = TOKEN // 10
#: Of JSON-RPC's codes those from here to -32019 are an implementation's own.
REFUSED_CODE = -32010
QUERY_CHARACTERS = 2_200


@dataclass(frozen=True)
class Visitor:
    """A request that was let in, and whose it is."""

    request: HttpRequest
    caller: Caller

    def pay_for_call(self) -> None:
        """Take the rest of a call's token. Raises: `Refusal`."""
        take_token(self.request, self.caller, area="read", cost=TOKEN - REQUEST_COST)

    def record(self, look: Look) -> None:
        """Write into the access log what this key is about to look at."""
        organisation_id = self.caller.organisation_id
        query = as_recorded(look.query, organisation_id)[:QUERY_CHARACTERS]
        recorded = Look(action=look.action, query=query, start=look.start, end=look.end, subject=look.subject)
        looks.record_each(recorded, by=self._looker, organisation_ids=[organisation_id])

    def count_refusal(self, refusal: Refusal) -> None:
        """Count what this key is refused for."""
        outcomes.note(self.caller, refusal.code)

    @cached_property
    def _looker(self) -> Looker:
        found = ApiKey.objects.filter(pk=self.caller.api_key_id).values_list("prefix", "suffix", "name").first()
        prefix, suffix, name = found or ("", "", "a key that is gone")
        return Looker(
            user_id=0, username=f"{prefix}…{suffix} by MCP ({name})"[:150], address=client_address(self.request)
        )


class Admitted(HttpResponse):
    """Let in: the answer follows."""

    def __init__(self, visitor: Visitor) -> None:
        super().__init__(headers=rate_limit_headers(visitor.request))
        self.visitor = visitor


def door() -> Callable[[HttpRequest], HttpResponse]:
    """Return what every request goes through before a byte of its body is read: `Admitted`, or why not."""
    return RequestContextMiddleware(_in_words_of_the_protocol(HttpsOnlyMiddleware(_open)))


def _open(request: HttpRequest) -> HttpResponse:
    try:
        discard_if_dead()
        _look_at(request)
        caller = caller_behind(request)
    except Exception as error:  # the outermost handler, as DRF's is for the API
        return problem(as_refusal(error), request)
    visitor = Visitor(request, caller)
    try:
        require(caller, Scope.READ)
        take_token(request, caller, area="read", cost=REQUEST_COST)
    except Exception as error:
        refusal = as_refusal(error)
        visitor.count_refusal(refusal)
        response = problem(refusal, request)
        for name, value in rate_limit_headers(request).items():
            response.headers[name] = value
        return response
    return Admitted(visitor)


def _look_at(request: HttpRequest) -> None:
    """Refuse what no client of MCP asks, and what a page of a stranger's has a browser ask. Raises: `Refusal`."""
    request.get_host()
    if request.path != PATH:
        raise Refusal("not_found")
    origin = request.headers.get("Origin")
    if origin is not None and origin not in settings.CORS_ALLOWED_ORIGINS:
        raise Refusal("forbidden", "Pages of this origin may not ask.")
    if request.method != "POST":  # without a session there is nothing to listen to, and nothing to end
        raise Refusal("method_not_allowed", headers={"Allow": "POST"})


def _in_words_of_the_protocol(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[..., HttpResponse]:
    """Answer refusals as errors of JSON-RPC, with the problem as their data and its status."""

    def answer(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if response.headers["Content-Type"] != PROBLEM_TYPE:
            return response
        told: dict[str, Any] = json.decode(response.content)
        REFUSED.labels(code=told["code"]).inc()
        error = {"code": REFUSED_CODE, "message": f"{told['code']}: {told['detail']}", "data": told}
        response.content = json.encode({"jsonrpc": "2.0", "id": None, "error": error})
        response.headers["Content-Type"] = "application/json"
        response.headers["Cache-Control"] = "no-store"
        return response

    return answer
