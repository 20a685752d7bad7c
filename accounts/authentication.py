"""DRF authentication by API key: the header first, the body's deprecated field only where the view allows it."""

from collections.abc import Callable
from dataclasses import replace
from ipaddress import ip_address

from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from accounts.addresses import HasMeta, client_address, client_network
from accounts.caller import Caller
from accounts.directory import directory
from accounts.failures import failed_keys
from accounts.last_use import last_use
from accounts.origins import may_be_used_by
from accounts.presented import ANYWHERE, BEARER, Places, presented_key
from foundation.errors import RefusedCaller
from foundation.refusals import Refusal


class ApiKeyAuthentication(BaseAuthentication):
    """Make the `Caller` of the API key `request.user`. With the header present, no byte of the body is read.

    `in_body` finds a key in the body, where the address has a place for one; `places` are where else
    one is looked for. Who has been `found` already, with all that `caller_behind` does, is not looked for again.

    Two `x-api-key` headers reach us as one value joined by a comma, which is no key.
    Raises: `RefusedCaller` for no key (401), a bad one (401, or 429 after too many), a foreign address (403).
    """

    def __init__(
        self,
        *,
        in_body: Callable[[], str | None] = lambda: None,
        found: Caller | None = None,
        places: Places = BEARER,
    ) -> None:
        self.in_body = in_body
        self.found = found
        self.places = places

    def authenticate(self, request: Request) -> tuple[Caller, None]:
        if self.found:
            return self.found, None
        try:
            return caller_behind(request._request, in_body=self.in_body, places=self.places), None
        except Refusal as refusal:
            raise RefusedCaller(refusal) from refusal

    def authenticate_header(self, request: Request) -> str:  # noqa: ARG002 - DRF's signature
        return "ApiKey"


def may_come_from(caller: Caller, *, address: str) -> bool:
    """Tell whether the caller's key may be used from `address`."""
    if not caller.allowed_networks:
        return True
    found = ip_address(address)
    return any(found in network for network in caller.allowed_networks)


def caller_in_header(request: HasMeta) -> Caller | None:
    """Return whose key the head holds, if anybody's: nothing is counted, noted or refused."""
    try:
        key = presented_key(request, places=ANYWHERE) or ""
        return directory.find(key, may_query=lambda: failed_keys.may_query(request))
    except (DatabaseError, InterfaceError, Refusal):
        return None


def caller_behind(
    request: HttpRequest,
    *,
    in_body: Callable[[], str | None] = lambda: None,
    places: Places = BEARER,
) -> Caller:
    """Find out who is calling. Raises: `Refusal`."""
    key = presented_key(request, places=places)
    if key is None:
        key = in_body()
    if not key:
        raise Refusal("missing_api_key")
    caller = directory.find(key, may_query=lambda: failed_keys.may_query(request))
    if caller is None:
        raise _refusal(request)
    address = client_address(request)
    if not may_come_from(caller, address=address):
        raise Refusal("forbidden", "This API key may not be used from your address.")
    if not may_be_used_by(caller, origin=request.META.get("HTTP_ORIGIN")):
        raise Refusal("forbidden", "This API key may not be used from your origin.")
    last_use.note(caller.api_key_id, address=address, client=request.META.get("HTTP_USER_AGENT", ""))
    return replace(caller, network=client_network(request)) if caller.is_public else caller


def _refusal(request: HttpRequest) -> Refusal:
    seconds = failed_keys.note(request)
    if seconds is None:
        return Refusal("invalid_api_key")
    return Refusal("too_many_failures", retry_after_seconds=seconds)
