"""What Sentry's SDKs send to the address of a DSN: errors, logs and feedback are kept, all else is counted."""

import zlib
from base64 import b64decode
from binascii import Error as Base64Error
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from drf_spectacular.utils import OpenApiResponse
from msgspec import json

from accounts.caller import Caller
from accounts.presented import OF_SENTRY
from accounts.scopes import OF_PUBLIC_KEYS
from foundation.openapi import TEXT, shape
from foundation.redaction import redact
from foundation.refusals import FieldError, Refusal
from ingest.agents import MAX_READ_BYTES, AgentProtocol, Draft, receipt_time
from ingest.description import sending_as
from ingest.elements import refusal as refusal_of
from ingest.objects import NO_OBJECT, object_of, readable
from ingest.protocol import NO_HEAD, Head, Incoming, Kept, Reply, Sharing, Wishes
from ingest.protocols.sentry.envelope import event_id_of, items_of, key_in
from ingest.protocols.sentry.events import of_event, of_feedback, of_log, read_usual
from storage.entry import Entry

EVENTS: dict[str, Callable[..., Entry]] = {"event": of_event, "feedback": of_feedback, "user_report": of_feedback}
#: What is let go, as it is counted; whatever else comes is `OTHER`.
LET_GO = frozenset({
    "transaction", "span", "session", "sessions", "client_report", "profile", "profile_chunk", "replay_event",
    "replay_recording", "replay_video", "check_in", "attachment", "statsd", "metric_buckets", "trace_metric",
})  # fmt: skip
OTHER = "other"
#: Of what is held back, as SDKs call it: they send everything else.
CATEGORIES = "error;default;log_item"
LONGEST_ID = 36
HEADERS_OF_PAGES = (
    "authorization", "baggage", "content-encoding", "content-type", "sentry-trace", "x-sentry-auth",
)  # fmt: skip
#: Every page may ask, and read what is answered to a key that can do nothing but send.
SHARING = Sharing(
    answers={
        "Access-Control-Allow-Origin": "*",
        "Access-Control-Expose-Headers": "x-sentry-error, x-sentry-rate-limits, retry-after",
    },
    ahead={
        "Access-Control-Allow-Methods": "POST",
        "Access-Control-Allow-Headers": ", ".join(HEADERS_OF_PAGES),
        "Access-Control-Max-Age": "3600",
    },
)
BROKEN = FieldError(pointer="", code="malformed_json", detail="is no item of an envelope")
DESCRIPTION = """\
The address of a DSN, `https://ll_…@logs.example.com/1`: events, logs and feedback are kept; transactions, sessions,
replays and whatever else SDKs send is counted and let go. The key must be one that can do nothing but
send, for a DSN is public.
"""


@dataclass(slots=True)
class Notes:
    """What was in a body beside its entries."""

    event_id: str = ""
    let_go: Counter[str] = field(default_factory=Counter)


def _describing(operation_id: str, summary: str, media_type: str) -> Any:
    return sending_as(
        operation_id,
        summary,
        description=DESCRIPTION,
        request={media_type: TEXT if media_type != "application/json" else {"type": "object"}},
        answers={(200, "application/json"): OpenApiResponse(shape(optional={"id": TEXT}), "Everything is on disk.")},
        refusal={"application/json": shape(detail=TEXT)},
    )


