"""What agents ask before they send, or to see whether we live: no token, no row; how often is limited by address."""

from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.crypto import salted_hmac
from django.views.decorators.csrf import csrf_exempt
from drf_spectacular.utils import extend_schema
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.authentication import ApiKeyAuthentication
from accounts.permissions import HasScope
from accounts.presented import OF_AGENTS, OF_DATADOG
from accounts.scopes import Scope
from accounts.visitors import limited
from foundation.errors import as_refusal
from foundation.methods import by_method
from foundation.refusals import Refusal
from ingest.agents import wait_less
from ingest.protocol import Protocol
from ingest.protocols import splunk
from ingest.protocols.datadog import DATADOG
from ingest.protocols.elasticsearch import ELASTICSEARCH, handshake
from ingest.protocols.otlp import OTLP
from ingest.spool.capacity import capacity
from ingest.views import head_of, response_of

PER_MINUTE = 3_000

View = Callable[..., HttpResponseBase]


@extend_schema(exclude=True)
class ElasticsearchView(APIView):
    """Answer as an Elasticsearch in which everything is set up. Whoever asks needs a key that may send."""

    permission_classes = [HasScope]
    scope = Scope.INGEST

    def get_authenticators(self) -> list[BaseAuthentication]:
        return [ApiKeyAuthentication(places=OF_AGENTS)]

    def get(self, request: Request, **captured: str) -> HttpResponse:
        """Answer from what is always so."""
        head, method = head_of(request._request, captured), request.method or ""
        pinned = settings.ELASTICSEARCH_VERSION
        reply = handshake.answer(head, method=method, cluster_id=_cluster_id(), version=pinned)
        if reply is None:
            raise Refusal("not_found")
        return response_of(reply)

    put = post = delete = get

    def get_exception_handler(self) -> Callable[[Exception, Mapping[str, Any]], HttpResponse]:
        return _in_words_of(ELASTICSEARCH)


@extend_schema(exclude=True)
class ValidateView(APIView):
    """Tell Datadog's agent whether its key may send."""

    permission_classes = [HasScope]
    scope = Scope.INGEST

    def get_authenticators(self) -> list[BaseAuthentication]:
        return [ApiKeyAuthentication(places=OF_DATADOG)]

    def get(self, request: Request) -> HttpResponse:  # noqa: ARG002
        """It may."""
        return HttpResponse(b'{"valid":true}', content_type="application/json")

    def get_exception_handler(self) -> Callable[[Exception, Mapping[str, Any]], HttpResponse]:
        return _in_words_of(DATADOG)


def _health(request: HttpRequest, **_: str) -> HttpResponse:  # noqa: ARG001
    return response_of(splunk.said(*splunk.ABOUT_HEALTH[not capacity.is_full()]))


def _acknowledgement(request: HttpRequest, **_: str) -> HttpResponse:  # noqa: ARG001
    return response_of(splunk.said(*splunk.NO_ACKNOWLEDGEMENT))


def _empty(request: HttpRequest, **_: str) -> HttpResponse:  # noqa: ARG001
    return HttpResponse()


def _in_words_of(protocol: Protocol) -> Callable[[Exception, Mapping[str, Any]], HttpResponse]:
    def refuse(exception: Exception, context: Mapping[str, Any]) -> HttpResponse:
        request: HttpRequest = context["request"]._request
        return _refused(as_refusal(exception), protocol, request, context.get("kwargs") or {})

    return refuse


def _refused(refusal: Refusal, protocol: Protocol, request: HttpRequest, captured: Mapping[str, str]) -> HttpResponse:
    wait_less(refusal)
    request_id = getattr(request, "request_id", None)
    response = response_of(protocol.refusal(refusal, request_id=request_id, head=head_of(request, captured)))
    response.code = refusal.code  # type: ignore[attr-defined]  # `foundation.traffic` counts by it
    return response


@cache
def _cluster_id() -> str:
    """Return 22 characters that stay the same."""
    return urlsafe_b64encode(salted_hmac("ingest.handshakes", "cluster").digest())[:22].decode()


@csrf_exempt
def _logs_only(request: HttpRequest, **captured: str) -> HttpResponse:
    """Tell an SDK that sends all its signals to one address which of them has a place here."""
    refusal = Refusal("not_found", "Only logs are taken here: send them to /v1/logs, and switch this signal off.")
    return _refused(refusal, OTLP, request, captured)


def _says(body: bytes, media_type: str) -> View:
    def view(request: HttpRequest, **_: str) -> HttpResponse:  # noqa: ARG001
        return HttpResponse(body, content_type=media_type)

    return by_method(GET=view)


_limited = limited(group="handshakes", per_minute=PER_MINUTE)
elasticsearch: View = csrf_exempt(_limited(ElasticsearchView.as_view()))
logs_only: View = _limited(_logs_only)
validate: View = csrf_exempt(_limited(ValidateView.as_view()))
splunk_health: View = _limited(by_method(GET=_health, OPTIONS=_empty))
splunk_ack: View = _limited(by_method(POST=_acknowledgement, OPTIONS=_empty))
ready: View = _limited(_says(b"ready\n", "text/plain"))
labels: View = _limited(_says(b'{"status":"success","data":[]}', "application/json"))


def is_for_elasticsearch(request: HttpRequest) -> bool:
    """Tell whether `GET /` is asked of an Elasticsearch."""
    return handshake.asks(request.headers)
