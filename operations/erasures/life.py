"""The life of an erasure: asked for, perhaps confirmed by somebody else, or withdrawn. Admin and commands come here.

Every step is one conditional change, and stands in the audit trail without what is to be erased.
"""

import hmac

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now

from accounts import audit
from accounts.looks import Looker
from accounts.models import Organisation
from explore import sought
from explore.query import QueryError
from explore.sought import Sought, Unclear
from operations.models import Erasure
from privacy.policies import erasing_needs_two

Kind, Status = Erasure.Kind, Erasure.Status
DIGEST_CHARACTERS = 12


class ErasureError(Exception):
    """The step does not fit; the message says why, for staff."""


class NotSuspended(ErasureError):
    """Everything of an organisation is to go, whose keys work."""


def read(kind: str, wanted: str, organisation_id: int) -> Sought:
    """Return what is meant by a query or a value. Raises: `ErasureError`, `OperationalError`."""
    try:
        if kind == Kind.QUERY:
            return sought.by_query(wanted, organisation_id)
        return sought.by_value(wanted, organisation_id)
    except QueryError as error:
        where = "" if error.position is None else f" (at character {error.position})"
        raise ErasureError(f"{error.message}{where}") from error
    except Unclear as error:
        raise ErasureError(str(error)) from error


def require_suspended(organisation_id: int) -> None:
    """Raise `NotSuspended` where an organisation is not suspended."""
    if not Organisation.objects.filter(pk=organisation_id, status=Organisation.Status.SUSPENDED).exists():
        raise NotSuspended("Suspend the organisation first: as long as its keys work, it has not gone.")


@transaction.atomic
def ask(organisation: Organisation, *, kind: str, wanted: str = "", reference: str = "", by: Looker) -> Erasure:
    """Ask for an erasure: it begins, or waits for a second person if the organisation wants one.

    Of a kind that names nothing, `wanted` is empty.

    Raises: `ErasureError`, `OperationalError`.
    """
    if kind == Kind.ALL:
        require_suspended(organisation.pk)
    elif kind != Kind.RULES and read(kind, wanted, organisation.pk).wanted.is_in(reference):
        raise ErasureError("The reference is kept for ever: it must not hold what is to be erased.")
    needs_two = kind != Kind.RULES and erasing_needs_two(organisation.pk)
    status = Status.ASKED if needs_two else Status.RUNNING
    erasure = Erasure.objects.create(
        organisation=organisation,
        kind=kind,
        wanted=wanted,
        digest=_digest(organisation.pk, kind, wanted) if wanted else "",
        reference=reference,
        status=status,
        asked_by_id=by.user_id,
        asked_by=by.username,
    )
    what = {"kind": ("", kind), "digest": ("", erasure.digest), "status": ("", status), "asked_by": ("", by.username)}
    audit.record(erasure, what)
    return erasure


@transaction.atomic
def confirm(erasure_id: int, *, by: Looker) -> None:
    """Let an erasure begin that somebody else has asked for. Raises: `ErasureError`."""
    erasure = _waiting(erasure_id)
    if by.user_id in (0, erasure.asked_by_id):
        raise ErasureError("Somebody else has to confirm it, signed in to the console.")
    now = {"status": Status.RUNNING, "confirmed_by_id": by.user_id, "confirmed_by": by.username}
    Erasure.objects.filter(pk=erasure_id).update(**now, confirmed_at=Now())
    audit.record(erasure, {"status": (Status.ASKED, Status.RUNNING), "confirmed_by": ("", by.username)})


@transaction.atomic
def withdraw(erasure_id: int, *, by: Looker) -> None:
    """Give up an erasure that has not begun, and forget what it named. Raises: `ErasureError`."""
    erasure = _waiting(erasure_id)
    Erasure.objects.filter(pk=erasure_id).update(status=Status.WITHDRAWN, wanted="", ended_at=Now())
    audit.record(erasure, {"status": (Status.ASKED, Status.WITHDRAWN), "withdrawn_by": ("", by.username)})


def _waiting(erasure_id: int) -> Erasure:
    found = Erasure.objects.select_for_update(of=("self",)).filter(pk=erasure_id, status=Status.ASKED).first()
    if found is None:
        raise ErasureError("It does not wait for anybody any more.")
    return found


def _digest(organisation_id: int, kind: str, wanted: str) -> str:
    """Return what tells a repeated request from another, and nobody what it named."""
    text = f"erasure:{organisation_id}:{kind}:{wanted}".encode()
    return hmac.digest(settings.SECRET_KEY.encode(), text, "sha256").hex()[:DIGEST_CHARACTERS]
