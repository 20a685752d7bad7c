"""The API of alerts: rules, incidents, silences with scopes `read` and `manage`; heartbeats by their address alone."""

from datetime import UTC, datetime
from typing import Any

from django.db import IntegrityError
from django.db.models import Max, QuerySet
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.models import ApiKey
from accounts.permissions import caller_of
from accounts.scopes import Scope
from alerts import changing, given, heartbeats, preview, schema, shape
from alerts.changing import Actor
from alerts.models import Incident, Rule, Silence
from foundation.json_object import read_object
from foundation.parameters import Parameters
from foundation.refusals import Refusal
from quotas.private_views import ChangingView

MOST = 100
MOST_NUMBER = 2**63 - 1
STATES = ("all", "open", "closed")


class RulesView(ChangingView):
    parameters = ("limit", "after")

    @schema.RULES
    def get(self, request: Request) -> Response:
        """Return a page of rules."""
        organisation_id, parameters = self.asked(request)
        rows, after = _page(Rule.objects.filter(organisation_id=organisation_id).order_by("id"), parameters)
        return Response({"rules": _rules(request, rows), "next_after": after})

    @schema.CREATE
    def post(self, request: Request) -> Response:
        """Make a rule."""
        organisation_id, _ = self.asked(request)
        rule = given.rule(read_object(request._request), organisation_id)
        try:
            changing.create(rule, by=_actor(request))
        except IntegrityError as error:  # somebody was quicker
            raise Refusal("invalid_payload", "rule_name: There is a rule of this name.") from error
        return Response(_rules(request, [rule])[0], status=201)


class OneRuleView(ChangingView):
    @schema.RULE_OPERATION
    def get(self, request: Request, rule_id: str) -> Response:
        """Return one rule."""
        return Response(_rules(request, [self._found(request, rule_id)])[0])

    @schema.CHANGE
    def patch(self, request: Request, rule_id: str) -> Response:
        """Change a rule."""
        rule = self._found(request, rule_id)
        changed = given.change(rule, read_object(request._request))
        try:
            changing.change(rule, changed=changed)
        except IntegrityError as error:
            raise Refusal("invalid_payload", "rule_name: There is a rule of this name.") from error
        except Rule.DoesNotExist as error:
            raise Refusal("not_found") from error
        return Response(_rules(request, [rule])[0])

    @schema.DELETE
    def delete(self, request: Request, rule_id: str) -> Response:
        """Delete a rule."""
        changing.delete(self._found(request, rule_id))
        return Response(status=204)

    def _found(self, request: Request, rule_id: str) -> Rule:
        organisation_id, _ = self.asked(request)
        found: Rule = _one(Rule.objects.filter(organisation_id=organisation_id), rule_id)
        return found


class PreviewView(ChangingView):
    @property
    def scope(self) -> Scope:
        """Trying out changes nothing."""
        return Scope.READ

    @schema.PREVIEW
    def post(self, request: Request) -> Response:
        """Tell what a rule would have found in the last 30 days."""
        organisation_id, _ = self.asked(request)
        # Also of a rule that there is: its name is no other's.
        asked = read_object(request._request) | {"rule_name": f"preview {datetime.now(UTC).isoformat()}"}
        rule = given.rule(asked, organisation_id)
        return Response(shape.preview(preview.would_have_fired(rule, now=datetime.now(UTC))))


class IncidentsView(ChangingView):
    parameters = ("state", "rule_id", "limit", "before")

    @schema.INCIDENTS
    def get(self, request: Request) -> Response:
        """Return a page of incidents, the newest first."""
        organisation_id, parameters = self.asked(request)
        found = Incident.objects.filter(organisation_id=organisation_id).select_related("rule").order_by("-id")
        state = parameters.choice("state", STATES)
        if state != "all":
            found = found.filter(closed_at__isnull=state == "open")
        if parameters.text("rule_id"):
            found = found.filter(rule_id=parameters.number("rule_id", default=0, lowest=1, highest=MOST_NUMBER))
        limit = parameters.number("limit", default=50, lowest=1, highest=MOST)
        before = parameters.number("before", default=MOST_NUMBER, lowest=1, highest=MOST_NUMBER)
        rows = list(found.filter(pk__lt=before)[: limit + 1])
        told = [shape.incident(row, row.rule) for row in rows[:limit]]
        return Response({"incidents": told, "next_before": rows[limit - 1].pk if len(rows) > limit else None})


