"""The read API's figures: values of fields, aggregates, patterns."""

from msgspec import Raw
from rest_framework.request import Request

from explore import aggregates, figures_schema
from explore.answers import Answer
from explore.patterns import patterns
from explore.shape import as_text
from explore.top_values import read_names, top_values
from explore.views import SEARCH, ReadView, by_name


class ValuesView(ReadView):
    parameters = (*SEARCH, "field", "limit")

    @figures_schema.VALUES
    def get(self, request: Request) -> Answer:
        """Return the most frequent values of fields."""
        organisation_id, parameters = self.asked(request)
        hold = self.hold(organisation_id)
        names = read_names(parameters)
        limit = parameters.number("limit", default=5, lowest=1, highest=100)
        return Answer(top_values(parameters.search(organisation_id), names, limit=limit), hold=hold)


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
    parameters = (*SEARCH, "limit")

    @figures_schema.PATTERNS
    def get(self, request: Request) -> Answer:
        """Group the newest entries found by the template of their message."""
        organisation_id, parameters = self.asked(request)
        hold = self.hold(organisation_id)
        limit = parameters.number("limit", default=100, lowest=1, highest=1_000)
        found = patterns(parameters.search(organisation_id), limit=limit)
        members = {
            "patterns": [
                {
                    "pattern": one.template,
                    "count": one.count,
                    "levels": by_name(one.levels),
                    "first": as_text(one.first.timestamp),
                    "last": as_text(one.newest.timestamp),
                    "sample": {"id": str(one.newest.id), "message": one.newest.message},
                    "query": one.query,
                }
                for one in found.patterns
            ],
            "different": found.different,
            "entries": found.entries,
            "exact": found.is_all,
        }
        return Answer(members, hold=hold)
