"""The directory that an edge mirrors: organisations that may send there, their keys, limits and privacy rules.

It is sent whole, as of one snapshot of PostgreSQL, whenever its digest is another: so what commits late is in the next
one, what is gone is gone, and nothing older can replace what is newer.
"""

import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass

from django.db import connection, transaction
from msgspec import Struct, json
from msgspec.structs import replace

from accounts import mirror as accounts
from accounts import trust
from edges.keeping import allowed_organisations
from edges.models import Edge
from foundation.expiring import Expiring
from foundation.postgres import execute
from privacy import mirror as privacy
from quotas import mirror as quotas

#: Edges that ask within a second are answered by one look; one asks every two.
LOOK_SECONDS = 1.0
MOST_EDGES = 100


class Directory(Struct, frozen=True, kw_only=True):
    """What an edge is to know, and no more."""

    accounts: accounts.Accounts
    limits: list[quotas.MirroredLimits]
    policies: list[privacy.MirroredPolicy]


@dataclass(frozen=True, kw_only=True)
class Copy:
    """A directory as it is sent."""

    document: bytes
    digest: str


_seen: Expiring[int, Copy] = Expiring(capacity=MOST_EDGES)


def of_edge(edge: Edge) -> Copy:
    """Return the directory of an edge, a second old at most; of one that retires nobody may call."""
    copy = _seen.get(edge.pk)
    if copy is None:
        document = json.encode(read(edge))
        copy = Copy(document=document, digest=hashlib.sha256(document).hexdigest())
        _seen.put(edge.pk, copy, until=time.monotonic() + LOOK_SECONDS)
    return copy


def read(edge: Edge) -> Directory:
    """Read an edge's directory in one snapshot."""
    begins = not connection.in_atomic_block
    with transaction.atomic():
        if begins:
            execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        ids = set() if edge.retiring_at else allowed_organisations(edge)
        return Directory(accounts=accounts.read(ids), limits=quotas.read(sorted(ids)), policies=privacy.read(ids))


def write(document: bytes) -> None:
    """At an edge: make its tables say what the core sent, in one transaction. Raises: `MsgspecError`."""
    found = json.decode(document, type=Directory)
    allowances = {one.organisation_id: one.daily_bytes for one in found.limits}
    keys = [_with_allowance(key, allowances) for key in found.accounts.keys]
    with transaction.atomic():
        accounts.write(replace(found.accounts, keys=keys))
        quotas.write(found.limits)
        privacy.write(found.policies)
        trust.confirm(hashlib.sha256(document).hexdigest())


def forget() -> None:
    """Read anew at the next request."""
    _seen.clear()


def _with_allowance(key: accounts.MirroredKey, allowances: Mapping[int, int]) -> accounts.MirroredKey:
    """Give a public key that names no allowance the one that it has at the core: here its quota is borrowed."""
    if key.kind != "public" or key.daily_bytes is not None:
        return key
    return replace(key, daily_bytes=allowances.get(key.organisation_id))
