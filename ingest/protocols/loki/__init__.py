"""Loki's push API, protobuf and JSON: what Alloy, promtail, fluent-bit, Vector, Docker's driver and loggers send."""

from collections.abc import Iterable
from typing import Any

from drf_spectacular.utils import OpenApiResponse

from foundation.openapi import BINARY, TEXT, Schema, list_of, shape
from foundation.refusals import Refusal
from ingest.agents import AgentProtocol, Draft, receipt_time
from ingest.description import sending_as
from ingest.objects import readable
from ingest.protocol import NO_HEAD, Head, Kept, Reply, Wishes
from ingest.protocols.loki import wire
from ingest.receive.codings import SNAPPY_BLOCK

#: What Alloy logs of a refusal is its first line.
MOST_OF_A_LINE = 1_024


DESCRIPTION = """\
What Alloy, promtail, Docker's driver, fluent-bit, Vector and loggers send: streams of lines, in JSON or as a protobuf
message in a block of snappy. Labels are kept in `metadata.labels`; a line that is a JSON object is opened. Also at
`/api/prom/push`, and below `/ingest`.
"""
_LABELS: Schema = {"type": "object", "additionalProperties": TEXT}
_STREAM = shape(stream=_LABELS, values=list_of({"type": "array"}))


class Loki(AgentProtocol):
    """An answer of success has no body: clients complain of one."""

    name = "loki"
    describe = staticmethod(
        sending_as(
            "ingest_loki",
            "Send streams of lines as to Loki",
            description=DESCRIPTION,
            request={"application/json": shape(streams=list_of(_STREAM)), "application/x-protobuf": BINARY},
            answers={204: OpenApiResponse(description="Everything is on disk.")},
            refusal={"text/plain": TEXT},
        )
    )

    def drafts(self, body: bytes, wishes: Wishes, notes: Any) -> Iterable[Draft]:  # noqa: ARG002
        tenant = wishes.head.headers.get("X-Scope-OrgID")
        is_json = "json" in wishes.head.media_type or body[:1] == b"{"
        reader = wire.Reader(now=receipt_time(), tenant=tenant[:128] if tenant else None)
        return reader.from_json(readable(body)) if is_json else reader.from_protobuf(body)

    def coding_of_unnamed(self, head: Head) -> str:
        is_protobuf = "protobuf" in head.media_type or not head.media_type
        return SNAPPY_BLOCK if is_protobuf else ""

    def answer(self, kept: Kept) -> Reply:  # noqa: ARG002
        return Reply(body=b"", media_type="", status=204)

    def refusal(self, refusal: Refusal, *, request_id: str | None, head: Head = NO_HEAD) -> Reply:  # noqa: ARG002
        return Reply(
            body=f"{refusal.detail}\n".encode()[:MOST_OF_A_LINE],
            media_type="text/plain; charset=utf-8",
            status=refusal.status,
            headers=refusal.headers,
        )


LOKI = Loki()
