"""The public pages. They run no inline script and load nothing from elsewhere: their policy forbids both."""

from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiJsonRenderer
from drf_spectacular.views import SpectacularSwaggerSplitView

from foundation.methods import only_read
from foundation.once import once
from foundation.refusals import CODES
from luminalog.landing import schemes  # noqa: F401 - drf-spectacular finds it by being imported

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self';"
    " connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


def _landing(request: HttpRequest) -> HttpResponse:
    """Say what this is, and where to go."""
    return _page(request, "landing/landing.html", {"base_url": request.build_absolute_uri("/").rstrip("/")})


def _error_catalogue(request: HttpRequest) -> HttpResponse:
    """List every code that an answer may carry: the `type` of a problem points to its line here."""
    errors = [
        {"code": code, "status": status, "title": HTTPStatus(status).phrase, "detail": detail}
        for code, (status, detail) in CODES.items()
    ]
    return _page(request, "landing/errors.html", {"errors": errors})


def _openapi(request: HttpRequest) -> HttpResponse:  # noqa: ARG001 - Django's signature
    """Return the OpenAPI 3.1 description of the API."""
    return HttpResponse(_description(), content_type="application/json")


landing, error_catalogue, openapi = map(only_read, (_landing, _error_catalogue, _openapi))


class ApiDocumentation(SpectacularSwaggerSplitView):
    """Swagger UI on our description, with its start script at an address of its own."""

    template_name = "landing/docs.html"
    url = "/v1/openapi.json"

    def finalize_response(self, *args: Any, **kwargs: Any) -> Any:
        """Add the policy."""
        response = super().finalize_response(*args, **kwargs)
        response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
        return response


@once
def _description() -> bytes:
    document = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    rendered: bytes = OpenApiJsonRenderer().render(document)
    return rendered


def _page(request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    response = render(request, template, context)
    response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
    return response
