"""OTLP/HTTP, its logs, protobuf and JSON: what OpenTelemetry's SDKs and Collector send; also to our `/v1/logs`."""

import time
from collections.abc import Iterable
from typing import Any

from drf_spectacular.utils import OpenApiResponse
from msgspec import DecodeError, json

from foundation.expiring import Expiring
from foundation.openapi import BINARY, INTEGER, TEXT, Schema, list_of, shape
from foundation.refusals import Refusal
from ingest.agents import AgentProtocol, Draft, receipt_time
from ingest.description import sending_as
from ingest.objects import readable
from ingest.protocol import NO_HEAD, Head, Kept, Reply, Wishes
from ingest.protocols.otlp import wire

PROTOBUF, JSON = "application/x-protobuf", "application/json"
#: `google.rpc.Code` of a status of HTTP.
RPC_CODES = {400: 3, 401: 16, 403: 7, 404: 5, 405: 12, 408: 4, 411: 3, 413: 3, 415: 3, 429: 8, 500: 13, 503: 14}
UNKNOWN = 2
WARN_EVERY_SECONDS = 60.0
_NAMES = (b'"resourceLogs"', b'"resource_logs"')


DESCRIPTION = """\
OTLP/HTTP, logs only: an `ExportLogsServiceRequest`, in protobuf or JSON, as OpenTelemetry's SDKs and Collector send it;
also to `/v1/logs`. Everything is made to fit, and the answer says so once a minute. It is of the request's media type.
"""
_REQUEST = shape(resourceLogs=list_of({"type": "object"}))
_PARTIAL: Schema = shape(optional={"rejectedLogRecords": TEXT, "errorMessage": TEXT})
_STATUS = shape(code=INTEGER, message=TEXT)


class Otlp(AgentProtocol):
    """Answers in the encoding of the request."""

    name = "otlp"
    describe = staticmethod(
        sending_as(
            "ingest_otlp",
            "Send OpenTelemetry's logs",
            description=DESCRIPTION,
            request={JSON: _REQUEST, PROTOBUF: BINARY},
            answers={
                (200, JSON): OpenApiResponse(
                    shape(partialSuccess=_PARTIAL), "Everything that is not rejected is on disk."
                ),
                (200, PROTOBUF): OpenApiResponse(BINARY, "Everything that is not rejected is on disk."),
            },
            refusal={JSON: _STATUS, PROTOBUF: BINARY},
        )
    )

    def __init__(self) -> None:
        self._warned: Expiring[int, bool] = Expiring(capacity=10_000)

    def drafts(self, body: bytes, wishes: Wishes, notes: Any) -> Iterable[Draft]:  # noqa: ARG002
        now = receipt_time()
        is_json = _is_json(wishes.head) or (not _is_protobuf(wishes.head) and body[:1] in (b"{", b"["))
        return wire.from_json(readable(body), now=now) if is_json else wire.from_protobuf(body, now=now)

    def claims(self, head: Head) -> bool:
        return _is_protobuf(head)

    def claims_body(self, body: bytes) -> bool:
        if not any(name in body for name in _NAMES):
            return False
        try:
            request = wire.request_of(body)
        except RecursionError:
            return False
        except DecodeError:  # a list of requests, or one a line: neither is anything of ours
            return body[:64].lstrip().startswith((b"[{", b'{"resource'))
        return bool(len(request.resourceLogs) or len(request.resource_logs)) and not len(request.logs)

    def answer(self, kept: Kept) -> Reply:
        rejected, message = kept.incoming.rejected, ""
        if rejected:
            message = "; ".join(f"{error.pointer} {error.detail}".strip() for error in kept.incoming.errors[:3])
        elif kept.incoming.cut and self._may_warn(kept.organisation_id):
            message = "Some log records were too large, and have been cut: see their attribute luminalog.cut."
        if _is_protobuf(kept.wishes.head):
            told = _field(1, rejected) + _text_field(2, message)
            return Reply(body=_message_field(1, told) if told else b"", media_type=PROTOBUF)
        partial = {"rejectedLogRecords": str(rejected)} if rejected else {}
        partial |= {"errorMessage": message} if message else {}
        return Reply(body=json.encode({"partialSuccess": partial}), media_type=JSON)

    def refusal(self, refusal: Refusal, *, request_id: str | None, head: Head = NO_HEAD) -> Reply:  # noqa: ARG002
        code = RPC_CODES.get(refusal.status, UNKNOWN)
        if _is_protobuf(head):
            body, media_type = _field(1, code) + _text_field(2, refusal.detail), PROTOBUF
        else:
            body, media_type = json.encode({"code": code, "message": refusal.detail}), JSON
        return Reply(body=body, media_type=media_type, status=refusal.status, headers=refusal.headers)

    def _may_warn(self, organisation_id: int) -> bool:
        """Tell whether a warning is due: SDKs log each."""
        if self._warned.get(organisation_id):
            return False
        self._warned.put(organisation_id, True, until=time.monotonic() + WARN_EVERY_SECONDS)
        return True


def _is_json(head: Head) -> bool:
    return "json" in head.media_type


def _is_protobuf(head: Head) -> bool:
    return "protobuf" in head.media_type


def _varint(number: int) -> bytes:
    written = bytearray()
    while number >= 0x80:
        written.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*written, number])


def _field(number: int, value: int) -> bytes:
    return _varint(number << 3) + _varint(value) if value else b""


def _text_field(number: int, text: str) -> bytes:
    return _message_field(number, text.encode()) if text else b""


def _message_field(number: int, body: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(body)) + body


OTLP = Otlp()
