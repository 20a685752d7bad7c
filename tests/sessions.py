"""Sessions of staff, for tests of what hangs on them."""

from django.contrib.sessions.backends.base import SessionBase
from django.test import Client

from accounts.models import User


def sign_in(user: User) -> SessionBase:
    """Sign `user` in; return the session."""
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client.session
