"""What a key may do, and the one place that decides it."""

from enum import StrEnum

from accounts.caller import Caller
from foundation.refusals import Refusal


class Scope(StrEnum):
    """One thing that a key may be allowed to do."""

    INGEST = "ingest"
    READ = "read"
    MANAGE = "manage"


VERBS = {Scope.INGEST: "send logs", Scope.READ: "read logs", Scope.MANAGE: "manage its organisation"}
#: What a form offers.
SCOPES = [(scope.value, verb.capitalize()) for scope, verb in VERBS.items()]
#: A public key is known to whoever runs the application that carries it, a browser above all: it can only send.
OF_PUBLIC_KEYS = [Scope.INGEST.value]
PUBLIC_KEYS_ONLY_INGEST = "A public key may send logs, and nothing else."


def default_scopes() -> list[str]:
    """Return what a key may do unless somebody says otherwise."""
    return [Scope.INGEST.value, Scope.READ.value]


def require(caller: Caller, scope: Scope) -> None:
    """Return if the caller's key has `scope`. Raises: `Refusal` `forbidden`."""
    if scope not in caller.scopes:
        raise Refusal("forbidden", f"This API key may not {VERBS[scope]}.")
