"""What API views of an organisation's own things have in common: who may, how often, what is asked, and no cache."""

from typing import Any

from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.permissions import HasScope, caller_of
from accounts.scopes import Scope
from foundation.parameters import Parameters
from quotas.throttling import Limited


class PrivateView(Limited, APIView):
    """To read, unless it says otherwise; `parameters` are the names that it takes."""

    permission_classes = [HasScope]
    throttle_scope_name = "read"
    parameters: tuple[str, ...] = ()

    @property
    def scope(self) -> Scope:
        """What the key must have."""
        return Scope.READ

    def asked(self, request: Request) -> tuple[int, Parameters]:
        """Return whose things are asked for, and the parameters. Raises: `Refusal`."""
        parameters = Parameters(request.query_params)
        parameters.refuse_others_than(self.parameters)
        return caller_of(request).organisation_id, parameters

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Keep the answer out of caches."""
        response = super().finalize_response(request, response, *args, **kwargs)
        response.headers["Cache-Control"] = "private, no-store"
        return response


class ChangingView(PrivateView):
    """To read with scope `read`, to change with scope `manage`."""

    @property
    def scope(self) -> Scope:
        """Changing takes `manage`."""
        method = (getattr(getattr(self, "request", None), "method", None) or "GET").lower()
        return Scope.MANAGE if method in ("post", "patch", "delete") and hasattr(self, method) else Scope.READ
