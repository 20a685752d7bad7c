"""Saved searches: a member of staff sees their own and the shared ones, and changes their own."""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode

from django.core.exceptions import ValidationError
from django.db.models import Q
from django.urls import reverse
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.models import User
from explore.explorer.staff import MayViewLogs, StaffSession, organisation_of, staff_of
from explore.models import SavedSearch
from explore.parameters import Parameters
from explore.permissions import may_view_logs
from foundation.json_object import read_object
from foundation.places import Found
from foundation.refusals import FieldError, Refusal

FIELDS = ("name", "query", "levels", "time_range", "columns", "order", "view")
#: Parameters of the address that say how a search is shown.
VIEW = ("show", "since", "measure", "by", "draw")
MOST = 200


class SavedSearchesView(APIView):
    authentication_classes = [StaffSession]
    permission_classes = [MayViewLogs]
    throttle_classes = []
    schema = None

    def get(self, request: Request) -> Response:
        """List the searches of an organisation that one may use."""
        organisation = organisation_of(Parameters(request.query_params))
        found = SavedSearch.objects.filter(Q(owner=staff_of(request)) | Q(is_shared=True), organisation=organisation)
        searches = found.select_related("owner")[:MOST]
        return Response({"searches": [_as_json(search, staff_of(request)) for search in searches]})

    def post(self, request: Request) -> Response:
        """Keep a search under a name; an own one of that name is replaced."""
        organisation = organisation_of(Parameters(request.query_params))
        owner = staff_of(request)
        values = _values(read_object(request._request))
        _check(SavedSearch(owner=owner, organisation=organisation, **values))
        name = values.pop("name")
        search, created = SavedSearch.objects.update_or_create(
            owner=owner, organisation=organisation, name=name, defaults=values
        )
        return Response(_as_json(search, owner), status=201 if created else 200)


class SavedSearchView(APIView):
    authentication_classes = [StaffSession]
    permission_classes = [MayViewLogs]
    throttle_classes = []
    schema = None

    def delete(self, request: Request, search_id: int) -> Response:
        """Forget one's own search."""
        deleted, _ = SavedSearch.objects.filter(pk=search_id, owner=staff_of(request)).delete()
        if not deleted:
            raise Refusal("not_found")
        return Response(status=204)


def find(user: Any, text: str, limit: int) -> Iterator[Found]:
    """Find for the palette the searches that `user` may use, by a part of their name."""
    if may_view_logs(user):
        rows = SavedSearch.objects.filter(Q(owner=user) | Q(is_shared=True), name__icontains=text)
        for search in rows.select_related("organisation")[:limit]:
            yield Found(title=f"{search.name}, {search.organisation.name}", what="saved search", url=address(search))


def address(search: SavedSearch) -> str:
    """Return where the explorer shows what the search finds."""
    start, _, end = search.time_range.partition("/")
    span = {"from": start, "to": end} if end else {"range": start}
    given = {
        "organisation": search.organisation.slug, "query": search.query, "levels": search.levels, **span,
        "columns": search.columns, "order": search.order, "wrap": "1" if search.is_wrapped else "",
    }  # fmt: skip
    pairs = [(name, value) for name, value in given.items() if value]
    return f"{reverse('admin:explorer')}?{urlencode([*pairs, *parse_qsl(search.view)])}"


def _values(given: Mapping[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = {name: given.get(name, "") for name in FIELDS}
    if not all(isinstance(value, str) for value in values.values()):
        raise Refusal("invalid_payload")
    return values | {
        "name": values["name"].strip(),
        "is_shared": given.get("is_shared") is True,
        "is_wrapped": given.get("is_wrapped") is True,
    }


def _check(search: SavedSearch) -> None:
    if not {name for name, _ in parse_qsl(search.view)} <= set(VIEW):
        raise Refusal("invalid_payload", f"view may hold {', '.join(VIEW)}, as in the address.")
    try:
        search.clean_fields(exclude=("owner", "organisation"))
    except ValidationError as error:
        errors = [FieldError(pointer=f"/{name}", code="invalid_payload", detail=" ".join(texts))
                  for name, texts in error.message_dict.items()]  # fmt: skip
        raise Refusal("invalid_payload", errors=errors) from error


def _as_json(search: SavedSearch, user: User) -> dict[str, Any]:
    return {
        "id": search.pk,
        "name": search.name,
        "query": search.query,
        "levels": search.levels,
        "time_range": search.time_range,
        "columns": search.columns,
        "order": search.order,
        "view": search.view,
        "is_wrapped": search.is_wrapped,
        "is_shared": search.is_shared,
        "is_own": search.owner_id == user.pk,
        "owner": search.owner.get_username(),
    }
