"""`make test-clients`: each client's 1,000 entries arrive, once, as what they are; set up as docs/send.md prints."""

import os
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.acceptance.product import Product
from tests.clients.clients import CLIENTS, ENTRIES, Client, running
from tests.waiting import wait_until

pytestmark = pytest.mark.skipif("LUMINALOG_TEST_CLIENTS" not in os.environ, reason="real clients: make test-clients")


@pytest.mark.parametrize("client", CLIENTS, ids=[client.name for client in CLIENTS])
def test_entries_of_a_client_arrive_once_as_what_they_are(client: Client, server: Product, tmp_path: Path):
    began = datetime.now(UTC) - timedelta(seconds=2)  # some write whole seconds
    with running(client, server.base_url, server.api_key, tmp_path):
        count = "SELECT count(*) FROM storage_entry WHERE message LIKE %s"

        def arrived() -> bool:
            return bool(server.query(count, f"{client.name} %")[0][0] >= ENTRIES)

        wait_until(arrived, what=lambda: (tmp_path / "output").read_text() + server.output()[-2_000:])
    entries = server.stored("message LIKE %s", f"{client.name} %")
    assert Counter(entry["message"] for entry in entries) == {f"{client.name} {number}": 1 for number in range(ENTRIES)}
    by_number = {int(entry["message"].rpartition(" ")[2]): entry for entry in entries}
    levels = client.levels
    assert [by_number[number]["level"] for number in range(ENTRIES)] == [
        levels[n % len(levels)] for n in range(ENTRIES)
    ]
    now = datetime.now(UTC)
    assert all(began <= datetime.fromisoformat(str(entry["timestamp"])) <= now for entry in entries)
    if client.has_error:
        assert by_number[999]["error"]["stack_trace"]
    if client.has_trace:
        assert {len(entry["trace_id"]) for entry in entries} == {32}
