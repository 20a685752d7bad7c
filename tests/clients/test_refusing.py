"""`make test-clients`: what clients do when the product refuses, in their protocol's words: nothing goes on for ever.

*Later* is said once: who tries again has all entries kept, once each; who does not goes on without what was refused.
A wrong key is refused every time.
"""

import os
import re
from collections import Counter
from enum import Enum
from functools import partial
from pathlib import Path

import pytest

from foundation.refusals import Refusal
from ingest.protocol import Protocol
from ingest.protocols.elasticsearch import ELASTICSEARCH
from ingest.protocols.gelf import GELF
from ingest.protocols.loki import LOKI
from ingest.protocols.ndjson import NDJSON
from ingest.protocols.otlp import OTLP
from ingest.protocols.splunk import SPLUNK
from tests.acceptance.product import Product
from tests.clients.clients import CLIENTS, ENTRIES, Client, running
from tests.clients.gate import Gate, gate_before
from tests.waiting import wait_until

pytestmark = pytest.mark.skipif("LUMINALOG_TEST_CLIENTS" not in os.environ, reason="real clients: make test-clients")
PROTOCOLS: dict[str, Protocol] = {one.name: one for one in (OTLP, ELASTICSEARCH, GELF, LOKI, NDJSON, SPLUNK)}
REFUSALS = {
    429: partial(Refusal, "rate_limited", retry_after_seconds=60),
    503: partial(Refusal, "storage_unavailable", retry_after_seconds=2),
    401: partial(Refusal, "invalid_api_key"),
}
#: A request may carry so few entries; a handshake comes before it.
MOST_REQUESTS = ENTRIES + 5


class Does(Enum):
    """What a client does with a batch that is refused."""

    AGAIN = "sends it again"
    LOSES = "sends it no more: not within the seconds that its program runs"
    INSISTS = "sends it again though its key is wrong, as often as it may"


AGAIN, LOSES, INSISTS = Does
#: After 429, 503 and 401: as the table of docs/send.md says.
TABLE = {
    "otel-py": (AGAIN, AGAIN, LOSES),
    "otel-environment": (AGAIN, AGAIN, LOSES),
    "otel-js": (AGAIN, AGAIN, LOSES),
    "otel-js-proto": (AGAIN, AGAIN, LOSES),
    "elastic-py": (AGAIN, AGAIN, LOSES),
    "elastic-js": (LOSES, AGAIN, LOSES),
    "pino-elastic": (LOSES, AGAIN, LOSES),
    "winston-elastic": (AGAIN, AGAIN, INSISTS),
    "rsyslog": (LOSES, LOSES, LOSES),
    "syslog-ng-bulk": (AGAIN, AGAIN, INSISTS),
    "syslog-ng-lines": (AGAIN, AGAIN, INSISTS),
    "winston-loki": (LOSES, LOSES, LOSES),  # again after a minute
    "pino-loki": (LOSES, LOSES, LOSES),
    "loki-py": (LOSES, LOSES, LOSES),
    "splunk-py": (LOSES, LOSES, LOSES),
    "splunk-js": (LOSES, LOSES, LOSES),
    "graypy": (LOSES, LOSES, LOSES),
    "winston-http": (LOSES, LOSES, LOSES),
    "logging-http": (LOSES, LOSES, LOSES),
    "structlog": (AGAIN, AGAIN, LOSES),
}
CASES = [(client, status) for client in CLIENTS for status in REFUSALS]


def messages(server: Product, name: str) -> Counter[str]:
    """What is stored of a client, once nothing waits."""
    wait_until(lambda: server.query("SELECT count(*) FROM ingest_spooledbatch") == [(0,)], what=server.output)
    rows = server.query("SELECT message FROM storage_entry WHERE message LIKE %s", f"{name} %")
    return Counter(message for (message,) in rows)


@pytest.mark.parametrize(("client", "status"), CASES, ids=[f"{client.name}-{status}" for client, status in CASES])
def test_refused_client_does_as_the_table_says(client: Client, status: int, server: Product, tmp_path: Path):
    does = TABLE[client.name][list(REFUSALS).index(status)]
    server.query("DELETE FROM storage_entry WHERE message LIKE %s", f"{client.name} %")
    every = {f"{client.name} {number}" for number in range(ENTRIES)}
    gate = Gate(protocol=PROTOCOLS[client.protocol], refuse=REFUSALS[status], times=None if status == 401 else 1)

    def repeats() -> int:
        """Return how often the request came that came most often; of bodies, or of whatever an insistent one asks."""
        return max(Counter(one for one in gate.refused if one[1] or does is INSISTS).values(), default=0)

    def is_over() -> bool:
        """Tell whether whoever goes on until it is ended has got rid of all that it had, or does not want to."""
        if does is INSISTS:
            return repeats() > 1
        named = re.findall(rf"{client.name} \d+", b"".join(body for _, body in gate.refused).decode())
        return messages(server, client.name).keys() | (set() if does is AGAIN else set(named)) == every

    with gate_before(server.base_url, gate), running(client, gate.url, server.api_key, tmp_path):
        if client.stays:
            wait_until(is_over, what=(tmp_path / "output").read_text)
    found = messages(server, client.name)
    told = (len(found), len(gate.refused), gate.passed, (tmp_path / "output").read_text()[-2_000:])
    assert set(found.values()) <= {1}, told
    assert 1 <= len(gate.refused) + gate.passed <= MOST_REQUESTS, told
    if does is AGAIN:
        assert found.keys() == every, told
    elif status == 401:
        assert not found, told
        assert (does is INSISTS) == (repeats() > 1), told
    else:
        assert found.keys() < every, told
