"""The read API: an organisation's own logs, for API keys that may read."""

from collections.abc import Mapping
from typing import Any, TypeVar

from django.http import StreamingHttpResponse
from msgspec import Raw
from rest_framework.request import Request
from rest_framework.response import Response

from explore import schema, search
from explore.answers import Answer, Hold
from explore.export import FORMATS, Export
from explore.parameters import Parameters
from explore.shape import as_json, as_list, as_text
from explore.steps import default_step
from foundation.refusals import Refusal
from quotas.private_views import PrivateView
from storage.search import Search

T = TypeVar("T")
ORDERS = ("desc", "asc")
SEARCH = ("query", "from", "to")
SCOPES = ("project", "organisation")


class ReadView(PrivateView):
    """What all reading of logs has in common."""

    _hold: Hold | None = None

    def asked(self, request: Request) -> tuple[int, Parameters]:
        """Return whose logs are asked for, and the parameters of a search."""
        organisation_id, asked = super().asked(request)
        return organisation_id, Parameters(asked.given)

    def hold(self, organisation_id: int) -> Hold:
        """Take memory for the answer, before anything is read. Raises: `Refusal`."""
        self._hold = Hold(organisation_id)
        return self._hold

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Give memory back that was held for an answer that there is not."""
        if self._hold and not isinstance(response, Answer):
            self._hold.close()
        return super().finalize_response(request, response, *args, **kwargs)


class LogsView(ReadView):
    parameters = (*SEARCH, "limit", "cursor", "order")

    @schema.LOGS
    def get(self, request: Request) -> Answer:
        """Return a page of entries, the newest first unless asked otherwise."""
        organisation_id, parameters = self.asked(request)
        hold = self.hold(organisation_id)
        page = search.find(
            parameters.search(organisation_id),
            limit=parameters.number("limit", default=100, lowest=1, highest=search.MAX_ENTRIES),
            cursor=parameters.text("cursor"),
            newest_first=parameters.choice("order", ORDERS) == "desc",
        )
        return Answer({"logs": as_list(page.entries), "next_cursor": page.next_cursor}, hold=hold)


class LogView(ReadView):
    @schema.LOG
    def get(self, request: Request, entry_id: str) -> Answer:
        """Return one entry."""
        organisation_id, _ = self.asked(request)
        hold = self.hold(organisation_id)
        return Answer(Raw(as_json(_existing(search.get(organisation_id, int(entry_id))))), hold=hold)


class ContextView(ReadView):
    parameters = ("before", "after", "scope")

    @schema.CONTEXT
    def get(self, request: Request, entry_id: str) -> Answer:
        """Return what its project, or the whole organisation, logged just before and after an entry."""
        organisation_id, parameters = self.asked(request)
        hold = self.hold(organisation_id)
        context = _existing(
            search.context(
                organisation_id,
                int(entry_id),
                before=parameters.number("before", default=20, lowest=0, highest=200),
                after=parameters.number("after", default=20, lowest=0, highest=200),
                of_all_projects=parameters.choice("scope", SCOPES) == "organisation",
            )
        )
        return Answer(
            {
                "before": as_list(context.before),
                "log": Raw(as_json(context.entry)),
                "after": as_list(context.after),
                "is_complete": context.is_complete,
            },
            hold=hold,
        )


class HistogramView(ReadView):
    parameters = (*SEARCH, "step", "zone")

    @schema.HISTOGRAM
    def get(self, request: Request) -> Response:
        """Count entries by level and step of time."""
        organisation_id, parameters = self.asked(request)
        asked = parameters.search(organisation_id)
        zone = parameters.zone()
        default = default_step(asked.start, asked.end, zone=zone)
        step = parameters.number("step", default=default, lowest=1, highest=max(31 * 86400, default))
        if (asked.end - asked.start).total_seconds() / step > search.MAX_STEPS:
            raise Refusal("invalid_parameter", f"step would make more than {search.MAX_STEPS:,} steps.")
        histogram = search.histogram(asked, step_seconds=step, zone=zone)
        return Response(
            {
                "step_seconds": step,
                "buckets": [{"start": as_text(b.start), "counts": by_name(b.counts)} for b in histogram.buckets],
                "totals": by_name(histogram.totals),
            }
        )


class FieldsView(ReadView):
    parameters = (*SEARCH, "limit")

    @schema.FIELDS
    def get(self, request: Request) -> Answer:
        """Return the metadata keys of the newest entries found, their types and most frequent values."""
        organisation_id, parameters = self.asked(request)
        hold = self.hold(organisation_id)
        limit = parameters.number("limit", default=100, lowest=1, highest=500)
        asked = parameters.search(organisation_id)
        return Answer(self.shown(asked, search.fields(asked, limit=limit)), hold=hold)

    def shown(self, asked: Search, found: search.Fields) -> Any:  # noqa: ARG002 - for who shows more
        """Return what is answered."""
        return found


class TraceView(ReadView):
    parameters = ("from", "to", "limit")

    @schema.TRACE
    def get(self, request: Request, trace_id: str) -> Answer:
        """Return the entries of a trace, the oldest first."""
        if "\0" in trace_id:  # none is stored with it, and PostgreSQL takes it in no parameter
            raise Refusal("not_found")
        organisation_id, parameters = self.asked(request)
        hold = self.hold(organisation_id)
        trace = search.trace(
            organisation_id,
            trace_id,
            start=parameters.moment("from"),
            end=parameters.moment("to"),
            limit=parameters.number("limit", default=search.MAX_ENTRIES, lowest=1, highest=search.MAX_ENTRIES),
        )
        if not trace.entries:
            raise Refusal("not_found")
        members = {"trace_id": trace_id, "logs": as_list(trace.entries), "is_complete": trace.is_complete}
        return Answer(members, hold=hold)


class ExportView(ReadView):
    parameters = (*SEARCH, "format", "order")

    @schema.EXPORT
    def get(self, request: Request) -> StreamingHttpResponse:
        """Stream everything that a search finds, as NDJSON or CSV."""
        organisation_id, parameters = self.asked(request)
        return Export(
            parameters.search(organisation_id),
            format_name=parameters.choice("format", tuple(FORMATS)),
            newest_first=parameters.choice("order", ORDERS) == "desc",
        ).response()


def _existing(thing: T | None) -> T:
    if thing is None:
        raise Refusal("not_found")
    return thing


def by_name(counts: Mapping[search.Level, int]) -> dict[str, int]:
    """Return the counts of all levels by their names."""
    return {level.label: counts.get(level, 0) for level in search.Level}
