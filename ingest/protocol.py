"""The seam: what a protocol is, and what passes between one and the rest of the intake.

`bytes → read → canonical lines → kept → answer`. A protocol is a file in `ingest.protocols` and a line in
`ingest.urls`; authentication, limits, bodies, counting and keeping are the intake's.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec
from drf_spectacular.utils import extend_schema

from accounts.caller import Caller
from accounts.presented import OF_AGENTS, Places
from foundation.errors import PROBLEM_TYPE, problem_members
from foundation.refusals import FieldError, Refusal
from ingest.canonical import MAX_ENTRIES
from privacy.scrubbing import NOTHING, Findings


@dataclass(frozen=True, kw_only=True, slots=True)
class Head:
    """What the head of a request says to a protocol."""

    path: str = ""
    media_type: str = ""
    #: Of the address: what its pattern has captured, and its query.
    captured: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)  # by their names in whatever case


NO_HEAD = Head()


@dataclass(frozen=True, kw_only=True, slots=True)
class Wishes:
    """How a caller, or its key's settings, wants entries to be handled; and what the request's head says."""

    lenient: bool = False
    minimum_level: int = 0
    head: Head = NO_HEAD


@dataclass(frozen=True, kw_only=True, slots=True)
class Incoming:
    """What was read of a body: `entries` in canonical form; `errors`, at most 20, are of the rejected ones."""

    entries: Sequence[bytes]
    rejected_by_code: Mapping[str, int] = field(default_factory=dict)  # by the first thing wrong with each
    below_level: int = 0
    errors: Sequence[FieldError] = ()
    #: How many entries were made to fit, by the part that was cut.
    cut: Mapping[str, int] = field(default_factory=dict)
    #: How much was in the body that is no entry, and is let go, by what it is.
    let_go: Mapping[str, int] = field(default_factory=dict)
    #: What the protocol's answer needs to know beyond these.
    notes: Any = None

    @property
    def read(self) -> int:
        """How many entries were in the body, whatever became of them."""
        return len(self.entries) + self.rejected + self.below_level

    @property
    def rejected(self) -> int:
        """How many entries were refused while others were read."""
        return sum(self.rejected_by_code.values())


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """What became of a body: told only when it is safe."""

    organisation_id: int
    incoming: Incoming
    size_bytes: int
    wishes: Wishes
    findings: Findings = NOTHING
    #: When what the overflow lane took is stored; None: at once.
    deferred_until: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """An answer in a protocol's own words."""

    body: bytes
    media_type: str = "application/json"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Sharing:
    """What pages of other sites are told (Fetch standard, CORS protocol): with answers, and when they ask before."""

    answers: Mapping[str, str]
    ahead: Mapping[str, str]


class Protocol:
    """What one kind of client speaks. What is here is the published API's way, for those who have no other."""

    #: How usage and metrics call it.
    name: str
    #: Media types of its bodies; without one in the request the body is taken for one of these.
    media_types: frozenset[str] = frozenset({"application/json"})
    #: More entries in a request are refused; more than a batch holds become several batches, kept together.
    max_entries: int = MAX_ENTRIES
    #: Whether it is spoken by agents that people run already: `ingest.agents` says what that means.
    is_agent: bool = False
    #: Whether an `Idempotency-Key` is looked at: agents have none.
    knows_repetitions: bool = True
    #: Where its clients have their key, beside `x-api-key` and the body.
    places: Places = OF_AGENTS
    #: The status of an answer to OPTIONS, by which some ask whether we live.
    asked_ahead_status: int = 204
    #: What every page is told; None: by the origins of public keys (`accounts.origins`).
    sharing: Sharing | None = None
    #: Describes its address for OpenAPI; what nobody describes is left out.
    describe: Callable[[Any], Any] = staticmethod(extend_schema(exclude=True))

    def read(self, body: bytes, wishes: Wishes) -> Incoming:
        """Read the entries of a body. Raises: `Refusal`."""
        raise NotImplementedError

    def read_at_once(self, body: bytes, wishes: Wishes, *, at_most: int) -> Incoming | None:  # noqa: ARG002
        """Read a small body of at most so many entries in no time; None to have it read by `read`. Never raises."""
        return None

    def key_in_body(self, body: bytes) -> str | None:  # noqa: ARG002 - for those who carry one
        """Return the API key that a body carries, where the protocol has a place for it."""
        return None

    def admit(self, caller: Caller) -> None:
        """Return if the caller's key may be used here. Raises: `Refusal` `forbidden`."""

    def coding_of_unnamed(self, head: Head) -> str:  # noqa: ARG002 - for those who have one
        """Return the content coding of a body without a Content-Encoding that does not show by its first bytes."""
        return ""

    def claims(self, head: Head) -> bool:  # noqa: ARG002
        """Tell whether a request to an address that is shared is for this protocol, as far as its head tells."""
        return False

    def claims_body(self, body: bytes) -> bool:  # noqa: ARG002
        """Tell whether a JSON body at such an address is one of this protocol."""
        return False

    def answer(self, kept: Kept) -> Reply:
        """Say that everything is safe: with the published API's members, and what is rejected or stored later."""
        members: dict[str, Any] = {
            "message": "Logs ingested successfully",
            "processed": len(kept.incoming.entries),
            "bytes_used": kept.size_bytes,
            "debug_user_id": str(kept.organisation_id),
        }
        if kept.wishes.lenient:
            members |= {"rejected": kept.incoming.rejected, "errors": kept.incoming.errors}
        if kept.deferred_until:
            due = kept.deferred_until.strftime("%Y-%m-%dT%H:%M:%SZ")
            members |= {"deferred": len(kept.incoming.entries), "deferred_until": due}
        return Reply(body=msgspec.json.encode(members))

    def refusal(self, refusal: Refusal, *, request_id: str | None, head: Head = NO_HEAD) -> Reply:  # noqa: ARG002
        """Say why nothing was kept: as a problem (RFC 9457)."""
        return Reply(
            body=msgspec.json.encode(problem_members(refusal, request_id=request_id)),
            media_type=PROBLEM_TYPE,
            status=refusal.status,
            headers=refusal.headers,
        )
