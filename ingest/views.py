"""The one view of all protocols: who calls, within which limits, and the answer in the protocol's own words."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import wraps
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.db import Error as DatabaseError
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.cache import patch_vary_headers
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from accounts.authentication import ApiKeyAuthentication
from accounts.caller import Caller
from accounts.origins import headers_ahead, sharing_headers
from accounts.permissions import HasScope, caller_of
from accounts.scopes import Scope
from foundation.errors import as_refusal
from ingest import agents
from ingest.express import Found
from ingest.intake import Intake
from ingest.overflow import may_defer
from ingest.protocol import Head, Protocol, Reply
from quotas.buckets import TOKEN, Verdict
from quotas.throttling import Limited, TokenBucketThrottle, area_of, settle

#: RFC 9745; the day from which new clients should not use the body's `api_key`.
BODY_KEY_DEPRECATED = "@1767225600"
#: Where a request has what the express lane has found of it; no header of a client's is called so.
FOUND = "luminalog.found"

View = Callable[..., HttpResponseBase]


#: Of an agent these cost nothing.
FREE = {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}


class IntakeView(Limited, APIView):
    """Accept a batch of log entries. When it answers that they are kept, they are on disk."""

    permission_classes = [HasScope]
    scope = Scope.INGEST
    protocol: Protocol
    beside: Protocol | None = None
    intake: Intake
    found: Found | None

    def post(self, request: Request, **_: str) -> HttpResponse:
        """Take what the caller sends."""
        caller = caller_of(request)
        verdict: Verdict = request._request.rate_limit  # type: ignore[attr-defined]  # that of the throttle
        outcome = self.found.outcome if self.found else None
        reply = self.intake.take(caller, outcome=outcome, deferred_ms=verdict.deferred_ms)
        self._settle(agents.cost_of(self.intake.entries))
        return response_of(reply)

    def check_permissions(self, request: Request) -> None:
        """Ask the protocol, too, who may speak it."""
        super().check_permissions(request)
        self.intake.protocol.admit(caller_of(request))

    def initialize_request(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Request:
        """Begin the intake: whoever authenticates may have to look into the body."""
        head = head_of(request, kwargs)
        protocol = self.beside if self.beside and self.beside.claims(head) else self.protocol
        self.intake = Intake(protocol, head, request, beside=self.beside)
        self.pays_by_entries = protocol.is_agent
        self.found = request.META.get(FOUND)
        return super().initialize_request(request, *args, **kwargs)

    def get_authenticators(self) -> list[BaseAuthentication]:
        """Look for the key in the header, and then where the protocol has it."""
        found = self.found.caller if self.found else None
        places = self.intake.protocol.places
        return [ApiKeyAuthentication(in_body=lambda: self.intake.key_in_body(), found=found, places=places)]

    def get_throttles(self) -> list[BaseThrottle]:
        """Ask the buckets, unless they have been asked: for a token, or for the least that an agent's request costs."""
        cost = agents.MIN_COST if self.pays_by_entries else TOKEN
        caller = getattr(self.request, "_user", None)
        overflow = isinstance(caller, Caller) and may_defer(caller, self.intake.protocol)
        return [TokenBucketThrottle(self.found.verdict if self.found else None, cost=cost, overflow=overflow)]

    def get_exception_handler(self) -> Callable[[Exception, Mapping[str, Any]], HttpResponse]:
        """Refuse in the protocol's own words."""
        return self._refuse

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Give the body's memory back, and tell those who use the body's key that it is going away."""
        self.intake.close()
        response = super().finalize_response(request, response, *args, **kwargs)
        origin = request.headers.get("Origin")
        shared = self.intake.protocol.sharing
        by_keys = {} if shared else sharing_headers(getattr(self.request, "_user", None), origin=origin)
        for name, value in (shared.answers if shared and origin else by_keys).items():
            response.headers[name] = value
        if origin:
            patch_vary_headers(response, ["Origin"])
        if self.intake.used_key_in_body:
            response.headers["Deprecation"] = BODY_KEY_DEPRECATED
            response.headers["Link"] = f'<{settings.DOCS_URL}>; rel="deprecation"; type="text/html"'
        return response

    def _refuse(self, exception: Exception, context: Mapping[str, Any]) -> HttpResponse:
        refusal, protocol = as_refusal(exception), self.intake.protocol
        if protocol.is_agent:
            agents.wait_less(refusal)
        if refusal.status in FREE:
            self._settle(0)
        request_id = getattr(context["request"]._request, "request_id", None)
        response = response_of(protocol.refusal(refusal, request_id=request_id, head=self.intake.head))
        response.code = refusal.code  # type: ignore[attr-defined]  # `foundation.traffic` counts by it
        return response

    def _settle(self, cost: int) -> None:
        """Take what an agent's request costs beyond what it has paid; no answer depends on it."""
        request, caller = self.request._request, getattr(self.request, "_user", None)
        verdict = getattr(request, "rate_limit", None)
        if self.pays_by_entries and caller and verdict and verdict.allowed:
            with suppress(DatabaseError, LookupError):
                settle(request, caller, area=area_of(self), paid=agents.MIN_COST, cost=cost)


def takes(
    protocol: Protocol,
    *,
    beside: Protocol | None = None,
    by_put: bool = False,
    is_described: bool = True,
    describe: Callable[[Any], Any] | None = None,
) -> View:
    """Return the view of an address where `protocol` is spoken, or what the one `beside` it claims; by POST, or PUT.

    OpenAPI tells of it, by `describe` or else the protocol's own, unless it is another address of the same.
    """
    members: dict[str, Any] = {"protocol": protocol, "beside": beside, "__doc__": IntakeView.__doc__}
    if by_put:
        members["put"] = extend_schema(exclude=True)(lambda view, request, **captured: view.post(request, **captured))
    view: type[IntakeView] = type(f"{type(protocol).__name__}View", (IntakeView,), members)
    describe = (describe or protocol.describe) if is_described else extend_schema(exclude=True)
    return _asked_before(extend_schema_view(post=describe)(view).as_view(), protocol)


def _asked_before(view: View, protocol: Protocol) -> View:
    """Return the view that answers OPTIONS, which browsers ask without a key."""

    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.method == "OPTIONS":
            shared = protocol.sharing
            ahead = {**shared.answers, **shared.ahead} if shared else headers_ahead(request.headers.get("Origin"))
            status = protocol.asked_ahead_status
            return HttpResponse(status=status, headers={"Allow": "OPTIONS, POST", "Vary": "Origin", **ahead})
        return view(request, *args, **kwargs)

    return answer


def head_of(request: HttpRequest, captured: Mapping[str, str]) -> Head:
    return Head(
        path=request.path,
        media_type=request.content_type or "",
        captured=captured,
        parameters=request.GET.dict(),
        headers=request.headers,
    )


def response_of(reply: Reply) -> HttpResponse:
    response = HttpResponse(reply.body, status=reply.status, headers=dict(reply.headers))
    response.headers["Content-Type"] = reply.media_type
    if not reply.media_type:
        del response.headers["Content-Type"]
    return response
