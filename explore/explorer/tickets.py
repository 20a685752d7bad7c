"""The page asks here for the address of a live tail."""

from urllib.parse import urlencode

from django.conf import settings
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import signed_in
from explore.explorer.looks import listening
from explore.explorer.staff import MayViewLogs, StaffSession, staff_of
from explore.tail import ticket
from explore.tail.subscription import PAGE_PATH
from explore.tail.ticket import Ticket


class TailTicketView(APIView):
    authentication_classes = [StaffSession]
    permission_classes = [MayViewLogs]
    throttle_classes = []
    schema = None

    def post(self, request: Request) -> Response:
        """Return an address that opens a tail within the next 30 seconds."""
        organisation, parameters = listening(request)
        text = ticket.issue(
            Ticket(
                user_id=staff_of(request).pk,
                session=signed_in.digest(request._request.session),
                organisation_id=organisation.pk,
                query=parameters.text("query") or "",
            )
        )
        address = f"{settings.TAIL_URL}{PAGE_PATH}?{urlencode({'ticket': text})}"
        return Response({"url": address}, headers={"Cache-Control": "no-store"})
