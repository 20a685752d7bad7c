"""Elasticsearch's `_bulk`: what Filebeat, Logstash, fluent-bit, Vector, rsyslog, syslog-ng and its clients send."""

from collections.abc import Iterable
from typing import Any

from msgspec import json

from foundation.refusals import Refusal
from ingest.agents import AgentProtocol, Draft, receipt_time
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


class Elasticsearch(AgentProtocol):
    """An item for each action, in order: by it agents tell what to send again."""

    name = "elasticsearch"

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
