"""The product's settings, with an empty view and the middlewares that stood before every request in November 2026.

They are named here once more so that the bound stays what it is when the product's own way of a request gets shorter.
"""

from django.http import HttpRequest, JsonResponse
from django.urls import path

from luminalog.settings import *  # noqa: F403

MIDDLEWARE = [
    "foundation.middleware.RequestContextMiddleware",
    "operations.metrics.MetricsMiddleware",
    "foundation.traffic.TrafficMiddleware",
    "foundation.middleware.UnreadBodyMiddleware",
    "foundation.middleware.FramingMiddleware",
    "foundation.middleware.ContentSecurityPolicyMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "foundation.middleware.KnownMethodsMiddleware",
    "accounts.middleware.HttpsOnlyMiddleware",
    "accounts.middleware.AdminNetworksMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "foundation.middleware.KnownHostMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "accounts.middleware.AuditMiddleware",
    "axes.middleware.AxesMiddleware",
]
ROOT_URLCONF = __name__


def empty(request: HttpRequest) -> JsonResponse:
    """Answer 200."""
    return JsonResponse({"status": "ok"})


urlpatterns = [path("empty", empty)]
