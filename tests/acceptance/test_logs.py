"""Our own logs over the life of a product: JSON a line, with the ids to search for, and nothing that a client sent."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import requests

from tests.acceptance.product import Product
from tests.waiting import DEADLINE_SECONDS, wait_until

pytestmark = pytest.mark.acceptance
KEY = re.compile(r"ll_[0-9a-f]{48}")
SECRET = "secret-of-a-customer"
#: A line of its own, a command to a terminal, and text that runs backwards.
HOSTILE = f'{SECRET}\r\n{{"level": "fatal", "event": "forged"}}\x1b[2J\u202e'


@pytest.fixture(scope="module")
def mine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    data_dir = tmp_path_factory.mktemp("logs") / "var"
    running = Product(data_dir, LUMINALOG_LOG_JSON="1", LUMINALOG_ACCESS_LOG="1").prepared().start()
    yield running
    running.stop()
    assert lines(running)[-1] | {"timestamp": ""} == {"process": "up", "event": "stopped", "timestamp": ""}


def lines(product: Product) -> list[dict[str, Any]]:
    """Return every line of its output; each must be a JSON object."""
    parsed = [json.loads(line) for line in product.output().splitlines()]
    assert all(isinstance(line, dict) and {"process", "event"} <= line.keys() for line in parsed)
    return parsed


def find(product: Product, **members: Any) -> list[dict[str, Any]]:
    return [line for line in lines(product) if members.items() <= line.items()]


@contextmanager
def renamed(product: Product, table: str) -> Iterator[None]:
    """Break every statement on `table`, as a bug would."""
    product.query(f"ALTER TABLE {table} RENAME TO {table}_away")
    try:
        yield
    finally:
        product.query(f"ALTER TABLE {table}_away RENAME TO {table}")


def test_unexpected_exception_is_logged_with_the_request_id_of_the_answer(mine: Product) -> None:
    with renamed(mine, "quotas_hourlyusage"):
        answer = requests.get(
            f"{mine.base_url}/v1/usage", headers={"x-api-key": mine.api_key}, timeout=DEADLINE_SECONDS
        )
    assert answer.status_code == 500
    request_id = answer.json()["request_id"]
    wait_until(lambda: find(mine, event="internal_error", request_id=request_id), what=mine.output)
    [line] = find(mine, event="internal_error", request_id=request_id)
    assert (line["level"], line["process"]) == ("error", "web")
    assert "in get" in line["exception"]
    assert "42P01" in line["exception"]
    [access] = find(mine, event="answered", request_id=request_id)
    assert (access["route"], access["status"], access["code"]) == ("/v1/usage", 500, "internal_error")


def test_failed_drain_is_logged_with_its_batches_and_its_task(mine: Product) -> None:
    entry = {"timestamp": "2026-01-26T14:30:00Z", "level": "info", "message": HOSTILE, "metadata": {"secret": HOSTILE}}
    with renamed(mine, "quotas_hourlyusage"):
        assert mine.post({"logs": [entry]}).status_code == 200
        wait_until(lambda: find(mine, event="drain_failed"), what=mine.output)
    [line, *_] = find(mine, event="drain_failed")
    assert (line["process"], line["task"], line["error"]) == ("worker", "ingest.drain", "ProgrammingError 42P01")
    assert len(line["batch_ids"]) == 1
    assert line["task_id"]


def test_failed_task_is_logged_once_and_by_us(mine: Product) -> None:
    with renamed(mine, "ingest_drainclaim"):
        wait_until(lambda: find(mine, event="task_failed", task="ingest.drain"), what=mine.output)
    [line, *_] = find(mine, event="task_failed", task="ingest.drain")
    assert "42P01" in line["exception"]


def test_nothing_that_a_client_sent_is_in_the_logs(mine: Product) -> None:
    entry = {"timestamp": "2026-01-26T14:30:00Z", "level": "info", "message": HOSTILE}
    for body in ({"logs": [entry | {"level": HOSTILE}]}, {"logs": [entry | {"metadata": {HOSTILE: "\0"}}]}, HOSTILE):
        mine.post(body)
    wrong = "ll_" + "5" * 48
    requests.post(f"{mine.base_url}/v1/logs?api_key={wrong}", headers={"x-api-key": wrong}, timeout=DEADLINE_SECONDS)
    requests.get(f"{mine.base_url}/v1/traces/{wrong}", headers={"x-api-key": mine.api_key}, timeout=DEADLINE_SECONDS)
    answered = len(find(mine, event="answered"))
    assert requests.get(f"{mine.base_url}/v1/logs", headers={"x-api-key": mine.api_key}, timeout=DEADLINE_SECONDS).ok
    wait_until(lambda: len(find(mine, event="answered")) > answered, what=mine.output)

    output = mine.output()
    assert SECRET not in output
    assert "forged" not in output
    assert "\x1b" not in output
    assert KEY.findall(output) == []
    assert mine.admin[1] not in output


def test_first_line_says_where_it_is_ready_and_no_secret(mine: Product) -> None:
    assert any(line["event"].startswith(f"ready: {mine.base_url}") for line in find(mine, process="up"))


def test_answers_of_the_express_lane_are_logged_as_those_of_the_view(mine: Product) -> None:
    """The view answers the first of a process, the lane those after it."""
    entry = {"timestamp": "2026-01-26T14:30:00Z", "level": "info", "message": HOSTILE}
    ids = [f"express-{number}" for number in range(3)]
    for request_id in ids:
        assert mine.post({"logs": [entry]}, **{"X-Request-ID": request_id}).headers["X-Request-ID"] == request_id
    wait_until(lambda: all(find(mine, event="answered", request_id=one) for one in ids), what=mine.output)
    said = [find(mine, event="answered", request_id=one) for one in ids]
    assert [len(each) for each in said] == [1, 1, 1]
    own = {"timestamp", "seconds", "request_id"}
    shared = [{name: value for name, value in each[0].items() if name not in own} for each in said]
    assert shared[0] == shared[1] == shared[2]
    assert (shared[0]["route"], shared[0]["method"], shared[0]["status"]) == ("/v1/logs", "POST", 200)
