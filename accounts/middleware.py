"""Who may come in how: no plain HTTP for keys, the admin from its networks only; and who changes what."""

from collections.abc import Callable
from contextlib import suppress
from ipaddress import ip_address, ip_network

from auditlog.middleware import AuditlogMiddleware
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse

from accounts.addresses import client_address
from accounts.last_use import plain_http
from accounts.presented import ANYWHERE, presented_key
from foundation.api import is_of_api
from foundation.errors import problem
from foundation.refusals import Refusal


class HttpsOnlyMiddleware:
    """Refuse plain HTTP outside development, before the body is read; never redirect: the key has been sent already."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if settings.DEVELOPMENT or request.is_secure() or not is_of_api(request.path):
            return self.get_response(request)
        with suppress(Refusal):
            plain_http.note(presented_key(request, places=ANYWHERE) or "")
        return problem(Refusal("https_required"), request)


class AdminNetworksMiddleware:
    """Hide the admin from addresses outside `ADMIN_NETWORKS`, if there are any."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self.networks = [ip_network(network) for network in settings.ADMIN_NETWORKS]

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not self.networks or not request.path.startswith("/admin") or self._is_inside(request):
            return self.get_response(request)
        raise Http404  # and so it looks like any other address of which there is nothing

    def _is_inside(self, request: HttpRequest) -> bool:
        address = ip_address(client_address(request))
        return any(address in network for network in self.networks)


class AuditMiddleware(AuditlogMiddleware):  # type: ignore[misc]  # auditlog has no types
    """Name the member of staff and their address in the audit trail; requests of the API pass by."""

    def __call__(self, request: HttpRequest) -> HttpResponse:
        call = self.get_response if is_of_api(request.path) else super().__call__
        response: HttpResponse = call(request)
        return response

    @staticmethod
    def _get_remote_addr(request: HttpRequest) -> str:
        """Believe X-Forwarded-For only as far as the operator trusts its proxies."""
        return client_address(request)
