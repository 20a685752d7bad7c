"""`POST /v1/logs`."""

from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.http import HttpResponse
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.caller import Caller
from accounts.permissions import MayIngest, caller_of
from foundation.faults import reach
from foundation.refusals import Refusal
from ingest import metrics
from ingest.acceptance import Answer, accept
from ingest.protocols.luminalog.description import describe_ingestion
from ingest.protocols.luminalog.wire import legacy_api_key
from ingest.receive.body import Body, read_body
from ingest.spool import idempotency
from ingest.spool.capacity import capacity
from ingest.spool.nudge import nudge
from quotas.outcomes import note
from quotas.throttling import Limited

#: RFC 9745; the day from which new clients should not use the body's `api_key`.
BODY_KEY_DEPRECATED = "@1767225600"
#: 411 and 415: whoever sends nothing that could hold a key is told that the key is missing.
NO_BODY_AT_ALL = {HTTPStatus.LENGTH_REQUIRED, HTTPStatus.UNSUPPORTED_MEDIA_TYPE}


class IngestView(Limited, APIView):
    """Accept a batch of log entries. When it answers 200, they are on disk."""

    permission_classes = [MayIngest]
    body: Body | None = None
    used_body_key = False

    @describe_ingestion
    def post(self, request: Request) -> HttpResponse:
        caller = caller_of(request)
        reach("after_authentication")
        capacity.require()
        idempotency_key = idempotency.checked(request.headers.get("Idempotency-Key"))
        lenient = caller.keeps_valid_entries or _prefers_leniency(request)
        self.body = self.body or read_body(request._request, organisation_id=caller.organisation_id)
        answer = accept(caller, self.body.content, lenient=lenient, idempotency_key=idempotency_key)
        _count(caller, answer)
        capacity.kept(answer.size_bytes)
        nudge()
        reach("before_answer")
        headers = {"Idempotency-Replayed": "true"} if answer.is_replay else None
        return HttpResponse(answer.json, content_type="application/json", headers=headers)

    def body_api_key(self, request: Request) -> str | None:
        """Return the body's deprecated `api_key`; authentication asks for it when there is no header."""
        try:
            self.body = read_body(request._request)
        except Refusal as error:
            if error.status in NO_BODY_AT_ALL:
                return None
            raise
        key = legacy_api_key(self.body.content)
        self.used_body_key = key is not None
        return key

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Give the body's memory back, and tell those who use the body's key that it is going away."""
        if self.body:
            self.body.close()
        response = super().finalize_response(request, response, *args, **kwargs)
        if self.used_body_key:
            response.headers["Deprecation"] = BODY_KEY_DEPRECATED
            response.headers["Link"] = f'<{settings.DOCS_URL}>; rel="deprecation"; type="text/html"'
        return response


def _prefers_leniency(request: Request) -> bool:
    """Tell whether the request asks for lenient handling of invalid entries (RFC 7240, section 4.4)."""
    preferences = request.headers.get("Prefer", "").lower().replace(";", ",").split(",")
    return "handling=lenient" in (preference.strip() for preference in preferences)


def _count(caller: Caller, answer: Answer) -> None:
    """Count for operators; and for the organisation what the drain does not count when it stores the entries."""
    if answer.is_replay:
        note(caller, "deduplicated")
    else:
        metrics.ACCEPTED_BATCHES.inc()
        metrics.ACCEPTED_ENTRIES.inc(answer.entries)
        metrics.ACCEPTED_BYTES.inc(answer.size_bytes)
    if answer.below_level:
        note(caller, "below_level", entries=answer.below_level)
