"""`make test-clients`: logs of Sentry's SDKs are kept, and an unhandled exception, with chain, frames and group."""

import json
import os
import subprocess
import sys
from collections import Counter
from functools import partial
from pathlib import Path

import pytest

from foundation.refusals import Refusal
from ingest.protocols.sentry import SENTRY
from tests.acceptance.product import Product
from tests.clients import environments
from tests.clients.clients import OF_ERRORS, Client, running
from tests.clients.gate import Gate, gate_before
from tests.waiting import DEADLINE_SECONDS, wait_until

pytestmark = pytest.mark.skipif("LUMINALOG_TEST_CLIENTS" not in os.environ, reason="real clients: make test-clients")
LOGS = 999
CAUSES = {"python": "ZeroDivisionError", "node": "TypeError"}


@pytest.fixture(scope="module")
def sender(server: Product) -> str:
    """A key that can do nothing but send."""
    server.manage("create_org", "dsn", "--plan", "scale", "--project", "shop")
    made = server.manage("create_key", "dsn", "shop", "--name", "dsn", "--kind", "public", "--json")
    key: str = json.loads(made)["api_key"]
    return key


@pytest.mark.parametrize("client", OF_ERRORS, ids=[client.name for client in OF_ERRORS])
def test_unhandled_exception_is_one_entry_with_its_chain_frames_and_group(
    client: Client, server: Product, sender: str, tmp_path: Path
):
    with running(client, server.base_url, sender, tmp_path):
        count = "SELECT count(*) FROM storage_entry WHERE message LIKE %s"

        def arrived() -> bool:
            return bool(server.query(count, f"%{client.name} %")[0][0] >= LOGS + 1)

        wait_until(arrived, what=lambda: (tmp_path / "output").read_text() + server.output()[-2_000:])
    logs = server.stored("message LIKE %s", f"{client.name} %")
    assert Counter(entry["message"] for entry in logs) == {f"{client.name} {number}": 1 for number in range(LOGS)}
    assert [len([one for one in logs if one["level"] == level]) for level in (10, 20, 30, 40)] == [250, 250, 250, 249]
    [error] = server.stored("message LIKE %s", f"%: {client.name} 999")
    found = error["error"]
    assert (error["level"] >= 40, found["type"] in ("RuntimeError", "RangeError")) == (True, True), error
    assert any("pay" in line or "client.py" in line for line in found["stack_trace"]), found
    assert [one["type"] for one in found["context"]["chain"]] == [CAUSES["node" if "js" in client.name else "python"]]
    assert found["context"]["handled"] is False
    assert server.query("SELECT count(*) FROM issues_fingerprint WHERE key = %s", error["error_key"]) == [(1,)]


#: Sends one event, and prints for how many seconds each kind is held back then; None is all kinds.
SILENCED = """
import json, sys
from datetime import datetime, timezone
import sentry_sdk

sentry_sdk.init(dsn=sys.argv[1], enable_logs=True)
sentry_sdk.capture_message("refused")
sentry_sdk.flush(30)
until = sentry_sdk.get_client().transport._disabled_until
now = datetime.now(timezone.utc)
print(json.dumps({str(kind): (end - now).total_seconds() for kind, end in until.items()}))
"""


@pytest.mark.parametrize(("code", "most_seconds"), [("rate_limited", 5), ("quota_exhausted", 30), ("backlog_full", 30)])
@pytest.mark.parametrize("name", ["sentry", "sentry-brotli"])
def test_refusal_silences_an_sdk_for_no_longer_than_it_has_to(
    name: str, code: str, most_seconds: int, server: Product, sender: str
):
    gate = Gate(protocol=SENTRY, refuse=partial(Refusal, code, retry_after_seconds=3600), times=None)
    with gate_before(server.base_url, gate):
        dsn = gate.url.replace("://", f"://{sender}@") + "/1"
        environment = {**os.environ, "PYTHONPATH": str(environments.python(name))}
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", SILENCED, dsn],
            env=environment, capture_output=True, text=True, timeout=DEADLINE_SECONDS, check=True,
        )  # fmt: skip
    assert len(gate.refused) == 1 if code != "backlog_full" else 4
    held_back = json.loads(done.stdout.splitlines()[-1])
    if code != "backlog_full":  # of a 503 it only drops what it has sent
        assert "error" in held_back or "None" in held_back
    assert all(seconds <= most_seconds for seconds in held_back.values()), held_back
