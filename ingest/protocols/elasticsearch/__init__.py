"""Elasticsearch's `_bulk`: what Filebeat, Logstash, fluent-bit, Vector, rsyslog, syslog-ng and its clients send."""

from collections.abc import Callable, Iterable
from typing import Any

from drf_spectacular.utils import OpenApiResponse
from msgspec import json

from foundation.openapi import BOOLEAN, INTEGER, TEXT, Schema, list_of, shape
from foundation.refusals import Refusal
from ingest.agents import AgentProtocol, Draft, receipt_time
from ingest.description import sending_as
from ingest.objects import readable
from ingest.protocol import NO_HEAD, Head, Kept, Reply, Wishes
from ingest.protocols.elasticsearch.bulk import Items, drafts_of

OWN_MEDIA_TYPE = "application/vnd.elasticsearch+json"
#: Clients refuse an answer without it.
PRODUCT = {"X-Elastic-Product": "Elasticsearch"}
ERROR_TYPES = {
    400: "illegal_argument_exception",
    401: "security_exception",
    403: "security_exception",
    404: "resource_not_found_exception",
    429: "es_rejected_execution_exception",
    503: "unavailable_shards_exception",
}


DESCRIPTION = """\
What Filebeat, Logstash, fluent-bit, Vector, rsyslog, syslog-ng and clients of Elasticsearch send: a line for an action,
and one for its document. Also by PUT, below `/elasticsearch` and below `/ingest`. Everything is made to fit; documents
that are no JSON objects have an item with an error, and keep no other.
"""
_OBJECT: Schema = {"type": "object"}
_ANSWER = shape(took=INTEGER, errors=BOOLEAN, items=list_of(_OBJECT))
_REFUSAL = shape(error=_OBJECT, status=INTEGER)


def _describing(operation_id: str, summary: str, *, missing: str | None = None) -> Callable[[Any], Any]:
    return sending_as(
        operation_id,
        summary,
        description=DESCRIPTION,
        request={"application/x-ndjson": TEXT},
        answers={
            (200, media_type): OpenApiResponse(_ANSWER, "An item for each action, in order.")
            for media_type in ("application/json", OWN_MEDIA_TYPE)
        },
        refusal={"application/json": _REFUSAL, OWN_MEDIA_TYPE: _REFUSAL},
        missing=missing,
    )


#: What OpenAPI says of the address that names an index.
BY_INDEX = _describing(
    "ingest_bulk_of_index", "Send documents to an index", missing="An index has no slash in its name."
)


class Elasticsearch(AgentProtocol):
    """An item for each action, in order: by it agents tell what to send again."""

    name = "elasticsearch"
    describe = staticmethod(_describing("ingest_bulk", "Send documents as to Elasticsearch"))

    def notes(self) -> Items:
        return Items()

    def drafts(self, body: bytes, wishes: Wishes, notes: Any) -> Iterable[Draft]:
        index = wishes.head.captured.get("index", "")
        return drafts_of(readable(body), index=index, now=receipt_time(), items=notes)

    def answer(self, kept: Kept) -> Reply:
        items: Items = kept.incoming.notes
        # fluent-bit looks for the beginning of a success as it stands here
        errors = b"true" if items.has_errors else b"false"
        body = b'{"took":1,"errors":%b,"items":[%b]}' % (errors, b",".join(items.answers))
        return reply(body, kept.wishes.head)

    def refusal(self, refusal: Refusal, *, request_id: str | None, head: Head = NO_HEAD) -> Reply:  # noqa: ARG002
        headers = dict(refusal.headers)
        if "WWW-Authenticate" in headers:
            headers["WWW-Authenticate"] = 'Basic realm="luminalog"'
        error = {"type": ERROR_TYPES.get(refusal.status, "exception"), "reason": refusal.detail}
        body = json.encode({"error": {"root_cause": [error], **error}, "status": refusal.status})
        return reply(body, head, status=refusal.status, headers=headers)


def reply(body: bytes, head: Head, *, status: int = 200, headers: dict[str, str] | None = None) -> Reply:
    """Return an answer of the media type that the caller accepts: clients want their own back."""
    accepted = head.headers.get("Accept", "").partition(",")[0].strip()
    is_own = accepted.startswith(OWN_MEDIA_TYPE) and accepted.isascii() and len(accepted) < 100
    media_type = accepted if is_own else "application/json"
    return Reply(body=body, media_type=media_type, status=status, headers=PRODUCT | (headers or {}))


ELASTICSEARCH = Elasticsearch()
