"""What makes a production process refuse to start. Commands and workers find it among Django's checks."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, register, run_checks
from django.core.exceptions import ImproperlyConfigured

from foundation import secret_key
from storage.store import store

TAG = "luminalog"


@register(TAG)
def secret_key_is_secret(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:  # noqa: ARG001 - Django's signature
    """Refuse a key that can be guessed."""
    if settings.DEVELOPMENT or secret_key.is_strong(settings.SECRET_KEY):
        return []
    what = f"SECRET_KEY needs {secret_key.LENGTH} random characters."
    return [Error(what, hint=secret_key.MAKE_ONE, id="luminalog.E001")]


@register(TAG)
def log_store_is_known(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:  # noqa: ARG001 - Django's signature
    """Refuse a store that there is not: nothing would be stored, and the spool would fill."""
    try:
        store()
    except ImproperlyConfigured as error:
        hint = "Leave STORE_URL out to keep entries in DATABASE_URL."
        return [Error(str(error), hint=hint, id="luminalog.E002")]
    return []


def refuse_unfit_settings() -> None:
    """Raise `ImproperlyConfigured` when this process must not serve anybody."""
    if errors := run_checks(tags=[TAG]):
        raise ImproperlyConfigured(" ".join(f"{error.msg} ({error.id}) {error.hint}" for error in errors))
