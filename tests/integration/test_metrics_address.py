"""`/metrics` without a token is no address at all; without a folder for files it tells of its own process."""

from typing import Any

import pytest
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

pytestmark = pytest.mark.django_db


def test_without_a_token_there_is_no_such_address(client: Client, settings: Any) -> None:
    settings.METRICS_TOKEN = ""
    for headers in ({}, {"Authorization": "Bearer "}):
        assert client.get("/metrics", headers=headers).status_code == 404


def test_without_a_folder_a_process_tells_of_itself(client: Client, settings: Any) -> None:
    settings.METRICS_TOKEN, settings.METRICS_DIR, settings.PROCESS = "token", None, "web"
    client.get("/healthz")
    answer = client.get("/metrics", headers={"Authorization": "Bearer token"})
    assert answer.headers["Cache-Control"] == "no-store"
    families = {family.name: family for family in text_string_to_metric_families(answer.content.decode())}
    assert [sample.value for sample in families["luminalog_processes"].samples] == [1]
    routes = {sample.labels["route"] for sample in families["luminalog_requests"].samples}
    assert "/healthz" in routes
    assert {sample.labels["process"] for sample in families["luminalog_requests"].samples} == {"web"}
