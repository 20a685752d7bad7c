"""The read API's figures: values of fields, aggregates, patterns."""

from datetime import datetime
from typing import Any

from msgspec import Raw
from rest_framework.request import Request

from explore import aggregates, figures_schema
from explore.answers import Answer
from explore.changes import changes, in_short
from explore.patterns import Pattern, patterns
from explore.shape import as_text
from explore.top_values import read_names, top_values
from explore.value_changes import value_changes
from explore.views import SEARCH, ReadView, by_name
from storage.search import Search


class ValuesView(ReadView):
    parameters = (*SEARCH, "field", "since", "limit")

    @figures_schema.VALUES
    def get(self, request: Request) -> Answer:
        """Return the most frequent values of fields; since a moment, those whose share has changed."""
        organisation_id, parameters = self.asked(request)
        hold = self.hold(organisation_id)
        names = read_names(parameters)
        limit = parameters.number("limit", default=5, lowest=1, highest=100)
        search, since = parameters.search(organisation_id), parameters.moment("since")
        if since is None:
            return Answer(top_values(search, names, limit=limit), hold=hold)
        return Answer(value_changes(search, names, since=since, limit=limit), hold=hold)


class AggregateView(ReadView):
    parameters = (*SEARCH, "measure", "by", "step", "limit")

    @figures_schema.AGGREGATE
    def get(self, request: Request) -> Answer:
        """Return a measure of the entries that a search finds, by fields of theirs and by step."""
        organisation_id, parameters = self.asked(request)
        hold = self.hold(organisation_id)
        asked = aggregates.read_asked(parameters)
        return Answer(Raw(aggregates.answer(parameters.search(organisation_id), asked)), hold=hold)


class PatternsView(ReadView):
    parameters = (*SEARCH, "since", "limit")

    @figures_schema.PATTERNS
    def get(self, request: Request) -> Answer:
        """Group the newest entries found by the template of their message; since a moment, compared with before."""
        organisation_id, parameters = self.asked(request)
        hold = self.hold(organisation_id)
        limit = parameters.number("limit", default=100, lowest=1, highest=1_000)
        search, since = parameters.search(organisation_id), parameters.moment("since")
        found = _patterns(search, limit) if since is None else _changes(search, since, limit)
        return Answer(found, hold=hold)


def _patterns(search: Search, limit: int) -> dict[str, Any]:
    found = patterns(search, limit=limit)
    return {
        "patterns": [{"count": one.count, **_pattern(one)} for one in found.patterns],
        "different": found.different,
        "entries": found.entries,
        "exact": found.is_all,
    }


def _changes(search: Search, since: datetime, limit: int) -> dict[str, Any]:
    found = changes(search, since=since, limit=limit)
    return {
        "patterns": [
            {
                "change": one.change,
                "count": one.count,
                "before": one.before,
                "times": in_short(one.times),
                **_pattern(one.pattern),
            }
            for one in found.changed
        ],
        "changes": found.kinds,
        "different": sum(found.kinds.values()),
        "entries": found.since.entries,
        "exact": found.since.is_all,
        "seconds": found.since.seconds,
        "before": {
            "entries": found.before.entries,
            "exact": found.before.is_all,
            "seconds": found.before.seconds,
        },
    }


def _pattern(one: Pattern) -> dict[str, Any]:
    return {
        "pattern": one.template,
        "levels": by_name(one.levels),
        "first": as_text(one.first.timestamp),
        "last": as_text(one.newest.timestamp),
        "sample": {"id": str(one.newest.id), "message": one.newest.message},
        "query": one.query,
    }
