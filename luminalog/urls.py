"""Every address of the product."""

import structlog
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import include, path, re_path

from explore.views import LogsView
from foundation.errors import problem
from foundation.methods import by_method
from foundation.refusals import Refusal
from ingest.urls import post_logs
from operations import health

log = structlog.get_logger(__name__)

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    re_path(r"^v1/logs/?\Z", by_method(GET=LogsView.as_view(), POST=post_logs)),
    path("", include("luminalog.landing.urls")),
    path("v1/", include("ingest.urls")),
    path("v1/", include("explore.urls")),
    path("v1/", include("quotas.urls")),
    path("admin/", admin.site.urls),
]


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer what Django refuses to take: a foreign Host, too many fields, a forged upload. One line tells of it."""
    log.warning("request_refused", error=type(exception).__name__)
    return problem(Refusal("invalid_request"), request)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 - Django's signature
    """Answer an unknown address of the API, and any other."""
    return problem(Refusal("not_found"), request)


def server_error(request: HttpRequest) -> HttpResponse:
    """The last resort; Django has logged the exception."""
    return problem(Refusal("internal_error"), request)


handler400 = "luminalog.urls.bad_request"
handler404 = "luminalog.urls.not_found"
handler500 = "luminalog.urls.server_error"
