"""From a batch of messages to their being safe: as a request of an agent's, without the request."""

from dataclasses import dataclass

from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest

from accounts.authentication import may_come_from
from accounts.caller import Caller
from accounts.directory import directory
from accounts.failures import failed_keys
from accounts.last_use import last_use
from accounts.scopes import Scope
from foundation.errors import as_refusal
from foundation.refusals import Refusal
from ingest import agents
from ingest.acceptance import Request, accept
from ingest.intake import count
from ingest.protocol import Head, Wishes
from ingest.protocols.syslog import SYSLOG, ZONE, Heard, body_of
from ingest.spool.capacity import capacity
from ingest.spool.nudge import nudge
from privacy.policies import scrubber_of
from quotas.throttling import give_back, take

AREA = "ingest"
CLIENT = "syslog"


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What became of a batch: it is safe, but for `foreign` messages, which their key is not for; or not yet."""

    refusal: Refusal | None = None
    foreign: int = 0


def hand_over(key: str, heard: list[Heard], *, zone: str) -> Outcome:
    """Keep the messages that came for `key`. Blocks; never raises."""
    try:
        caller = _caller(key)
        own = [one for one in heard if may_come_from(caller, address=one.source)]
        if own:
            _keep(caller, own, zone=zone)
        return Outcome(foreign=len(heard) - len(own))
    except (Refusal, DatabaseError, InterfaceError, LookupError) as error:
        refusal = as_refusal(error)
        agents.wait_less(refusal)
        return Outcome(refusal=refusal)


def is_usable(key: str, *, source: str) -> bool:
    """Tell whether a key that `source` has written in a message may be used here; who guesses is slowed down.

    Raises: `DatabaseError`, `InterfaceError`.
    """
    request = HttpRequest()
    request.META["REMOTE_ADDR"] = source
    if _found(directory.find(key, may_query=lambda: failed_keys.may_query(request))):
        return True
    failed_keys.note(request)
    return False


def _caller(key: str) -> Caller:
    caller = _found(directory.find(key, may_query=lambda: True))
    if caller is None:
        raise Refusal("invalid_api_key")
    return caller


def _found(caller: Caller | None) -> Caller | None:
    return caller if caller and Scope.INGEST in caller.scopes and not caller.is_public else None


def _keep(caller: Caller, heard: list[Heard], *, zone: str) -> None:
    """Take what they cost, and keep them; what is refused costs nothing. Raises: `Refusal`, as the database."""
    capacity.require()
    cost = agents.cost_of(len(heard))
    take(caller, area=AREA, cost=cost)
    try:
        accepted = accept(
            Request(
                caller=caller,
                protocol=SYSLOG,
                wishes=Wishes(minimum_level=caller.minimum_level, head=Head(parameters={ZONE: zone})),
                body=body_of(heard),
                scrubber=scrubber_of(caller.organisation_id),
            )
        )
    except Exception:
        give_back(caller, area=AREA, paid=cost)
        raise
    last_use.note(caller.api_key_id, address=heard[-1].source, client=CLIENT)
    count(caller, accepted, SYSLOG)
    nudge()
