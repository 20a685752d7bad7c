"""`GET /v1/logs/tail` as the API's process answers it: the stream is served by the tail's own process."""

from django.conf import settings
from django.http import HttpResponse
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.permissions import HasScope
from accounts.scopes import Scope
from explore import schema
from explore.tail.subscription import API_PATH
from foundation.openapi import TEXT
from foundation.refusals import Refusal
from quotas.throttling import Limited

TAIL = schema.operation(
    "tail_logs",
    "New entries as they are stored, as server-sent events",
    parameters=[
        schema.QUERY,
        OpenApiParameter(
            "Last-Event-ID",
            str,
            OpenApiParameter.HEADER,
            description="The id of the last event you got: continue after it. Too old (15 minutes) or not ours: `gap`.",
        ),
    ],
    answers={
        (200, "text/event-stream"): OpenApiResponse(
            TEXT,
            "`hello` when the stream stands; a `message` an entry, its data as in a page of logs; `notice` before the"
            " server ends the stream, when entries come late (`lagging`), or were left out (`gap`). At most 20 streams"
            " a key, 100 an organisation.",
        ),
        307: OpenApiResponse(description="Where no proxy stands in front: the stream is at this other address."),
    },
)


class TailElsewhereView(Limited, APIView):
    permission_classes = [HasScope]
    scope = Scope.READ
    throttle_scope_name = "read"

    @TAIL
    def get(self, request: Request) -> HttpResponse:
        """Send those who come without a proxy to the stream's own port. A proxy routes this address there."""
        if not settings.TAIL_URL:
            raise Refusal("not_found", "The proxy does not route this address to the live tail.")
        query = request._request.META.get("QUERY_STRING", "")
        location = f"{settings.TAIL_URL}{API_PATH}" + (f"?{query}" if query else "")
        return HttpResponse(status=307, headers={"Location": location, "Cache-Control": "no-store"})
