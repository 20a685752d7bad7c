"""The public pages. They run no inline script and load nothing from elsewhere: their policy forbids both."""

import json
from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiJsonRenderer

from foundation.methods import only_read
from foundation.once import once
from foundation.refusals import CODES
from luminalog.landing import schemes  # noqa: F401 - drf-spectacular finds it by being imported
from luminalog.landing.examples import examples
from luminalog.landing.reference import operations


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


def _documentation(request: HttpRequest) -> HttpResponse:
    """Show the API: how to begin, and each operation with examples to paste."""
    base_url = request.build_absolute_uri("/").rstrip("/")
    context = {
        "base_url": base_url,
        "scheme": "HTTPS" if request.is_secure() else "HTTP",
        "languages": {one.language: one.title for one in examples("ingest_logs", "", base_url=base_url)},
        "first": examples("ingest_logs", "", base_url=base_url),
        "tags": {
            tag: [(one, examples(one.name, one.path, base_url=base_url)) for one in found]
            for tag, found in operations(_described()).items()
        },
    }
    return _page(request, "landing/docs.html", context)


landing, error_catalogue, openapi, documentation = map(
    only_read, (_landing, _error_catalogue, _openapi, _documentation)
)


@once
def _description() -> bytes:
    document = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    rendered: bytes = OpenApiJsonRenderer().render(document)
    return rendered


@once
def _described() -> dict[str, Any]:
    described: dict[str, Any] = json.loads(_description())
    return described


def _page(request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    return render(request, template, context)
