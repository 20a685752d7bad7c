"""The read API once more, for staff: same views, but the session says who asks and a parameter says whose logs."""

from typing import Any
from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from accounts.looks import Look
from accounts.models import AccessRecord, Organisation
from explore import figures_views, views
from explore.aggregates import read_asked
from explore.explorer.staff import MayViewLogs, StaffSession, organisation_of, record
from explore.known import known_beside
from explore.parameters import Parameters
from explore.search import Fields
from explore.shape import as_text
from explore.top_values import read_names
from foundation.json_object import read_object
from foundation.levels import BY_NAME
from foundation.refusals import Refusal
from issues import reading
from storage.search import Search

Action = AccessRecord.Action
#: To choose from.
MOST_RELEASES = 20


def with_levels(given: Parameters, organisation_id: int) -> Parameters:
    """Join the chosen levels to the query; the query alone is parsed first, so that errors have its positions."""
    query, levels = given.text("query") or "", given.text("levels")
    given.query(organisation_id)
    names = levels.split(",") if levels else []
    if not set(names) <= BY_NAME.keys():
        raise Refusal("invalid_parameter", "levels must be names of levels, separated by commas.")
    if not names:
        return given
    chosen = "(" + " OR ".join(f"level:{name}" for name in names) + ")"
    changed: Any = given.given.copy()  # type: ignore[attr-defined]  # a dict, or Django's
    changed["query"] = f"({query}) AND {chosen}" if query.strip() else chosen
    return Parameters(changed)


class StaffLook(views.ReadView):
    """Swaps the caller of a read view for a member of staff, and records the look."""

    authentication_classes = [StaffSession]
    permission_classes = [MayViewLogs]
    throttle_classes = []
    schema = None
    action: Action
    is_search = True
    #: Shows what a search is about, in another way: it belongs to that search's record.
    is_part = False

    def asked(self, request: Request) -> tuple[int, Parameters]:
        """Return whose logs are asked for, and the parameters; nothing is read that is not recorded."""
        given = Parameters(request.query_params)
        given.refuse_others_than((*self.parameters, "organisation", "levels"))
        organisation = organisation_of(given)
        parameters = with_levels(given, organisation.pk)
        name = name_of(request) if self.is_part else None
        record(request, organisation, self.look(organisation, given if name else parameters, name=name))
        return organisation.pk, parameters

    def look(self, organisation: Organisation, parameters: Parameters, *, name: UUID | None) -> Look:
        """Describe the look for the access log. A search that counts all levels beside its entries is one for all."""
        subject = str(self.kwargs.get("entry_id") or self.kwargs.get("trace_id") or "")
        if not self.is_search:
            return Look(action=self.action, subject=subject)
        search = parameters.search(organisation.pk)
        action = Action.SEARCH if name else self.action
        query = parameters.text("query") or ""
        subject = self.measured(parameters)
        return Look(action=action, query=query, start=search.start, end=search.end, subject=subject, name=name)

    def measured(self, parameters: Parameters) -> str:  # noqa: ARG002 - for those that do
        """Tell what is asked of the entries that a search finds, unless it is themselves. Raises: `Refusal`."""
        return ""


def name_of(request: Request) -> UUID | None:
    """Return what the page calls the search that the request is a part of."""
    try:
        return UUID(request.headers.get("X-Look", ""))
    except ValueError:
        return None


class SearchLook(StaffLook, views.LogsView):
    action, is_part = Action.SEARCH, True


class HistogramLook(StaffLook, views.HistogramView):
    action, is_part = Action.HISTOGRAM, True


class FieldsLook(StaffLook, views.FieldsView):
    action = Action.FIELDS

    def shown(self, asked: Search, found: Fields) -> dict[str, Any]:
        """Return also those that the newest entries have none of, and others lately had."""
        return {
            "fields": found.fields,
            "sampled_entries": found.sampled_entries,
            "known": known_beside(found.fields, asked.organisation_id, since=asked.start),
        }


class ValuesLook(StaffLook, figures_views.ValuesView):
    action = Action.FIELDS

    def measured(self, parameters: Parameters) -> str:
        since = parameters.moment("since")
        return ", ".join(read_names(parameters)) + (f" since {as_text(since)}" if since else "")


class AggregateLook(StaffLook, figures_views.AggregateView):
    action = Action.AGGREGATE

    def measured(self, parameters: Parameters) -> str:
        return read_asked(parameters).words


class PatternsLook(StaffLook, figures_views.PatternsView):
    action, is_part = Action.SEARCH, True

    def measured(self, parameters: Parameters) -> str:
        since = parameters.moment("since")
        return f"since {as_text(since)}" if since else ""


class ReleasesLook(StaffLook):
    """Releases of an organisation's errors, the newest first: since when may be asked what has changed."""

    action = Action.FIELDS

    def look(self, organisation: Organisation, parameters: Parameters, *, name: UUID | None) -> Look:  # noqa: ARG002
        """Describe the look: of no time, and no entries."""
        return Look(action=self.action, subject="releases")

    def get(self, request: Request) -> Response:
        organisation_id, _ = self.asked(request)
        found = reading.newest_releases(organisation_id, limit=MOST_RELEASES)
        return Response(
            {
                "releases": [
                    {"release": name, "project": project, "first_seen": as_text(seen)} for project, name, seen in found
                ]
            }
        )


class ExportLook(StaffLook, views.ExportView):
    action = Action.EXPORT


class EntryLook(StaffLook, views.LogView):
    action, is_search = Action.ENTRY, False


class ContextLook(StaffLook, views.ContextView):
    action, is_search = Action.CONTEXT, False


class TraceLook(StaffLook, views.TraceView):
    action, is_search = Action.TRACE, False


def listening(request: Request) -> tuple[Organisation, Parameters]:
    """Return what a tail is asked to listen to, and record it."""
    body = read_object(request._request)
    given = Parameters({name: body.get(name) or "" for name in ("organisation", "query", "levels")})
    if not all(isinstance(value, str) for value in given.given.values()):
        raise Refusal("invalid_payload")
    organisation = organisation_of(given)
    parameters = with_levels(given, organisation.pk)
    record(request, organisation, Look(action=Action.TAIL, query=parameters.text("query") or ""))
    return organisation, parameters
