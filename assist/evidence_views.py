"""The API of evidence."""

from rest_framework.request import Request
from rest_framework.response import Response

from assist import evidence_schema
from assist.evidence import evidence_of
from foundation.refusals import Refusal
from quotas.private_views import PrivateView


class EvidenceView(PrivateView):
    parameters = ("refresh",)

    @evidence_schema.EVIDENCE
    def get(self, request: Request, number: str) -> Response:
        """Return what explains a group."""
        organisation_id, parameters = self.asked(request)
        is_anew = parameters.choice("refresh", ("false", "true")) == "true"
        found = evidence_of(organisation_id, int(number), anew=is_anew)
        if found is None:
            raise Refusal("not_found")
        return Response(found.document)
