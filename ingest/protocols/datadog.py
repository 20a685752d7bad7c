"""Datadog's logs (version 2, and its agent's older address): an array of objects, one, or none to keep a connection."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from drf_spectacular.utils import OpenApiResponse
from msgspec import json

from accounts.presented import OF_DATADOG
from foundation.openapi import TEXT, list_of, shape
from foundation.refusals import Refusal
from ingest.agents import AgentProtocol, Draft, receipt_time
from ingest.description import sending_as
from ingest.elements import refusal as refusal_of
from ingest.fields import entry_of
from ingest.objects import object_in, readable
from ingest.protocol import NO_HEAD, Head, Incoming, Kept, Reply, Wishes
from ingest.rows import dicts
from storage.entry import Entry

#: What it says of a status.
ERRORS = {
    400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 408: "Request Timeout", 413: "Payload too large",
    429: "Too Many Requests", 500: "Internal Server Error", 503: "Service Unavailable",
}  # fmt: skip
DESCRIPTION = """\
What Datadog's agent, Vector, fluent-bit and loggers send to its logs intake. `status` is the level; `ddtags` are kept
in `metadata.tags`, and their `env` is the environment; a message that is a JSON object is opened. Also at `/v1/input`.
"""
_LOG = shape(message=TEXT, optional=dict.fromkeys(("status", "hostname", "service", "ddsource", "ddtags"), TEXT))


class Datadog(AgentProtocol):
    """Success is 202, or its agent sends again."""

    name = "datadog"
    places = OF_DATADOG
    describe = staticmethod(
        sending_as(
            "ingest_datadog",
            "Send logs as to Datadog",
            description=DESCRIPTION,
            request={"application/json": list_of(_LOG)},
            answers={(202, "application/json"): OpenApiResponse({"type": "object"}, "Everything is on disk.")},
            refusal={"application/json": shape(errors=list_of(TEXT))},
        )
    )

    def drafts(self, body: bytes, wishes: Wishes, notes: Any) -> Iterator[Draft]:  # noqa: ARG002
        now = receipt_time()
        for found in dicts(readable(body), now=now):
            if not isinstance(found, dict):
                yield found
            elif found:  # nothing is said to keep the connection
                yield _entry_of(found, now=now)

    def read(self, body: bytes, wishes: Wishes) -> Incoming:
        incoming = super().read(body, wishes)
        if incoming.errors and not (incoming.entries or incoming.below_level):
            raise refusal_of(*incoming.errors)
        return incoming

    def answer(self, kept: Kept) -> Reply:  # noqa: ARG002
        return Reply(body=b"{}", status=202)

    def refusal(self, refusal: Refusal, *, request_id: str | None, head: Head = NO_HEAD) -> Reply:  # noqa: ARG002
        status = 403 if refusal.code == "invalid_api_key" else refusal.status
        said = ERRORS.get(status, refusal.detail)
        told = said if status in (401, 403) else f"{said}: {refusal.detail}" if said != refusal.detail else said
        return Reply(body=json.encode({"errors": [told]}), status=status, headers=refusal.headers)


def _entry_of(fields: dict[str, Any], *, now: datetime) -> Entry:
    message = fields.get("message")
    inner = message if isinstance(message, dict) else object_in(message, now=now)
    if inner is not None:
        del fields["message"]
        fields = inner | fields
    if isinstance(fields.get("status"), str) and "level" not in fields:
        fields["level"] = fields.pop("status")
    tags = _tags(fields.pop("ddtags")) if isinstance(fields.get("ddtags"), str) else {}
    if tags:
        fields["tags"] = tags if not isinstance(fields.get("tags"), dict) else fields["tags"] | tags
        if isinstance(tags.get("env"), str):
            fields.setdefault("environment", tags["env"])
    for name in ("trace_id", "span_id"):
        if isinstance(given := _of_dd(fields, name), str | int) and name not in fields:
            fields[name] = str(given)
    return entry_of(fields, now=now)


def _of_dd(fields: dict[str, Any], name: str) -> Any:
    """Take what its tracers write: `dd.trace_id`, or `{"dd": {"trace_id": …}}`."""
    inner = fields.get("dd")
    if isinstance(inner, dict) and name in inner:
        found = inner.pop(name)
        if not inner:
            del fields["dd"]
        return found
    return fields.pop(f"dd.{name}", None)


def _tags(text: str) -> dict[str, Any]:
    """Return `k:v,k:w,x` as `{"k": ["v", "w"], "x": ""}`."""
    tags: dict[str, Any] = {}
    for tag in text.split(","):
        name, _, value = tag.strip().partition(":")
        if name:
            before = tags.get(name)
            tags[name] = value if before is None else [*(before if isinstance(before, list) else [before]), value]
    return tags


DATADOG = Datadog()
