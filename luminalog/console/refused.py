"""What a browser shows of a refusal: one page that says what is missing, and whom to ask. Programs get the problem."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib import admin
from django.contrib.auth.models import Permission
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from accounts.models import User
from foundation.api import is_of_api
from foundation.errors import problem
from foundation.refusals import Refusal

TITLES = {
    400: "This address is not understood",
    403: "You may not do that",
    404: "There is nothing here",
    429: "Not so fast",
    500: "Something is broken on our side",
}
#: What one needs for Django's own pages of a model, by the end of their address's name.
VERBS = {"changelist": "view", "history": "view", "change": "change", "add": "add", "delete": "delete"}


def answer(refusal: Refusal, request: HttpRequest, *, because: Exception | None = None) -> HttpResponse:
    """Answer as the caller reads: a page for a browser, else a problem."""
    if is_of_api(request.path) or "text/html" not in request.headers.get("Accept", ""):
        return problem(refusal, request)
    user = _staff(request) if refusal.status != HTTPStatus.INTERNAL_SERVER_ERROR else None
    context = {
        "title": TITLES.get(refusal.status, HTTPStatus(refusal.status).phrase),
        "status": refusal.status,
        "detail": refusal.detail,
        "request_id": getattr(request, "request_id", ""),
        "base": "admin/base_site.html" if user else "landing/page.html",
    }
    if user:
        context |= {**admin.site.each_context(request), **_missing(request, user, because)}
    response = render(request, "refused.html", context, status=refusal.status)
    for name, value in refusal.headers.items():
        response.headers[name] = value
    response.code = refusal.code  # type: ignore[attr-defined]  # `traffic` counts by it
    return response


def locked_out(
    request: HttpRequest, _response: HttpResponse | None, _credentials: Mapping[str, Any] | None
) -> HttpResponse:
    """Answer whoever has failed to log in too often, as axes asks."""
    minutes = int(settings.AXES_COOLOFF_TIME * 60)
    detail = f"Too many log-ins with a wrong password. Try again in {minutes} minutes."
    return answer(Refusal("too_many_requests", detail, retry_after_seconds=60 * minutes), request)


def _staff(request: HttpRequest) -> User | None:
    """Return the member of staff who asks; nobody before the session has been looked at."""
    user = getattr(request, "user", None)
    return user if isinstance(user, User) and user.is_staff else None


def _missing(request: HttpRequest, user: User, because: Exception | None) -> Mapping[str, Any]:
    """Return what `user` lacks, by its name, and who can give it; nothing where that is not what is wrong."""
    if not isinstance(because, PermissionDenied):
        return {}
    label, _, codename = (str(because) or _needed(request)).partition(".")
    permission = Permission.objects.filter(content_type__app_label=label, codename=codename).first()
    giver = User.objects.filter(is_superuser=True, is_active=True).exclude(pk=user.pk).order_by("date_joined").first()
    return {"permission": permission.name if permission else "", "giver": giver}


def _needed(request: HttpRequest) -> str:
    """Return the permission that Django's own page of a model asks for, read off its address's name."""
    name = (request.resolver_match and request.resolver_match.url_name) or ""
    for model in apps.get_models():
        page = name.removeprefix(f"{model._meta.app_label}_{model._meta.model_name}_")
        if page != name and page in VERBS:
            verb = "view" if page == "change" and request.method == "GET" else VERBS[page]
            return f"{model._meta.app_label}.{verb}_{model._meta.model_name}"
    return ""
