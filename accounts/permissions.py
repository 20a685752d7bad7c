"""DRF's side of scopes: a view says which scope it needs."""

from typing import cast

from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.caller import Caller
from accounts.scopes import Scope, require


def caller_of(request: Request) -> Caller:
    """Return who is calling, as `ApiKeyAuthentication` found out."""
    return cast(Caller, request.user)


def scope_of(view: object) -> Scope | None:
    """Return the scope that a view needs: its attribute `scope`."""
    return getattr(view, "scope", None)


class HasScope(BasePermission):
    """The key has the view's scope; a view that names none is nobody's."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        scope = scope_of(view)
        assert scope, f"{type(view).__name__} does not say which scope it needs"
        require(caller_of(request), scope)
        return True
