"""What makes a production process refuse to start. Commands and workers find it among Django's checks."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, register, run_checks
from django.core.exceptions import ImproperlyConfigured

TAG = "luminalog"
SECRET_KEY_LENGTH = 50
SECRET_KEY_CHARACTERS = 10


@register(TAG)
def secret_key_is_secret(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:  # noqa: ARG001 - Django's signature
    """Refuse a key that can be guessed: who knows it makes sessions, cursors and tickets of their own."""
    key = settings.SECRET_KEY
    is_strong = len(key) >= SECRET_KEY_LENGTH and len(set(key)) >= SECRET_KEY_CHARACTERS
    if settings.DEVELOPMENT or (is_strong and not key.startswith("django-insecure-")):
        return []
    hint = "python3 -c 'import secrets; print(secrets.token_urlsafe(50))'"
    return [Error(f"SECRET_KEY needs {SECRET_KEY_LENGTH} random characters.", hint=hint, id="luminalog.E001")]


def refuse_unfit_settings() -> None:
    """Raise `ImproperlyConfigured` when this process must not serve anybody."""
    if errors := run_checks(tags=[TAG]):
        raise ImproperlyConfigured(" ".join(f"{error.msg} ({error.id}) {error.hint}" for error in errors))
