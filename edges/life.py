"""The life of an edge: made, retired, revoked. Commands and the admin both come here."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from accounts import audit
from accounts.models import Organisation
from edges.models import Edge, EdgeBatch
from edges.tokens import digest, make_token
from quotas import lending, loans

#: An edge learns within seconds that it retires; a request that it had let in before takes no longer than this.
UNDER_WAY = timedelta(seconds=30)


@dataclass(frozen=True, kw_only=True)
class IssuedEdge:
    """An edge and its token, which exists nowhere else."""

    edge: Edge
    token: str = field(repr=False)


@transaction.atomic
def create(draft: Edge, *, organisations: Sequence[Organisation]) -> IssuedEdge:
    """Save `draft` as a new edge for these organisations, with a new token. Raises: `ValidationError`."""
    token = make_token()
    draft.sha256, draft.suffix = digest(token), token[-4:]
    draft.full_clean(exclude=["sha256"])
    draft.save(force_insert=True)
    draft.organisations.set(organisations)
    return IssuedEdge(edge=draft, token=token)


@transaction.atomic
def begin_to_retire(edge_id: int) -> bool:
    """Have an edge take no more batches, and forward what it has; return whether it was not asked to before."""
    now = timezone.now()
    if not Edge.objects.filter(pk=edge_id, revoked_at=None, retiring_at=None).update(retiring_at=now):
        return False
    audit.record(Edge.objects.get(pk=edge_id), {"retiring_at": (None, now)})
    return True


def is_empty(edge: Edge) -> bool:
    """Tell whether a retiring edge has said, when no request could be under way there, that it has nothing left."""
    if not (edge.retiring_at and edge.told_at and edge.told_at - edge.retiring_at > UNDER_WAY):
        return False
    return not edge.waiting_batches and not any(
        one.unspent_bytes for one in loans.standings() if one.edge_id == edge.pk
    )


@transaction.atomic
def revoke(edge_id: int, *, reason: str) -> bool:
    """End an edge's token now and for ever, then free what was lent to it; return whether it was not ended before.

    Whatever it has not forwarded by then stays there.
    """
    edge = Edge.objects.select_for_update().get(pk=edge_id)
    if edge.revoked_at:
        return False
    now = timezone.now()
    Edge.objects.filter(pk=edge_id).update(revoked_at=now, revoked_reason=reason)
    audit.record(edge, {"revoked_at": (None, now), "revoked_reason": ("", reason)})
    EdgeBatch.objects.filter(edge=edge).delete()
    lending.end(edge_id)
    return True
