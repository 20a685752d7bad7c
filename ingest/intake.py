"""One request on its way in: its body, read once and within bounds, and what became of it."""

from http import HTTPStatus

from django.conf import settings
from django.http import HttpRequest

from accounts.caller import Caller
from foundation.faults import reach
from foundation.media_types import content_coding
from foundation.refusals import Refusal
from ingest import metrics
from ingest.acceptance import Accepted, Request, accept
from ingest.findings import found_in
from ingest.protocol import Head, Protocol, Reply, Wishes
from ingest.receive.body import Body, read_body
from ingest.receive.inflate import INFLATERS
from ingest.spool import idempotency
from ingest.spool.capacity import capacity
from ingest.spool.group_commit import Outcome
from ingest.spool.nudge import nudge
from privacy.policies import scrubber_of
from quotas.ledger import exhausted
from quotas.outcomes import note
from quotas.tally import BELOW_LEVEL, BY_PROTOCOL, CUT, DEFERRED, LET_GO, REJECTED

#: 411 and 415: whoever sends nothing that could hold a key is told that the key is missing.
NO_BODY_AT_ALL = {HTTPStatus.LENGTH_REQUIRED, HTTPStatus.UNSUPPORTED_MEDIA_TYPE}


class Intake:
    """What is known of a request before, while and after its caller is. Close it: its body holds memory."""

    def __init__(self, protocol: Protocol, head: Head, request: HttpRequest, *, beside: Protocol | None = None) -> None:
        self.protocol = protocol
        self.head = head
        self.request = request
        self.used_key_in_body = False
        self.entries = 0  # read of the body
        self._beside = beside
        self._body: Body | None = None

    def key_in_body(self) -> str | None:
        """Return the API key in the body, if there is one. Raises: `Refusal` when the body cannot be read."""
        try:
            body = self._read(may_be_large=False)
        except Refusal as refusal:
            if refusal.status in NO_BODY_AT_ALL:
                return None
            raise
        key = self.protocol.key_in_body(body.content)
        self.used_key_in_body = key is not None and not self.protocol.is_agent
        return key

    def take(self, caller: Caller, *, outcome: Outcome | Exception | None = None, deferred_ms: int = 0) -> Reply:
        """Keep what `caller` sends, and return the answer: with it, everything is safe. Raises: `Refusal`.

        `outcome` is what came of trying so before, by the express lane; by `deferred_ms` the overflow lane defers it.
        """
        if isinstance(outcome, Exception):
            raise outcome
        if outcome is Outcome.REFUSED and not settings.CORE_URL:  # an edge may borrow
            raise exhausted(caller.organisation_id)
        if outcome is None:
            reach("after_authentication")
        capacity.require()
        repeated = self.request.headers.get("Idempotency-Key") if self.protocol.knows_repetitions else None
        idempotency_key = idempotency.checked(repeated)
        lenient = caller.keeps_valid_entries or self._prefers_leniency()
        body = self._read(organisation_id=caller.organisation_id).content
        self._hear(body)
        accepted = accept(
            Request(
                caller=caller,
                protocol=self.protocol,
                wishes=Wishes(lenient=lenient, minimum_level=caller.minimum_level, head=self.head),
                body=body,
                scrubber=scrubber_of(caller.organisation_id),
                idempotency_key=idempotency_key,
                deferred_ms=deferred_ms,
            )
        )
        if accepted.kept:
            self.entries = accepted.kept.incoming.read
        count(caller, accepted, self.protocol)
        nudge()
        reach("before_answer")
        return accepted.reply

    def close(self) -> None:
        """Give the body's memory back."""
        if self._body:
            self._body.close()

    def _hear(self, body: bytes) -> None:
        """Find out who of those who share an address speaks. Raises: `Refusal`."""
        if self._beside is None or self.protocol.is_agent:
            return
        if self._beside.claims_body(body):
            self.protocol = self._beside
        elif self._has_foreign_coding():
            raise _unsupported()

    def _read(self, *, organisation_id: int | None = None, may_be_large: bool = True) -> Body:
        if self._body is None:
            is_shared = self._beside is not None and organisation_id is not None and self._has_foreign_coding()
            is_open = self.protocol.is_agent or is_shared
            try:
                self._body = read_body(
                    self.request,
                    media_types=None if self.protocol.is_agent else self.protocol.media_types,
                    organisation_id=organisation_id,
                    may_be_large=may_be_large,
                    unnamed_coding=self.protocol.coding_of_unnamed(self.head) if is_open else None,
                )
            except Refusal as refusal:
                raise _unsupported() if is_shared and refusal.code == "bad_compression" else refusal from None
        return self._body

    def _has_foreign_coding(self) -> bool:
        """Tell whether the body's coding is one that only agents may use."""
        return not self.protocol.is_agent and content_coding(self.request) not in INFLATERS

    def _prefers_leniency(self) -> bool:
        """Tell whether the request asks for lenient handling of invalid entries (RFC 7240, section 4.4)."""
        preferences = self.request.headers.get("Prefer", "").lower().replace(";", ",").split(",")
        return "handling=lenient" in (preference.strip() for preference in preferences)


def _unsupported() -> Refusal:
    return Refusal("unsupported_encoding", headers={"Accept-Encoding": "gzip, zstd"})


def count(caller: Caller, accepted: Accepted, protocol: Protocol) -> None:
    """Count for operators; and for the organisation what the drain does not count when it stores the entries."""
    kept = accepted.kept
    if kept is None:
        note(caller, "deduplicated")
        return
    metrics.ACCEPTED_BATCHES.inc()
    metrics.ACCEPTED_ENTRIES.inc(len(kept.incoming.entries))
    metrics.ACCEPTED_BYTES.inc(kept.size_bytes)
    metrics.of_protocol(protocol.name).inc(len(kept.incoming.entries))
    if protocol.is_agent:
        note(caller, BY_PROTOCOL + protocol.name, entries=len(kept.incoming.entries), size_bytes=kept.size_bytes)
    for part, entries in kept.incoming.cut.items():
        metrics.CUT_ENTRIES.labels(part).inc(entries)
        note(caller, CUT + part, requests=0, entries=entries)
    for what, items in kept.incoming.let_go.items():
        metrics.LET_GO_ITEMS.labels(what).inc(items)
        note(caller, LET_GO + what, requests=0, entries=items)
    capacity.kept(kept.size_bytes)
    if kept.deferred_until:
        metrics.DEFERRED_BATCHES.inc()
        note(caller, DEFERRED, entries=len(kept.incoming.entries), size_bytes=kept.size_bytes)
        capacity.deferred(caller.organisation_id, kept.size_bytes)
    if kept.incoming.below_level:
        metrics.BELOW_LEVEL_ENTRIES.inc(kept.incoming.below_level)
        note(caller, BELOW_LEVEL, entries=kept.incoming.below_level)
    for code, entries in kept.incoming.rejected_by_code.items():
        metrics.REJECTED_ENTRIES.labels(code).inc(entries)
        note(caller, REJECTED + code, entries=entries)
    for outcome, entries in found_in(kept.findings).items():
        note(caller, outcome, requests=0, entries=entries)
