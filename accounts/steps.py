"""Admin pages for the steps of a key's and an organisation's life: one question, one button, then the step."""

from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib.admin import ModelAdmin, helpers
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.cache import add_never_cache_headers

from accounts.life import IssuedKey


@dataclass(frozen=True, kw_only=True)
class Question:
    """What a step asks before it is taken."""

    title: str
    consequence: str
    button: str
    is_grave: bool = False


def find(admin: "ModelAdmin[Any]", request: HttpRequest, object_id: str, *, permission: str) -> Any:
    """Return the row that a step is about. Raises: `PermissionDenied`, `Http404`."""
    if not request.user.has_perm(permission):
        raise PermissionDenied(permission)
    found = admin.get_object(request, object_id)
    if found is None:
        raise Http404
    return found


def ask(
    admin: "ModelAdmin[Any]", request: HttpRequest, row: Any, *, question: Question, form: forms.Form
) -> TemplateResponse:
    """Show the question on a page of its own."""
    fields = [(None, {"fields": list(form.fields)})]
    context = {
        **admin.admin_site.each_context(request),
        "title": question.title,
        "question": question,
        "opts": admin.opts,
        "original": row,
        "adminform": helpers.AdminForm(form, fields, {}),  # type: ignore[arg-type]  # any form will do
        "errors": form.errors,
        "media": admin.media,
    }
    return TemplateResponse(request, "admin/accounts/step.html", context)


def show_once(admin: "ModelAdmin[Any]", request: HttpRequest, issued: IssuedKey) -> TemplateResponse:
    """Show a new key, on a page that no cache and no history keeps."""
    context = {
        **admin.admin_site.each_context(request),
        "title": "Copy the key now",
        "opts": admin.opts,
        "issued": issued,
        "next": reverse("admin:accounts_apikey_change", args=[issued.api_key.pk]),
    }
    response = TemplateResponse(request, "admin/accounts/apikey/issued.html", context)
    add_never_cache_headers(response)
    return response
