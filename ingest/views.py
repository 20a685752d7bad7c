"""The one view of all protocols: who calls, within which limits, and the answer in the protocol's own words."""

from collections.abc import Callable, Mapping
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from drf_spectacular.utils import extend_schema_view
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from accounts.authentication import ApiKeyAuthentication
from accounts.permissions import HasScope, caller_of
from accounts.scopes import Scope
from foundation.errors import as_refusal
from ingest.express import Found
from ingest.intake import Intake
from ingest.protocol import Protocol, Reply
from quotas.throttling import Limited, TokenBucketThrottle

#: RFC 9745; the day from which new clients should not use the body's `api_key`.
BODY_KEY_DEPRECATED = "@1767225600"
#: Where a request has what the express lane has found of it; no header of a client's is called so.
FOUND = "luminalog.found"


class IntakeView(Limited, APIView):
    """Accept a batch of log entries. When it answers 200, they are on disk."""

    permission_classes = [HasScope]
    scope = Scope.INGEST
    protocol: Protocol
    intake: Intake
    found: Found | None

    def post(self, request: Request) -> HttpResponse:
        """Take what the caller sends."""
        return _response(self.intake.take(caller_of(request), outcome=self.found.outcome if self.found else None))

    def initialize_request(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Request:
        """Begin the intake: whoever authenticates may have to look into the body."""
        self.intake = Intake(self.protocol, request)
        self.found = request.META.get(FOUND)
        return super().initialize_request(request, *args, **kwargs)

    def get_authenticators(self) -> list[BaseAuthentication]:
        """Look for the key in the header, and then where the protocol has it."""
        found = self.found.caller if self.found else None
        return [ApiKeyAuthentication(in_body=lambda: self.intake.key_in_body(), found=found)]

    def get_throttles(self) -> list[BaseThrottle]:
        """Ask the buckets, unless they have been asked."""
        return [TokenBucketThrottle(self.found.verdict if self.found else None)]

    def get_exception_handler(self) -> Callable[[Exception, Mapping[str, Any]], HttpResponse]:
        """Refuse in the protocol's own words."""
        return self._refuse

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Give the body's memory back, and tell those who use the body's key that it is going away."""
        self.intake.close()
        response = super().finalize_response(request, response, *args, **kwargs)
        if self.intake.used_key_in_body:
            response.headers["Deprecation"] = BODY_KEY_DEPRECATED
            response.headers["Link"] = f'<{settings.DOCS_URL}>; rel="deprecation"; type="text/html"'
        return response

    def _refuse(self, exception: Exception, context: Mapping[str, Any]) -> HttpResponse:
        refusal = as_refusal(exception)
        request_id = getattr(context["request"]._request, "request_id", None)
        response = _response(self.protocol.refusal(refusal, request_id=request_id))
        response.code = refusal.code  # type: ignore[attr-defined]  # `foundation.traffic` counts by it
        return response


def takes(protocol: Protocol) -> Callable[..., HttpResponseBase]:
    """Return the view of an address where `protocol` is spoken."""
    members = {"protocol": protocol, "__doc__": IntakeView.__doc__}
    view: type[IntakeView] = type(f"{type(protocol).__name__}View", (IntakeView,), members)
    return extend_schema_view(post=protocol.describe)(view).as_view()


def _response(reply: Reply) -> HttpResponse:
    return HttpResponse(reply.body, status=reply.status, content_type=reply.media_type, headers=dict(reply.headers))
