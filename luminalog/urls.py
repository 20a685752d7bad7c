"""Every address of the product."""

import structlog
from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import include, path, re_path
from django.views.decorators.csrf import csrf_exempt

from explore.views import LogsView
from foundation.methods import by_method
from foundation.refusals import Refusal
from ingest import agent_urls, handshakes
from ingest.urls import post_logs
from luminalog.console import refused
from luminalog.landing.urls import landing
from luminalog.static_files import DIGITS, of_another_version
from operations import health

log = structlog.get_logger(__name__)


@csrf_exempt
def root(request: HttpRequest) -> HttpResponseBase:
    """Show what this is; to an agent that looks for an Elasticsearch, say that it has found one."""
    is_asked = handshakes.is_for_elasticsearch(request)
    return handshakes.elasticsearch(request) if is_asked else landing(request)


urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    re_path(r"^v1/logs/?\Z", by_method(GET=LogsView.as_view(), POST=post_logs, OPTIONS=post_logs)),
    path("", root, name="landing"),
    path("", include("luminalog.landing.urls")),
    path("v1/", include("alerts.urls")),
    path("v1/", include("edges.urls")),
    path("v1/", include("ingest.urls")),
    path("v1/", include("explore.urls")),
    path("v1/", include("issues.urls")),
    path("v1/", include("assist.urls")),
    path("v1/", include("quotas.urls")),
    path("admin/", admin.site.urls),
    re_path(rf"^static/(?:[0-9a-f]{{{DIGITS}}}/)?(?P<path>.+)\Z", of_another_version),
    path("ingest/", include(agent_urls.below_ingest)),
    path("", include(agent_urls)),  # where "ingest" might be an index
]


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer what Django refuses to take: a foreign Host, too many fields, a forged upload. One line tells of it."""
    log.warning("request_refused", error=type(exception).__name__)
    return refused.answer(Refusal("invalid_request"), request)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Say which permission is missing, to whoever may know."""
    return refused.answer(Refusal("forbidden", "You may not do that."), request, because=exception)


def csrf_failed(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer a form without its token, or one that was open for longer than its session."""
    log.warning("csrf_failed", reason=reason)
    detail = "This form is older than your session, or comes from another site. Go back, reload the page and try again."
    return refused.answer(Refusal("forbidden", detail), request)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 - Django's signature
    """Answer an unknown address of the API, and any other."""
    return refused.answer(Refusal("not_found"), request)


def server_error(request: HttpRequest) -> HttpResponse:
    """The last resort; Django has logged the exception."""
    return refused.answer(Refusal("internal_error"), request)


handler400 = "luminalog.urls.bad_request"
handler403 = "luminalog.urls.forbidden"
handler404 = "luminalog.urls.not_found"
handler500 = "luminalog.urls.server_error"
