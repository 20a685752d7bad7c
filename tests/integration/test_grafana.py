"""What Grafana's Infinity data source is given: every query of ours is asked of the real API, and read as it is there.

The plugin's own program is not run. What it does with a query is done here: macros are replaced, parameters are sent,
the root selector goes through jq, columns are taken by their selectors.
"""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import yaml
from django.test import Client

from tests.entries import line, store_batch
from tests.organisations import make_api_key
from tests.processes import PROJECT

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "reads"]),
    pytest.mark.usefixtures("empty_store"),
    pytest.mark.skipif(not shutil.which("jq"), reason="jq is missing: apt-get install jq"),
]

FOLDER = PROJECT / "deploy" / "grafana"
SOURCE = yaml.safe_load((FOLDER / "provisioning/datasources/luminalog.yaml").read_text())["datasources"][0]
DASHBOARD = json.loads((FOLDER / "logs/luminalog-logs.json").read_text())
VARIABLES = {one["name"]: one for one in DASHBOARD["templating"]["list"]}
INTERVAL = re.compile(r"\$__customInterval\(([^)]*)\)")
LENGTHS = {"h": timedelta(hours=1), "d": timedelta(days=1)}
TYPES: dict[str, Any] = {"timestamp": str, "number": (int, float), "string": str}


def queries() -> Iterator[tuple[str, dict[str, Any]]]:
    for panel in DASHBOARD["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target
    yield "variable project", VARIABLES["project"]["query"]["infinityQuery"]


def replaced(text: str, length: timedelta, now: datetime, project: str) -> str:
    """Return a text as Grafana and the plugin send it."""

    def interval(found: re.Match[str]) -> str:
        *pairs, default = found[1].split(",")
        steps = zip(pairs[::2], pairs[1::2], strict=True)
        return next((step for most, step in steps if length <= int(most[:-1]) * LENGTHS[most[-1]]), default)

    names = {
        "${__timeFrom:date:iso}": (now - length).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "${__timeTo:date:iso}": now.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "${query}": VARIABLES["query"]["current"]["value"],
        "$project": project,
        "$field": VARIABLES["field"]["current"]["value"],
    }
    text = INTERVAL.sub(interval, text)
    for name, value in names.items():
        text = text.replace(name, value)
    assert "$" not in text, f"nobody replaces what is left in {text}"
    return text


def rows_of(target: dict[str, Any], key: str, *, length: timedelta, project: str = "*") -> list[dict[str, Any]]:
    """Ask a query as the data source does; return its rows by the columns' names."""
    given: dict[str, list[str]] = {}
    for parameter in target["url_options"]["params"]:
        value = replaced(parameter["value"], length, datetime.now(UTC), project)
        given.setdefault(parameter["key"], []).append(value)
    answer = Client().get(target["url"], given, headers={SOURCE["jsonData"]["apiKeyKey"]: key})
    assert answer.status_code == 200, (target["url"], given, answer.content)
    found = subprocess.run(
        ["jq", "-c", target["root_selector"]], input=answer.content, capture_output=True, check=True, timeout=60
    )
    rows = [json.loads(one) for one in found.stdout.splitlines()]
    for row in rows:
        assert {column["selector"] for column in target["columns"]} <= row.keys()
    return [{column["text"]: row[column["selector"]] for column in target["columns"]} for row in rows]


@pytest.fixture
def key() -> str:
    api_key, text = make_api_key()
    now = datetime.now(UTC)
    for at, project in enumerate(("shop", "web")):
        failed = {"type": "PaymentError", "message": "declined", "stack_trace": []}
        lines = [
            line(
                f"paid {n}",
                timestamp=now - timedelta(minutes=10 * n + 1),
                level="error" if n < 2 else "info",
                metadata={"duration_ms": n},
                **({"error": failed} if n < 2 else {}),
            )
            for n in range(at, 10)
        ]
        store_batch(api_key.organisation, lines, project=project)
    return text


@pytest.mark.parametrize("length", [timedelta(hours=1), timedelta(days=1), timedelta(days=90)], ids=str)
def test_every_query_is_answered_with_its_columns(key: str, length: timedelta) -> None:
    for name, target in queries():
        rows = rows_of(target, key, length=length)
        assert rows, name
        for row in rows:
            for column in target["columns"]:
                value = row[column["text"]]
                assert value is None or isinstance(value, TYPES[column["type"]]), (name, column, value)
                if column["type"] == "timestamp":
                    datetime.fromisoformat(str(value))


def test_what_is_drawn_is_what_was_sent(key: str) -> None:
    asked = dict(queries())
    day = timedelta(days=1)
    levels = rows_of(asked["Entries by level"], key, length=day)
    sums = {name: sum(row["value"] for row in levels if row["series"] == name) for name in ("info", "error")}
    assert sums == {"info": 16, "error": 3}
    assert rows_of(asked["Errors"], key, length=day) == [{"errors": 3}]
    assert rows_of(asked["Errors"], key, length=day, project="web") == [{"errors": 1}]
    assert rows_of(asked["Errors by type"], key, length=day) == [
        {"type": "PaymentError", "project": "shop", "errors": 2},
        {"type": "PaymentError", "project": "web", "errors": 1},
    ]
    entries = rows_of(asked["Newest entries"], key, length=day)
    assert (len(entries), entries[0]["body"], entries[0]["level"]) == (19, "paid 0", "error")
    assert [row["project"] for row in rows_of(asked["variable project"], key, length=day)] == ["shop", "web"]


def test_data_source_sends_the_key_to_us_alone(key: str) -> None:
    given = SOURCE["jsonData"]
    assert (given["auth_method"], given["apiKeyType"], given["allowedHosts"]) == ("apiKey", "header", [SOURCE["url"]])
    assert SOURCE["secureJsonData"] == {"apiKeyValue": "$LUMINALOG_READ_KEY"}
    health = given["customHealthCheckUrl"].removeprefix(SOURCE["url"])
    assert Client().get(health, headers={given["apiKeyKey"]: key}).status_code == 200
    assert Client().get(health).status_code == 401
    used = {target["datasource"]["uid"] for _, target in queries()}
    assert used == {SOURCE["uid"]} == {panel["datasource"]["uid"] for panel in DASHBOARD["panels"]}
