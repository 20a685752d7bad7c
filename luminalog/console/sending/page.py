"""The page, the answer it waits for, and what the page of a new key shows of it."""

from dataclasses import asdict, dataclass
from itertools import groupby
from typing import Any

from django.contrib.admin import AdminSite
from django.core.signing import BadSignature
from django.http import HttpRequest, JsonResponse
from django.template.response import TemplateResponse
from django.utils import timezone

from accounts.chosen import chosen_organisation
from accounts.models import ApiKey
from accounts.scopes import OF_PUBLIC_KEYS
from foundation import places
from foundation.places import Below, Page
from foundation.refusals import CODES
from luminalog.console.sending import arrival
from luminalog.console.sending.document import sections
from luminalog.console.sending.guides import Group, groups, placeholder

KEYS_SHOWN = 200
LOCAL = ("127.0.0.1", "localhost", "[::1]")


@dataclass(frozen=True, kw_only=True)
class Sending:
    """Everything that the guides show for one key."""

    api_key: ApiKey
    groups: list[Group]
    #: What stands for the secret; empty where it is known.
    placeholder: str
    since: str
    address: str
    is_local: bool


def sending(request: HttpRequest, api_key: ApiKey, *, secret: str = "") -> Sending:
    """Return the guides for a key: with its secret, if that is known at this moment."""
    address = request.build_absolute_uri("/").rstrip("/")
    stands_for_it = "" if secret else placeholder(api_key.name)
    only_sends = api_key.scopes == OF_PUBLIC_KEYS
    return Sending(
        api_key=api_key,
        groups=groups(sections(), url=address, key=secret or stands_for_it, only_sends=only_sends),
        placeholder=stands_for_it,
        since=arrival.since(api_key, now=timezone.now()).sealed(),
        address=address,
        is_local=request.get_host().rpartition(":")[0] in LOCAL or request.get_host() in LOCAL,
    )


def send_logs(request: HttpRequest, site: AdminSite) -> TemplateResponse:
    """Show how to send, with the key that is chosen, or the newest of the organisation that is."""
    usable = ApiKey.objects.in_force().filter(scopes__contains=["ingest"]).select_related("organisation", "project")
    keys = list(usable.order_by("organisation__name", "name", "pk")[: KEYS_SHOWN + 1])
    chosen = _chosen(request, keys, usable)
    if chosen and chosen not in keys[:KEYS_SHOWN]:
        keys.insert(0, chosen)
    context: dict[str, Any] = {
        **site.each_context(request),
        "title": "Send logs",
        "sending": sending(request, chosen) if chosen else None,
        "keys": [(name, list(own)) for name, own in groupby(keys[:KEYS_SHOWN], lambda key: key.organisation.name)],
        "more": len(keys) > KEYS_SHOWN,
    }
    response = TemplateResponse(request, "admin/sending/page.html", context)
    response.headers["Cache-Control"] = "private, no-store"
    return response


def _chosen(request: HttpRequest, keys: list[ApiKey], usable: Any) -> ApiKey | None:
    asked = request.GET.get("key", "")
    if asked.isdecimal() and len(asked) < 19 and (found := usable.filter(pk=int(asked)).first()):
        return found  # type: ignore[no-any-return]
    organisation = chosen_organisation(request)
    own = [key for key in keys if organisation and key.organisation_id == organisation.pk]
    return max(own or keys, key=lambda key: key.created_at, default=None)


def arrived(request: HttpRequest, site: AdminSite) -> JsonResponse:  # noqa: ARG001 - the console's signature
    """Answer what has come of a key since its page was shown."""
    try:
        mark = arrival.unsealed(request.GET.get("since", ""))
    except BadSignature:
        return JsonResponse({"detail": "This page is too old. Load it again."}, status=400)
    found = arrival.arrived(mark)
    ago = (timezone.now() - found.received_at).total_seconds() if found.received_at else None
    says = {code: CODES[code][1] for code, _ in found.refused if code in CODES}
    answer = asdict(found) | {"ago_seconds": ago, "says": says, "first_entry_id": str(found.first_entry_id or "")}
    return JsonResponse(answer, headers={"Cache-Control": "private, no-store"})


places.register(
    "customers",
    Page(
        title="Send logs",
        address="send_logs",
        path="customers/send/",
        view=send_logs,
        permissions=("accounts.view_apikey", "accounts.change_apikey"),
        order=3,  # beside the keys
        below=(Below(address="send_logs_arrived", path="arrived", view=arrived),),
    ),
)
