"""The addresses of an edge: those that take batches. Whatever else somebody looks for is at the core."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import include, path, re_path
from django.views.decorators.csrf import csrf_exempt

from foundation.errors import problem
from foundation.methods import by_method
from foundation.refusals import Refusal
from ingest import agent_urls, handshakes
from ingest.urls import post_logs
from operations import health


@csrf_exempt
def at_the_core(request: HttpRequest, exception: Exception | None = None, **_: object) -> HttpResponse:  # noqa: ARG001
    """Say where it is that is not here."""
    return problem(
        Refusal("not_found", f"This is an edge, which takes logs only. Look at {settings.CORE_URL}."), request
    )


@csrf_exempt
def root(request: HttpRequest) -> HttpResponseBase:
    """Say to an agent that looks for an Elasticsearch that it has found one."""
    return handshakes.elasticsearch(request) if handshakes.is_for_elasticsearch(request) else at_the_core(request)


urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    re_path(r"^v1/logs/?\Z", by_method(GET=at_the_core, POST=post_logs, OPTIONS=post_logs)),
    path("", root),
    path("v1/", include("ingest.urls")),
    path("ingest/", include(agent_urls.below_ingest)),
    path("", include(agent_urls)),
]


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 - Django's signature
    """Answer what Django refuses to take."""
    return problem(Refusal("invalid_request"), request)


def server_error(request: HttpRequest) -> HttpResponse:
    """The last resort; Django has logged the exception."""
    return problem(Refusal("internal_error"), request)


handler400 = "luminalog.edge_urls.bad_request"
handler404 = "luminalog.edge_urls.at_the_core"
handler500 = "luminalog.edge_urls.server_error"
