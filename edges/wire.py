"""What goes from an edge to its core: a line of JSON, then a line a batch, each with its frame behind it. Pure."""

from collections.abc import Iterable, Iterator
from datetime import date, datetime
from typing import Annotated

from msgspec import Meta, MsgspecError, Struct, json

VERSION = 1
MEDIA_TYPE = "application/vnd.luminalog.edge-batches"
MOST_BATCHES = 1_024
MOST_FORGOTTEN = 10_000
MOST_LINE_BYTES = 2**18

Id = Annotated[int, Meta(ge=1, lt=2**62)]
#: By the edge's clock.
Moment = Annotated[datetime, Meta(tz=True)]
Text = Annotated[str, Meta(max_length=128)]


class WireError(ValueError):
    """The bytes are not what an edge sends."""


class Opening(Struct, frozen=True, kw_only=True):
    """The first line. `number` only grows; whatever is below `floor` the edge does not wait for any more.

    `forgotten` were kept by the core and are gone at the edge: every request that carried them is below `floor`.
    """

    version: int
    installation: str
    number: Id
    floor: Id
    forgotten: Annotated[list[Id], Meta(max_length=MOST_FORGOTTEN)]
    batches: Annotated[int, Meta(ge=0, le=MOST_BATCHES)]


class Head(Struct, frozen=True, kw_only=True):
    """A batch's line: what the edge's spool says of it. `period` is the month of the loan that paid for it."""

    edge_batch_id: Id
    organisation_id: Id
    api_key_id: Id
    project: Text
    environment: Text
    received_at: Moment
    period: date
    requests: Annotated[int, Meta(ge=0, le=1)]
    entries: Annotated[int, Meta(ge=1, le=1_000)]
    size_bytes: Annotated[int, Meta(ge=1, lt=2**40)]
    payload_bytes: Annotated[int, Meta(ge=1, lt=2**31)]


class Carried(Struct, frozen=True, kw_only=True):
    """A batch and its frame."""

    head: Head
    payload: bytes


_opening, _head = json.Decoder(Opening).decode, json.Decoder(Head).decode


def write(opening: Opening, batches: Iterable[Carried]) -> bytes:
    """Return the body of a request."""
    pieces = [json.encode(opening), b"\n"]
    for one in batches:
        pieces += (json.encode(one.head), b"\n", one.payload)
    return b"".join(pieces)


def read(body: bytes) -> tuple[Opening, list[Carried]]:
    """Return what a body holds. Raises: `WireError`."""
    try:
        line, place = _line(body, 0)
        opening = _opening(line)
        if opening.floor > opening.number:
            raise WireError("the floor is above the number")
        batches = list(_batches(body, place, opening.batches))
    except MsgspecError as error:
        raise WireError("a line is not as it should be") from error
    if len({one.head.edge_batch_id for one in batches}) != len(batches):
        raise WireError("a batch comes twice")
    return opening, batches


def _batches(body: bytes, place: int, number: int) -> Iterator[Carried]:
    for _ in range(number):
        line, place = _line(body, place)
        head = _head(line)
        end = place + head.payload_bytes
        if end > len(body):
            raise WireError("a frame is cut off")
        yield Carried(head=head, payload=body[place:end])
        place = end
    if place != len(body):
        raise WireError("more bytes than batches")


def _line(body: bytes, place: int) -> tuple[bytes, int]:
    end = body.find(b"\n", place, place + MOST_LINE_BYTES)
    if end < 0:
        raise WireError("a line has no end")
    return body[place:end], end + 1