class OneIncidentView(ChangingView):
    @schema.INCIDENT_OPERATION
    def get(self, request: Request, incident_id: str) -> Response:
        """Return one incident."""
        incident = self._found(request, incident_id)
        return Response(shape.incident(incident, incident.rule))

    @schema.ACKNOWLEDGE
    def patch(self, request: Request, incident_id: str) -> Response:
        """Acknowledge an incident."""
        incident = self._found(request, incident_id)
        if read_object(request._request) != {"acknowledged": True}:
            raise Refusal("invalid_payload", 'The body is {"acknowledged": true}.')
        changing.acknowledge(incident, by=_actor(request))
        incident.refresh_from_db()
        return Response(shape.incident(incident, incident.rule))

    def _found(self, request: Request, incident_id: str) -> Incident:
        organisation_id, _ = self.asked(request)
        found: Incident = _one(
            Incident.objects.filter(organisation_id=organisation_id).select_related("rule"), incident_id
        )
        return found


class SilencesView(ChangingView):
    parameters = ("limit", "after")

    @schema.SILENCES
    def get(self, request: Request) -> Response:
        """Return a page of silences in force."""
        organisation_id, parameters = self.asked(request)
        found = Silence.objects.filter(organisation_id=organisation_id, until__gt=datetime.now(UTC))
        rows, after = _page(found.select_related("author").order_by("id"), parameters)
        return Response({"silences": [shape.silence(row) for row in rows], "next_after": after})

    @schema.SILENCE
    def post(self, request: Request) -> Response:
        """Silence incidents for a time."""
        organisation_id, _ = self.asked(request)
        now = datetime.now(UTC)
        asked = given.silence(read_object(request._request), organisation_id, most=changing.longest_silence(), now=now)
        changing.silence(asked, by=_actor(request))
        asked.refresh_from_db()
        return Response(shape.silence(asked), status=201)


class OneSilenceView(ChangingView):
    @schema.END_SILENCE
    def delete(self, request: Request, silence_id: str) -> Response:
        """End a silence now."""
        organisation_id, _ = self.asked(request)
        changing.end_silence(_one(Silence.objects.filter(organisation_id=organisation_id), silence_id))
        return Response(status=204)


class HeartbeatView(APIView):
    """By the address alone: it is a secret of its own, and opens nothing else."""

    authentication_classes = []
    permission_classes = []
    throttle_classes = []

    @schema.HEARTBEAT
    def post(self, request: Request, token: str) -> Response:  # noqa: ARG002 - a body is not read
        """Count a heartbeat."""
        if not heartbeats.receive(token):
            raise Refusal("not_found", "No monitor has this address.")
        return Response({"ok": True}, headers={"Cache-Control": "no-store"})


def _page(found: QuerySet[Any], parameters: Parameters) -> tuple[list[Any], int | None]:
    limit = parameters.number("limit", default=50, lowest=1, highest=MOST)
    after = parameters.number("after", default=0, lowest=0, highest=MOST_NUMBER)
    rows = list(found.filter(pk__gt=after)[: limit + 1])
    return rows[:limit], rows[limit - 1].pk if len(rows) > limit else None


def _one(found: QuerySet[Any], number: str) -> Any:
    row = found.filter(pk=int(number)).first()
    if row is None:
        raise Refusal("not_found")
    return row


def _rules(request: Request, rules: list[Rule]) -> list[dict[str, Any]]:
    newest = Incident.objects.filter(rule__in=[rule.pk for rule in rules]).values("rule").annotate(newest=Max("pk"))
    latest = {row.rule_id: row for row in Incident.objects.filter(pk__in=[one["newest"] for one in newest])}
    shows = Scope.MANAGE in caller_of(request).scopes
    base = request.build_absolute_uri("/").rstrip("/")
    return [shape.rule(rule, latest, base_url=base, shows_address=shows) for rule in rules]


def _actor(request: Request) -> Actor:
    key = ApiKey.objects.filter(pk=caller_of(request).api_key_id).values_list("prefix", flat=True).first()
    return Actor(by_key=key or "")
