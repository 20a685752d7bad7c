"""Who is signed in, by a digest of the session: whoever sees that can neither use the session nor guess it."""

from collections.abc import Collection
from hashlib import sha256

from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.models import Session
from django.db.models import F, Func, TextField
from django.db.models.functions import Now
from django.utils.crypto import constant_time_compare

from accounts.models import User

DIGEST = "encode(sha256(convert_to(%(expressions)s, 'UTF8')), 'hex')"


def digest(session: SessionBase) -> str:
    """Return what a session is known by outside."""
    return sha256(str(session.session_key).encode()).hexdigest()


def users_by(digests: Collection[str]) -> dict[str, int]:
    """Return who is signed in by which of these sessions: the user's id by the digest."""
    found = (
        Session.objects.filter(expire_date__gt=Now())
        .annotate(digest=Func(F("session_key"), template=DIGEST, output_field=TextField()))
        .filter(digest__in=digests)
    )
    sessions = {one.digest: one.get_decoded() for one in found}
    users = User.objects.in_bulk([int(one[SESSION_KEY]) for one in sessions.values() if SESSION_KEY in one])
    return {
        name: user.pk
        for name, session in sessions.items()
        if (user := users.get(int(session.get(SESSION_KEY, 0)))) and _is_of(session, user)
    }


def _is_of(session: dict[str, str], user: User) -> bool:
    """Tell whether the session was begun with the user's password of today."""
    return constant_time_compare(session.get(HASH_SESSION_KEY, ""), user.get_session_auth_hash())
