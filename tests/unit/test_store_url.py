"""`STORE_URL` chooses the log store; what names none stops the process before it serves anybody."""

from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from luminalog.checks import refuse_unfit_settings
from storage.clickhouse.address import address_of
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


@pytest.mark.parametrize(
    "url",
    [
        "clickhouse://host/logs",
        "clickhouse://user:secret@/logs",
        "clickhouse://user:secret@host",
        "clickhouse://user:secret@host:port/logs",
        "clickhouse://user:secret@host/logs-1",
        "clickhouse://user:secret@host/logs?secure=1&timeout=5",
        "clickhouse+embedded:///",
    ],
)
def test_address_of_clickhouse_that_cannot_be_one_is_refused_and_not_repeated(settings: Any, url: str) -> None:
    settings.STORE_URL = url
    with pytest.raises(ImproperlyConfigured, match="E002") as told:
        refuse_unfit_settings()
    assert "secret" not in str(told.value)


def test_address_of_clickhouse_names_replicas_and_options() -> None:
    address = address_of("clickhouse://w:p%40ss@h1:9,[::1],h3:7/logs?cluster=main&wall=log_comment", name="STORE_URL")
    assert address.hosts == (("h1", 9), ("::1", 8123), ("h3", 7))
    assert (address.user, address.password, address.database) == ("w", "p@ss", "logs")
    assert (address.cluster, address.wall_setting, address.is_secure) == ("main", "log_comment", False)
    assert address_of("clickhouse://w:p@h/logs?secure=1", name="STORE_URL").hosts == (("h", 8443),)
