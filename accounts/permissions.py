"""What a key may do: its scopes, as DRF permissions."""

from typing import cast

from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.caller import Caller
from foundation.refusals import Refusal


def caller_of(request: Request) -> Caller:
    """Return who is calling, as `ApiKeyAuthentication` found out."""
    return cast(Caller, request.user)


class MayIngest(BasePermission):
    """The key may send logs."""

    def has_permission(self, request: Request, view: APIView) -> bool:  # noqa: ARG002 - DRF's signature
        if not caller_of(request).can_ingest:
            raise Refusal("forbidden", "This API key may not send logs.")
        return True


class MayRead(BasePermission):
    """The key may read logs."""

    def has_permission(self, request: Request, view: APIView) -> bool:  # noqa: ARG002 - DRF's signature
        if not caller_of(request).can_read:
            raise Refusal("forbidden", "This API key may not read logs.")
        return True