class Sentry(AgentProtocol):
    """An SDK that is held back is silent for as long as it is told: seconds, never until a month ends."""

    name = "sentry"
    places = OF_SENTRY
    asked_ahead_status = 200
    sharing = SHARING
    describe = staticmethod(
        _describing("ingest_sentry", "Send envelopes of Sentry's SDKs", "application/x-sentry-envelope")
    )

    def admit(self, caller: Caller) -> None:
        if caller.scopes != frozenset(OF_PUBLIC_KEYS):
            raise Refusal("forbidden", "A DSN is public: its key must be one that may send logs, and nothing else.")

    def key_in_body(self, body: bytes) -> str | None:
        return key_in(body)

    def notes(self) -> Notes:
        return Notes()

    def drafts(self, body: bytes, wishes: Wishes, notes: Any) -> Iterator[Draft]:  # noqa: ARG002
        now = receipt_time()
        event_id = event_id_of(body)
        if event_id is None:
            raise Refusal("malformed_json", "The body is no envelope.")
        notes.event_id = event_id
        for index, item in enumerate(items_of(body)):
            if item.kind in EVENTS or item.kind == "log":
                for draft in _drafts_of(item.kind, readable(bytes(item.payload)), now=now):
                    notes.event_id = notes.event_id or _event_id(draft)
                    yield replace(draft, pointer=f"/{index}") if isinstance(draft, FieldError) else draft
            elif item.kind:
                notes.let_go[item.kind if item.kind in LET_GO else OTHER] += 1
            else:
                yield replace(BROKEN, pointer=f"/{index}")

    def read(self, body: bytes, wishes: Wishes) -> Incoming:
        incoming = super().read(body, wishes)
        if incoming.errors and not (incoming.entries or incoming.below_level or incoming.notes.let_go):
            raise refusal_of(*incoming.errors)
        entries = [_without_keys(line) for line in incoming.entries]
        if entries == incoming.entries and not incoming.notes.let_go:
            return incoming
        return replace(incoming, entries=entries, let_go=incoming.notes.let_go)

    def answer(self, kept: Kept) -> Reply:
        event_id = kept.incoming.notes.event_id
        return Reply(body=json.encode({"id": event_id} if 0 < len(event_id) <= LONGEST_ID else {}))

    def refusal(self, refusal: Refusal, *, request_id: str | None, head: Head = NO_HEAD) -> Reply:  # noqa: ARG002
        headers = {**refusal.headers, "X-Sentry-Error": refusal.detail}
        if "Retry-After" in headers:
            headers["X-Sentry-Rate-Limits"] = f"{headers['Retry-After']}:{CATEGORIES}:key:{refusal.code}"
        return Reply(body=json.encode({"detail": refusal.detail}), status=refusal.status, headers=headers)


class SentryStore(Sentry):
    """The address of older SDKs: one event, maybe compressed and as base64."""

    describe = staticmethod(_describing("ingest_sentry_event", "Send an event of Sentry's SDKs", "application/json"))

    def key_in_body(self, body: bytes) -> str | None:  # noqa: ARG002
        return None

    def drafts(self, body: bytes, wishes: Wishes, notes: Any) -> Iterator[Draft]:  # noqa: ARG002
        [draft] = _drafts_of("event", readable(_unpacked(body)), now=receipt_time())
        if isinstance(draft, FieldError):
            raise Refusal("malformed_json" if draft is not NO_OBJECT else "invalid_payload")
        notes.event_id = _event_id(draft)
        yield draft


def _drafts_of(kind: str, payload: bytes, *, now: datetime) -> Iterator[Draft]:
    usual = read_usual(payload) if kind == "event" and len(payload) <= MAX_READ_BYTES else None
    found = usual if usual is not None else object_of(payload, now=now)
    if not isinstance(found, dict):
        yield found
        return
    if kind != "log":
        yield EVENTS[kind](found, now=now)
        return
    items = found.get("items")
    for one in items if isinstance(items, list) else [found]:
        yield of_log(one, now=now) if isinstance(one, dict) else NO_OBJECT


def _event_id(draft: Draft) -> str:
    event_id = draft.metadata.get("event_id") if isinstance(draft, Entry) and draft.metadata else None
    return event_id if isinstance(event_id, str) else ""


def _without_keys(line: bytes) -> bytes:
    """Return a line without keys: that of the DSN is in it now and then, where an SDK tells of itself."""
    return redact(line.decode()).encode() if b"ll_" in line else line


def _unpacked(body: bytes) -> bytes:
    bare = body.strip()
    if bare[:1] in (b"{", b""):
        return bare
    try:
        return zlib.decompressobj().decompress(b64decode(bare, validate=True), MAX_READ_BYTES)
    except (Base64Error, ValueError, zlib.error) as error:
        raise Refusal("malformed_json") from error


SENTRY, SENTRY_STORE = Sentry(), SentryStore()
