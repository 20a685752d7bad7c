"""Which edge is calling: by its token, from its networks, and always the same installation."""

from ipaddress import ip_address, ip_network
from uuid import UUID

from django.db.models import Case, Q, Value, When
from django.http import HttpRequest
from django.utils import timezone

from accounts.addresses import client_address
from accounts.failures import failed_keys
from edges.models import SILENT_AFTER, Edge
from edges.tokens import digest, is_well_formed
from foundation.refusals import Refusal

SCHEME = "Bearer "


def edge_behind(request: HttpRequest) -> Edge:
    """Return the edge whose token the header holds. Raises: `Refusal`; all bad tokens get the same one."""
    token = request.headers.get("Authorization", "").removeprefix(SCHEME).strip()
    edge = None
    if is_well_formed(token) and failed_keys.may_query(request):
        edge = Edge.objects.filter(sha256=digest(token), revoked_at=None).first()
    if edge is None:
        seconds = failed_keys.note(request)
        if seconds is None:
            raise Refusal("invalid_api_key", "The edge's token is not valid.")
        raise Refusal("too_many_failures", retry_after_seconds=seconds)
    if not _may_come_from(edge, client_address(request)):
        raise Refusal("forbidden", "This edge may not call from your address.")
    return edge


def bind(edge: Edge, installation: str) -> None:
    """Take the first installation that comes with a token for the edge, and refuse any other. Raises: `Refusal`."""
    try:
        known = UUID(installation)
    except ValueError:
        raise Refusal("invalid_payload", "The installation is no UUID.") from None
    if edge.installation == known:
        return
    if not Edge.objects.filter(Q(installation=None) | Q(installation=known), pk=edge.pk).update(installation=known):
        raise Refusal("forbidden", "This token belongs to another installation: make an edge of its own for this one.")


def note_seen(edge: Edge, **told: object) -> None:
    """Note that the edge is there, and what it has told of itself."""
    now = timezone.now()
    was_silent = Case(When(last_seen_at__lt=now - SILENT_AFTER, then=Value(now)), default="unheard_until")
    Edge.objects.filter(pk=edge.pk).update(last_seen_at=now, unheard_until=was_silent, **told)


def _may_come_from(edge: Edge, address: str) -> bool:
    return not edge.allowed_networks or any(ip_address(address) in ip_network(one) for one in edge.allowed_networks)
