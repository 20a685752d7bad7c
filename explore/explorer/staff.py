"""Who uses the explorer: staff with a session and the permission. Every look of theirs is recorded."""

from dataclasses import replace
from typing import cast

from rest_framework.authentication import SessionAuthentication
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts import looks
from accounts.addresses import client_address
from accounts.looks import Look
from accounts.models import Organisation, User
from explore.parameters import Parameters
from explore.permissions import may_view_logs
from foundation.refusals import Refusal
from privacy.recorded import as_recorded


class StaffSession(SessionAuthentication):
    """The session's cookie, and its token in a header. The body is left to the view: DRF would parse it for a token."""

    def enforce_csrf(self, request: Request) -> None:
        super().enforce_csrf(request._request)  # type: ignore[arg-type]  # it asks for nothing that only DRF has


class MayViewLogs(BasePermission):
    """A member of staff with the permission. Without a session the page must hear of it, not be sent to a form."""

    def has_permission(self, request: Request, view: APIView) -> bool:  # noqa: ARG002 - DRF's signature
        if request.user is None or not request.user.is_authenticated:
            raise Refusal("forbidden", "Your session has ended. Sign in again.", members={"signed_out": True})
        if not may_view_logs(request.user):
            raise Refusal("forbidden", "You may not look at logs.")
        return True


def staff_of(request: Request) -> User:
    """Return the member of staff who asks."""
    return cast(User, request.user)


def organisation_of(parameters: Parameters) -> Organisation:
    """Return the organisation asked for by its short name. Raises: `Refusal`."""
    organisation = Organisation.objects.filter(slug=parameters.text("organisation") or "").first()
    if organisation is None:
        raise Refusal("not_found", "There is no such organisation.")
    return organisation


def record(request: Request, organisation: Organisation, look: Look) -> None:
    """Record that whoever asks is about to look."""
    look = replace(look, query=as_recorded(look.query, organisation.pk))
    looks.record(look, by=staff_of(request), organisation=organisation, address=client_address(request._request))
