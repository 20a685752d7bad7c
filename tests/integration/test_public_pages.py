"""The pages that anybody may open, and the description of the API."""

import re

import pytest
from django.test import Client

from foundation.refusals import CODES

PAGES = ["/", "/docs", "/docs/errors"]


@pytest.mark.parametrize("page", PAGES)
def test_public_page_runs_nothing_inline_and_loads_nothing_from_elsewhere(client: Client, page: str) -> None:
    answer = client.get(page)
    assert answer.status_code == 200
    assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
    html = answer.content.decode()
    assert not re.search(r"<style|\sstyle=|<script(?![^>]*src=)|\son\w+=|(src|href)=\"https?:", html)


def test_documentation_shows_every_operation_with_examples_in_three_languages(client: Client) -> None:
    html = client.get("/docs").content.decode()
    for path, methods in client.get("/v1/openapi.json").json()["paths"].items():
        for operation in methods.values():
            assert f'id="{operation["operationId"]}"' in html
            for language in ("curl", "JavaScript", "Python"):
                assert f"Example in {language}: {operation['operationId']}" in html, (path, language)


def test_every_error_has_its_line_in_the_catalogue(client: Client) -> None:
    html = client.get("/docs/errors").content.decode()
    assert all(f'id="{code}"' in html for code in CODES)


def test_description_is_openapi_3_1_and_knows_ingestion(client: Client) -> None:
    document = client.get("/v1/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    operation = document["paths"]["/v1/logs"]["post"]
    entry = operation["requestBody"]["content"]["application/json"]["schema"]["properties"]["logs"]["items"]
    assert entry["required"] == ["timestamp", "level", "message"]
    assert {"200", "400", "401", "429", "503"} <= operation["responses"].keys()
    assert document["components"]["securitySchemes"]["ApiKey"]["name"] == "x-api-key"
    assert operation["security"] == [{"ApiKey": ["ingest"]}]
