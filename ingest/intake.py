"""One request on its way in: its body, read once and within bounds, and what became of it."""

from http import HTTPStatus

from django.http import HttpRequest

from accounts.caller import Caller
from foundation.faults import reach
from foundation.refusals import Refusal
from ingest import metrics
from ingest.acceptance import Accepted, Request, accept
from ingest.findings import found_in
from ingest.protocol import Protocol, Reply, Wishes
from ingest.receive.body import Body, read_body
from ingest.spool import idempotency
from ingest.spool.capacity import capacity
from ingest.spool.group_commit import Outcome
from ingest.spool.nudge import nudge
from privacy.policies import scrubber_of
from quotas.ledger import exhausted
from quotas.outcomes import note
from quotas.tally import BELOW_LEVEL, REJECTED

#: 411 and 415: whoever sends nothing that could hold a key is told that the key is missing.
NO_BODY_AT_ALL = {HTTPStatus.LENGTH_REQUIRED, HTTPStatus.UNSUPPORTED_MEDIA_TYPE}


class Intake:
    """What is known of a request before, while and after its caller is. Close it: its body holds memory."""

    def __init__(self, protocol: Protocol, request: HttpRequest) -> None:
        self.protocol = protocol
        self.request = request
        self.used_key_in_body = False
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
        self.used_key_in_body = key is not None
        return key

    def take(self, caller: Caller, *, outcome: Outcome | Exception | None = None) -> Reply:
        """Keep what `caller` sends, and return the answer: with it, everything is safe. Raises: `Refusal`.

        `outcome` is what came of trying so before, by the express lane.
        """
        if isinstance(outcome, Exception):
            raise outcome
        if outcome is Outcome.REFUSED:
            raise exhausted(caller.organisation_id)
        if outcome is None:
            reach("after_authentication")
        capacity.require()
        idempotency_key = idempotency.checked(self.request.headers.get("Idempotency-Key"))
        lenient = caller.keeps_valid_entries or self._prefers_leniency()
        accepted = accept(
            Request(
                caller=caller,
                protocol=self.protocol,
                wishes=Wishes(lenient=lenient, minimum_level=caller.minimum_level),
                body=self._read(organisation_id=caller.organisation_id).content,
                scrubber=scrubber_of(caller.organisation_id),
                idempotency_key=idempotency_key,
            )
        )
        count(caller, accepted)
        nudge()
        reach("before_answer")
        return accepted.reply

    def close(self) -> None:
        """Give the body's memory back."""
        if self._body:
            self._body.close()

    def _read(self, *, organisation_id: int | None = None, may_be_large: bool = True) -> Body:
        if self._body is None:
            self._body = read_body(
                self.request,
                media_types=self.protocol.media_types,
                organisation_id=organisation_id,
                may_be_large=may_be_large,
            )
        return self._body

    def _prefers_leniency(self) -> bool:
        """Tell whether the request asks for lenient handling of invalid entries (RFC 7240, section 4.4)."""
        preferences = self.request.headers.get("Prefer", "").lower().replace(";", ",").split(",")
        return "handling=lenient" in (preference.strip() for preference in preferences)


def count(caller: Caller, accepted: Accepted) -> None:
    """Count for operators; and for the organisation what the drain does not count when it stores the entries."""
    kept = accepted.kept
    if kept is None:
        note(caller, "deduplicated")
        return
    metrics.ACCEPTED_BATCHES.inc()
    metrics.ACCEPTED_ENTRIES.inc(len(kept.incoming.entries))
    metrics.ACCEPTED_BYTES.inc(kept.size_bytes)
    capacity.kept(kept.size_bytes)
    if kept.incoming.below_level:
        metrics.BELOW_LEVEL_ENTRIES.inc(kept.incoming.below_level)
        note(caller, BELOW_LEVEL, entries=kept.incoming.below_level)
    for code, entries in kept.incoming.rejected_by_code.items():
        metrics.REJECTED_ENTRIES.labels(code).inc(entries)
        note(caller, REJECTED + code, entries=entries)
    for outcome, entries in found_in(kept.findings).items():
        note(caller, outcome, requests=0, entries=entries)
