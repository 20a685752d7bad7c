"""The endpoints that feed pages of dashboards: for staff with a session, below the explorer's own."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from django.http import HttpResponse
from django.urls import path
from msgspec import Raw
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.looks import Look
from accounts.models import AccessRecord, Organisation, User
from explore import permissions
from explore.answers import Answer, Hold
from explore.dashboards import answers, asked, document, keeping, sparing
from explore.dashboards.asked import VARIABLE, Asked
from explore.dashboards.document import Panel
from explore.dashboards.keeping import Shown
from explore.explorer.looks import name_of
from explore.explorer.staff import MayViewLogs, StaffSession, organisation_of, record, staff_of
from explore.models import Dashboard
from explore.parameters import Parameters
from explore.views import ReadView
from foundation.json_object import read_object
from foundation.refusals import Refusal

Action = AccessRecord.Action
RANGE = ("organisation", "range", "from", "to")
#: What an answer may take while it is made.
MOST_BYTES = 256 * 1024
USAGE = "quotas.view_monthlyusage"


class StaffView(APIView):
    authentication_classes = [StaffSession]
    permission_classes = [MayViewLogs]
    throttle_classes = []
    schema = None

    def chosen(self, request: Request) -> tuple[User, Organisation]:
        """Return who asks, and about whom. Raises: `Refusal`."""
        return staff_of(request), organisation_of(Parameters(request.query_params))


class DashboardsView(StaffView):
    def get(self, request: Request) -> Response:
        """List the organisation's dashboards that one may see."""
        user, organisation = self.chosen(request)
        rows = keeping.visible(user, organisation) if permissions.may_view_dashboards(user) else []
        made = [
            {"name": str(row.pk), "title": row.title, "may_change": permissions.may_change(user, row)} for row in rows
        ]
        return Response({"dashboards": made, "may_make": permissions.may_make_dashboards(user)})

    def post(self, request: Request) -> Response:
        """Keep a new dashboard: an empty one, a copy, or one that was exported."""
        user, organisation = self.chosen(request)
        body = read_object(request._request)
        row = keeping.make(user, organisation, _document(body), access=str(body.get("access", "private")))
        return Response({"name": str(row.pk), "url": keeping.address(row)}, status=201)


class DashboardView(StaffView):
    def get(self, request: Request, name: str) -> Response:
        """Return a dashboard, and what one may do with it."""
        user, organisation = self.chosen(request)
        return Response(_as_json(keeping.shown(user, organisation, name), user))

    def put(self, request: Request, name: str) -> Response:
        """Keep what it is from now on; `edition` is that which was changed."""
        user, organisation = self.chosen(request)
        row = keeping.row_of(user, organisation, name)
        body = read_object(request._request)
        edition, access = body.get("edition"), body.get("access")
        if type(edition) is not int or not 0 < edition < 2**31 or not isinstance(access, str | None):
            raise Refusal("invalid_payload", "edition must be that of the dashboard that was changed.")
        keeping.change(user, row, _document(body), edition=edition, access=access)
        return Response(_as_json(keeping.shown(user, organisation, name), user))

    def delete(self, request: Request, name: str) -> Response:
        """Delete it."""
        user, organisation = self.chosen(request)
        keeping.delete(user, keeping.row_of(user, organisation, name))
        return Response(status=204)


class ExportView(StaffView):
    def get(self, request: Request, name: str) -> HttpResponse:
        """Download a dashboard as a file that can be imported, here or in another organisation."""
        shown = keeping.shown(*self.chosen(request), name)
        body = msgspec.json.format(msgspec.json.encode(shown.document), indent=2)
        headers = {"Content-Disposition": f'attachment; filename="dashboard-{shown.name}.json"'}
        return HttpResponse(body, content_type="application/json", headers=headers)


class PanelsView(StaffView):
    def post(self, request: Request, name: str) -> Response:
        """Put a panel below those of a dashboard."""
        user, organisation = self.chosen(request)
        row = keeping.row_of(user, organisation, name)
        panel = document.read_panel({"id": "new", **read_object(request._request)}, organisation.pk)
        row = keeping.add_panel(user, row, panel)
        return Response({"title": row.title, "url": keeping.address(row)}, status=201)


