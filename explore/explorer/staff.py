"""Who uses the explorer: staff with a session and the permission. Every look of theirs is recorded."""

from dataclasses import dataclass
from typing import cast

from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.addresses import client_address
from accounts.models import Organisation, User
from explore.models import AccessRecord
from explore.parameters import Parameters
from explore.permissions import may_view_logs
from luminalog.errors import ApiError
from storage.search import Search


class MayViewLogs(BasePermission):
    """A member of staff with the permission. Without a session the page must hear of it, not be sent to a form."""

    def has_permission(self, request: Request, view: APIView) -> bool:  # noqa: ARG002 - DRF's signature
        if request.user is None or not request.user.is_authenticated:
            raise ApiError("forbidden", "Your session has ended. Sign in again.", members={"signed_out": True})
        if not may_view_logs(request.user):
            raise ApiError("forbidden", "You may not look at logs.")
        return True


def staff_of(request: Request) -> User:
    """Return the member of staff who asks."""
    return cast(User, request.user)


def organisation_of(parameters: Parameters) -> Organisation:
    """Return the organisation asked for by its short name. Raises: `ApiError`."""
    organisation = Organisation.objects.filter(slug=parameters.text("organisation") or "").first()
    if organisation is None:
        raise ApiError("not_found", "There is no such organisation.")
    return organisation


@dataclass(frozen=True, kw_only=True)
class Look:
    """What somebody is about to look at."""

    action: AccessRecord.Action
    query: str = ""
    search: Search | None = None
    subject: str = ""


def record(request: Request, organisation: Organisation, look: Look) -> None:
    """Write into the access log who looks at what. It is kept even when the look then fails."""
    user = staff_of(request)
    AccessRecord.objects.create(
        user_id=user.pk,
        username=user.get_username(),
        organisation_id=organisation.pk,
        organisation=organisation.slug,
        action=look.action,
        query=look.query,
        range_start=look.search.start if look.search else None,
        range_end=look.search.end if look.search else None,
        subject=look.subject[:140],
        address=client_address(request._request),
    )
