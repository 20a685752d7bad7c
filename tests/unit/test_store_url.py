"""`STORE_URL` chooses the log store; what names none stops the process before it serves anybody."""

from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from luminalog.checks import refuse_unfit_settings
from storage.store import STORES, store


@pytest.mark.parametrize("url", ["", "postgresql:", "postgresql"])
def test_by_default_entries_live_in_postgresql(settings: Any, url: str) -> None:
    settings.STORE_URL = url
    assert store().writer.joins_transaction
    assert store() is store()
    refuse_unfit_settings()


@pytest.mark.parametrize("url", ["clickhous://logs:secret@server", "postgres", "Postgresql:", " postgresql:"])
def test_unknown_store_is_refused_with_the_known_names(settings: Any, url: str) -> None:
    settings.STORE_URL = url
    with pytest.raises(ImproperlyConfigured, match="E002") as told:
        refuse_unfit_settings()
    assert "secret" not in str(told.value)
    assert all(f"{name}:" in str(told.value) for name in STORES if name)


def test_another_database_is_no_store(settings: Any) -> None:
    settings.STORE_URL = "postgresql://elsewhere/logs"
    with pytest.raises(ImproperlyConfigured, match="DATABASE_URL"):
        refuse_unfit_settings()