class PanelView(ReadView):
    """What one panel of a dashboard shows; all of a dashboard's that belong to one look have one record."""

    authentication_classes = [StaffSession]
    permission_classes = [MayViewLogs]
    throttle_classes = []
    schema = None

    def get(self, request: Request, name: str, panel_id: str) -> Answer:
        """Answer a panel of a dashboard that is kept."""
        given = Parameters(request.query_params)
        organisation, now = organisation_of(given), datetime.now(UTC)
        shown = keeping.shown(staff_of(request), organisation, name)
        fields = shown.document.fields
        given.refuse_others_than((*RANGE, *(VARIABLE + one for one in fields)))
        wanted = asked.read(given, fields, usual=shown.document.range, now=now)
        panel = shown.document.panel(panel_id)
        record(request, organisation, _look(shown, wanted, given, request=request, now=now))
        return self.answer(panel, wanted, request=request, organisation=organisation)

    def post(self, request: Request) -> Answer:
        """Answer a panel that is not kept yet, as whoever edits it sees it."""
        given = Parameters(request.query_params)
        organisation, now = organisation_of(given), datetime.now(UTC)
        if not permissions.may_view_dashboards(staff_of(request)):
            raise Refusal("forbidden", "You may not look at dashboards.")
        fields = dict.fromkeys(document.ALWAYS)
        panel = document.read_panel(read_object(request._request), organisation.pk)
        wanted = asked.read(given, {one: one for one in fields}, usual="24h", now=now)
        subject = panel.asked().words if panel.kind in document.MEASURED else panel.kind
        look = Look(
            action=Action.AGGREGATE, query=wanted.narrowed(panel.query), start=wanted.start, end=now, subject=subject
        )
        record(request, organisation, look)
        return self.answer(panel, wanted, request=request, organisation=organisation)

    def answer(self, panel: Panel, wanted: Asked, *, request: Request, organisation: Organisation) -> Answer:
        """Return the panel's answer, from memory where it was made lately. Raises: `Refusal`."""
        if panel.kind == "quota" and not staff_of(request).has_perm(USAGE):
            raise Refusal("forbidden", "You need “Can view monthly usage” to see the quota.")
        self._hold = Hold(organisation.pk, most_bytes=MOST_BYTES)
        body = sparing.spared(
            (organisation.pk, _as_asked(panel), wanted),
            lambda: answers.answer(panel, wanted, organisation),
            owner=organisation.pk,
            seconds=wanted.grain / timedelta(seconds=1),
        )
        return Answer(Raw(body), hold=self._hold)


def _look(shown: Shown, wanted: Asked, given: Parameters, *, request: Request, now: datetime) -> Look:
    """Describe the look: whoever shows the newest says so, though answers are cut to whole minutes."""
    end = wanted.end if given.text("to") else now
    return Look(
        action=Action.DASHBOARD, query=wanted.words, start=wanted.start, end=end, subject=shown.words,
        name=name_of(request),
    )  # fmt: skip


def _as_asked(panel: Panel) -> Panel:
    """Return a panel without what its answer does not depend on."""
    return msgspec.structs.replace(panel, id="x", title="", width=6, height="m", text="", chart="bars", tones=())


def _document(body: dict[str, Any]) -> dict[str, Any]:
    found = body.get("document")
    if not isinstance(found, dict):
        raise Refusal("invalid_payload", "A dashboard is an object with title, panels and more.")
    return found


def _as_json(shown: Shown, user: User) -> dict[str, Any]:
    row = shown.row
    return {
        "name": shown.name,
        "document": msgspec.to_builtins(shown.document),
        "is_built_in": row is None,
        "edition": row.edition if row else 0,
        "access": row.access if row else Dashboard.Access.SHARED,
        "owner": row.owner.get_username() if row and row.owner else "",
        "is_own": bool(row and row.owner_id == user.pk),
        "may_change": bool(row and permissions.may_change(user, row)),
        "may_share": bool(row and permissions.may_share(user, row)),
        "may_delete": bool(row and permissions.may_delete(user, row)),
        "may_make": permissions.may_make_dashboards(user),
    }


NAME = "<slug:name>"
urlpatterns = [
    path("dashboards", DashboardsView.as_view()),
    path("dashboards/panel", PanelView.as_view(http_method_names=["post"])),
    path(f"dashboards/{NAME}", DashboardView.as_view()),
    path(f"dashboards/{NAME}/export", ExportView.as_view()),
    path(f"dashboards/{NAME}/panels", PanelsView.as_view()),
    path(f"dashboards/{NAME}/panels/<slug:panel_id>", PanelView.as_view(http_method_names=["get"])),
]
