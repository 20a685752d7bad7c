"""`make test-clients`: what rsyslog and syslog-ng forward by syslog arrives once, however they frame and form it."""

import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from embedded.processes import free_port, is_taken
from tests.acceptance.product import Product
from tests.clients.clients import ENTRIES, Run, Target, rsyslog, started, syslog_ng
from tests.processes import running_command
from tests.waiting import wait_until

pytestmark = pytest.mark.skipif("LUMINALOG_TEST_CLIENTS" not in os.environ, reason="real clients: make test-clients")
FORWARD = 'action(type="omfwd" target="127.0.0.1" port="PORT" protocol="tcp" template="RSYSLOG_%s" TCP_Framing="%s")'
DESTINATION = 'destination luminalog { %s("127.0.0.1" port(PORT) transport("tcp")); };'
#: How each is told to send, and the level of its lines.
SENDERS: dict[str, tuple[Callable[[str, Target], Run], str, int]] = {
    "rsyslog-5424-counted": (rsyslog, FORWARD % ("SyslogProtocol23Format", "octet-counted"), 30),
    "rsyslog-3164-lines": (rsyslog, FORWARD % ("TraditionalForwardFormat", "traditional"), 30),
    "rsyslog-own-form": (rsyslog, FORWARD % ("ForwardFormat", "traditional"), 30),
    "syslog-ng-network": (syslog_ng, DESTINATION % "network", 20),
    "syslog-ng-syslog": (syslog_ng, DESTINATION % "syslog", 20),
}


@pytest.mark.parametrize("name", SENDERS)
def test_what_a_daemon_forwards_arrives_once(name: str, server: Product, tmp_path: Path):
    start, configuration, level = SENDERS[name]
    port = free_port()
    keys = tmp_path / "keys"
    keys.write_text(f"* {server.api_key}\n")
    environment = server.environment | {"LUMINALOG_SYSLOG": f"tcp://127.0.0.1:{port}?keys={keys}"}
    target = Target(url="", key="", name=name, folder=tmp_path)
    with running_command("syslog", env=environment):
        wait_until(lambda: is_taken(port), what="a listener")
        run = start(configuration.replace("PORT", str(port)), target)
        with started(run, tmp_path, stays=True):
            count = "SELECT count(*) FROM storage_entry WHERE message LIKE %s"
            wait_until(
                lambda: server.query(count, f"%{name} %")[0][0] >= ENTRIES,
                what=lambda: (tmp_path / "output").read_text() + server.output()[-2_000:],
            )
    entries = server.stored("message LIKE %s", f"%{name} %")
    # Neither gives these lines a tag that ends with a colon: by the old form host and tag stay in the message.
    assert Counter(" ".join(entry["message"].split()[-2:]) for entry in entries) == {
        f"{name} {n}": 1 for n in range(ENTRIES)
    }
    assert {entry["level"] for entry in entries} == {level}
    assert all(entry["metadata"]["host"] for entry in entries)
