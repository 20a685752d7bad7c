"""At an edge: its drain, which hands batches to the core, and forgets them when the core says that it keeps them.

A request is open while its transaction holds the claim; so a batch is in one at a time. Each has a number that only
grows, durable before it is sent, and no earlier one is waited for any more when it is: its number is the floor.
"""

import time
from collections.abc import Sequence
from http import HTTPStatus

import structlog
from django.conf import settings
from django.db import transaction
from msgspec import MsgspecError, Struct, json

from edges import metrics, wire
from edges.wire import Carried, Head, Opening
from foundation.core_link import CoreLink, LinkError
from foundation.faults import reach
from foundation.postgres import execute, fetch_all
from ingest.spool import claims, dead_letters, forgotten, table
from ingest.spool.claims import Claim
from ingest.spool.table import Spooled
from quotas import installation

log = structlog.get_logger(__name__)

PATH = "/v1/edge/batches"
GROUP_BATCHES, GROUP_BYTES = wire.MOST_BATCHES, 16 * 2**20
#: The core cannot read the request: each of its batches is tried alone, and buried if it is to blame.
UNREADABLE = (HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)

NEXT_NUMBER = """
INSERT INTO edges_link AS link (id, number) VALUES (1, 1) ON CONFLICT (id) DO UPDATE SET number = link.number + 1
RETURNING number
"""
COME_AFTER = "UPDATE edges_link SET number = greatest(number, %s) WHERE id = 1"
BEGIN = "SET LOCAL idle_in_transaction_session_timeout = '120s'"


class Refused(Struct, frozen=True, kw_only=True):
    """A batch that is not ours to bring."""

    edge_batch_id: int
    reason: str


class Answer(Struct, frozen=True, kw_only=True):
    """What the core has done with a request."""

    kept: list[int]
    refused: list[Refused]
    floor: int


class Stale(Struct, frozen=True, kw_only=True):
    """The core has answered a later request."""

    floor: int = 0


class Forwarder:
    """Forwards by one link, one request after the other."""

    def __init__(self, link: CoreLink) -> None:
        self.link = link
        self._most_batches = GROUP_BATCHES

    def forward(self) -> int:
        """Forward what waits, one group of it; return how many batches left the spool.

        Without any the core is told what was forgotten since. Raises: `LinkError`, `OperationalError`.
        """
        with transaction.atomic():
            claims.take_dead()
        claim = claims.claim(new_first=True, at_most_batches=self._most_batches, at_most_bytes=GROUP_BYTES)
        if claim is None and not forgotten.to_confirm():
            metrics.LINK_SECONDS.set_to_current_time()
            return 0
        [(number,)] = fetch_all(NEXT_NUMBER)
        try:
            moved = self._send(claim, number)
        except LinkError as error:
            claims.frontier.distrust()
            self._recover(claim, error)
            raise
        self._most_batches = min(GROUP_BATCHES, 2 * self._most_batches)
        metrics.LINK_SECONDS.set_to_current_time()
        metrics.SENT_BATCHES.inc(moved)
        return moved

    def _send(self, claim: Claim | None, number: int) -> int:
        with transaction.atomic():
            execute(BEGIN)
            if claim and not claims.hold(claim):
                return 0
            rows = table.read(claim.batch_ids) if claim else []
            listed = forgotten.to_confirm()
            answer = self._ask(rows, number=number, listed=listed)
            reach("before_forgetting")
            forgotten.confirm(listed)
            table.drop(answer.kept)
            forgotten.note(answer.kept)
            for refused in answer.refused:
                dead_letters.bury_refused(refused.edge_batch_id, reason=f"refused by the core: {refused.reason}")
        reach("after_forgetting")
        if answer.refused:
            log.error("batches_refused", reasons=sorted({one.reason for one in answer.refused}))
        return len(answer.kept) + len(answer.refused)

    def _ask(self, rows: Sequence[Spooled], *, number: int, listed: list[int]) -> Answer:
        opening = Opening(
            version=wire.VERSION,
            installation=str(installation.own()),
            number=number,
            floor=number,
            forgotten=listed,
            batches=len(rows),
        )
        body = wire.write(opening, map(_carried, rows))
        began = time.monotonic()
        answered = self.link.post(PATH, body, media_type=wire.MEDIA_TYPE)
        metrics.ROUND_TRIP_SECONDS.set(time.monotonic() - began)
        _leave_room(len(body), seconds=time.monotonic() - began)
        try:
            return json.decode(answered.body, type=Answer)
        except MsgspecError as error:
            raise LinkError("the core's answer cannot be read") from error

    def _recover(self, claim: Claim | None, error: LinkError) -> None:
        """Let the batches of a request that failed be claimed again; the core, if it was heard, may say how."""
        if error.status == HTTPStatus.CONFLICT:
            execute(COME_AFTER, [_floor_in(error.body)])
        if claim is None:
            return
        if error.status in UNREADABLE and len(claim.batch_ids) == 1:
            with transaction.atomic():
                if claims.hold(claim):
                    dead_letters.bury_refused(claim.batch_ids[0], reason="the core cannot read it")
            return
        if error.status in UNREADABLE:
            self._most_batches = 1
        claims.release(claim)


def _carried(row: Spooled) -> Carried:
    head = Head(
        edge_batch_id=row.batch_id,
        organisation_id=row.organisation_id,
        api_key_id=row.api_key_id,
        project=row.project,
        environment=row.environment,
        received_at=row.received_at,
        period=row.period,
        requests=row.requests,
        entries=row.entries,
        size_bytes=row.size_bytes,
        payload_bytes=len(row.payload),
    )
    return Carried(head=head, payload=row.payload)


def _floor_in(body: bytes) -> int:
    try:
        return json.decode(body, type=Stale).floor
    except MsgspecError:
        return 0


def _leave_room(size_bytes: int, *, seconds: float) -> None:
    """Rest until the request has taken no more than its part of the line."""
    if settings.EDGE_BYTES_PER_SECOND:
        time.sleep(max(0.0, size_bytes / settings.EDGE_BYTES_PER_SECOND - seconds))
