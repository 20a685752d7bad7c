"""The read API: an organisation's own logs, for API keys that may read."""

from typing import Any, TypeVar

from django.http import StreamingHttpResponse
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.permissions import HasScope, caller_of
from accounts.scopes import Scope
from explore import schema, search
from explore.export import FORMATS, Export
from explore.parameters import Parameters
from explore.search import as_json, as_text
from foundation.refusals import Refusal
from quotas.throttling import Limited

T = TypeVar("T")
ORDERS = ("desc", "asc")
SEARCH = ("query", "from", "to")
DEFAULT_STEPS = 60
#: Steps that people can read: seconds, minutes, hours, days.
STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)


class ReadView(Limited, APIView):
    """What all reading has in common; `parameters` are the names that a view takes."""

    permission_classes = [HasScope]
    scope = Scope.READ
    throttle_scope_name = "read"
    parameters: tuple[str, ...] = ()

    def asked(self, request: Request) -> tuple[int, Parameters]:
        """Return whose logs are asked for, and the parameters."""
        parameters = Parameters(request.query_params)
        parameters.refuse_others_than(self.parameters)
        return caller_of(request).organisation_id, parameters

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Keep logs out of caches."""
        response = super().finalize_response(request, response, *args, **kwargs)
        response.headers["Cache-Control"] = "private, no-store"
        return response


class LogsView(ReadView):
    parameters = (*SEARCH, "limit", "cursor", "order")

    @schema.LOGS
    def get(self, request: Request) -> Response:
        """Return a page of entries, the newest first unless asked otherwise."""
        organisation_id, parameters = self.asked(request)
        page = search.find(
            parameters.search(organisation_id),
            limit=parameters.number("limit", default=100, lowest=1, highest=search.MAX_ENTRIES),
            cursor=parameters.text("cursor"),
            newest_first=parameters.choice("order", ORDERS) == "desc",
        )
        return Response({"logs": list(map(as_json, page.entries)), "next_cursor": page.next_cursor})


class LogView(ReadView):
    @schema.LOG
    def get(self, request: Request, entry_id: str) -> Response:
        """Return one entry."""
        organisation_id, _ = self.asked(request)
        return Response(as_json(_existing(search.get(organisation_id, int(entry_id)))))


class ContextView(ReadView):
    parameters = ("before", "after")

    @schema.CONTEXT
    def get(self, request: Request, entry_id: str) -> Response:
        """Return what its project logged just before and after an entry."""
        organisation_id, parameters = self.asked(request)
        context = _existing(
            search.context(
                organisation_id,
                int(entry_id),
                before=parameters.number("before", default=20, lowest=0, highest=200),
                after=parameters.number("after", default=20, lowest=0, highest=200),
            )
        )
        return Response(
            {
                "before": list(map(as_json, context.before)),
                "log": as_json(context.entry),
                "after": list(map(as_json, context.after)),
            }
        )


class HistogramView(ReadView):
    parameters = (*SEARCH, "step")

    @schema.HISTOGRAM
    def get(self, request: Request) -> Response:
        """Count entries by level and step of time."""
        organisation_id, parameters = self.asked(request)
        asked = parameters.search(organisation_id)
        step = parameters.number("step", default=default_step(asked), lowest=1, highest=31 * 86400)
        if (asked.end - asked.start).total_seconds() / step > search.MAX_STEPS:
            raise Refusal("invalid_parameter", f"step would make more than {search.MAX_STEPS:,} steps.")
        histogram = search.histogram(asked, step_seconds=step)
        return Response(
            {
                "step_seconds": step,
                "buckets": [{"start": as_text(b.start), "counts": _by_name(b.counts)} for b in histogram.buckets],
                "totals": _by_name(histogram.totals),
            }
        )


class FieldsView(ReadView):
    parameters = (*SEARCH, "limit")

    @schema.FIELDS
    def get(self, request: Request) -> Response:
        """Return the metadata keys of the newest entries found, their types and most frequent values."""
        organisation_id, parameters = self.asked(request)
        limit = parameters.number("limit", default=100, lowest=1, highest=500)
        found = search.fields(parameters.search(organisation_id), limit=limit)
        return Response(
            {
                "sampled_entries": found.sampled_entries,
                "fields": [
                    {
                        "name": field.name,
                        "types": field.types,
                        "count": field.count,
                        "values": [{"value": value.value, "count": value.count} for value in field.values],
                    }
                    for field in found.fields
                ],
            }
        )


class TraceView(ReadView):
    parameters = ("from", "to", "limit")

    @schema.TRACE
    def get(self, request: Request, trace_id: str) -> Response:
        """Return the entries of a trace, the oldest first."""
        if "\0" in trace_id:  # none is stored with it, and PostgreSQL takes it in no parameter
            raise Refusal("not_found")
        organisation_id, parameters = self.asked(request)
        trace = search.trace(
            organisation_id,
            trace_id,
            start=parameters.moment("from"),
            end=parameters.moment("to"),
            limit=parameters.number("limit", default=search.MAX_ENTRIES, lowest=1, highest=search.MAX_ENTRIES),
        )
        if not trace.entries:
            raise Refusal("not_found")
        logs = list(map(as_json, trace.entries))
        return Response({"trace_id": trace_id, "logs": logs, "is_complete": trace.is_complete})


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


def default_step(asked: search.Search) -> int:
    """Return the step that shows the search's range in about 60 steps."""
    ideal = (asked.end - asked.start).total_seconds() / DEFAULT_STEPS
    return next((step for step in STEPS if step >= ideal), -(-int(ideal) // 86400) * 86400)


def _existing(thing: T | None) -> T:
    if thing is None:
        raise Refusal("not_found")
    return thing


def _by_name(counts: dict[search.Level, int]) -> dict[str, int]:
    return {level.label: counts.get(level, 0) for level in search.Level}
