"""Every address at which a protocol is spoken takes at an edge what it takes at the core, and it arrives there alike.

Two whole products: `make edges` runs it.
"""

import json
import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from cramjam import snappy
from django.urls import URLPattern

from embedded.processes import free_port
from ingest import agent_urls
from ingest import urls as own_urls
from ingest.views import IntakeView
from tests.acceptance.edge_products import Edge
from tests.acceptance.product import Product
from tests.agent_bodies import (
    DATADOG_LOG,
    DOCUMENT,
    GELF_MESSAGE,
    HEC_EVENTS,
    PROTOBUF,
    SENTRY_EVENT,
    TIME,
    bulk,
    envelope,
    loki_json,
    loki_push,
    otlp_json,
    otlp_request,
)
from tests.waiting import DEADLINE_SECONDS, wait_until

pytestmark = [
    pytest.mark.acceptance,
    pytest.mark.skipif(not os.environ.get("LUMINALOG_TEST_EDGES"), reason="two whole products: `make edges`"),
]


@dataclass(frozen=True)
class Route:
    """An address, and what is sent to it."""

    path: str
    body: bytes | str
    media_type: str = "application/json"


LINE = {"timestamp": TIME, "level": "warn", "message": "hello", "metadata": {"order": 7}}
OTLP, LOKI, EVENTS = json.dumps(otlp_json()), json.dumps(loki_json("one", "two")), "".join(map(json.dumps, HEC_EVENTS))
DOCUMENTS = bulk(({"create": {"_index": "app"}}, DOCUMENT), ({"index": {"_index": "app"}}, DOCUMENT))
SENTRY = envelope(({"type": "event"}, SENTRY_EVENT), event_id="a" * 32)
ROUTES = [
    Route("/v1/logs", json.dumps({"logs": [LINE, LINE]})),
    Route("/v1/logs", otlp_request(2).SerializeToString(), PROTOBUF),
    Route("/v1/ndjson", f"{json.dumps(LINE)}\n" * 2, "application/x-ndjson"),
    Route("/v1/ndjson/", f"{json.dumps(LINE)}\n", "application/x-ndjson"),
    Route("/ingest/v1/ndjson", f"{json.dumps(LINE)}\n", "application/x-ndjson"),
    Route("/ingest/v1/logs", OTLP),
    Route("/otlp/v1/logs", OTLP),
    Route("/loki/api/v1/push", LOKI),
    Route("/loki/api/v1/push", bytes(snappy.compress_raw(loki_push(b"one", b"two"))), PROTOBUF),
    Route("/api/prom/push", LOKI),
    Route("/services/collector", EVENTS),
    Route("/services/collector/event", EVENTS),
    Route("/services/collector/raw?time=1795773600.123456&host=web-1", "one\ntwo", "text/plain"),
    Route("/api/v2/logs", json.dumps([DATADOG_LOG])),
    Route("/v1/input", json.dumps([DATADOG_LOG])),
    Route("/api/1/envelope/", SENTRY, "application/x-sentry-envelope"),
    Route("/api/1/store/", json.dumps(SENTRY_EVENT)),
    Route("/gelf", json.dumps(GELF_MESSAGE)),
    Route("/_bulk", DOCUMENTS, "application/x-ndjson"),
    Route("/elasticsearch/_bulk", DOCUMENTS, "application/x-ndjson"),
    Route("/shop/_bulk", DOCUMENTS, "application/x-ndjson"),
]
#: Each route has a project and a key of its own, so that entries are told apart that are alike.
MAKE_KEYS = f"""
import json
from accounts import life
from accounts.models import ApiKey, Organisation, Project
from quotas.models import Plan
from quotas.plans import subscribe

organisation = Organisation.objects.create(name="Spoken", slug="spoken")
subscribe(organisation, Plan.objects.get(slug="scale"))
keys = []
for number in range({len(ROUTES) + 1}):
    project = Project.objects.create(organisation=organisation, name=f"Route {{number}}", slug=f"route-{{number}}")
    keys.append(life.issue(ApiKey(project=project, name="test", scopes=["ingest"]), by=None).secret)
print(json.dumps(keys))
"""
#: What an entry is, whichever way it came.
ALIKE = (
    "timestamp", "level", "message", "environment", "project", "trace_id", "metadata", "error", "size_bytes",
    "error_key",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class World:
    """A core, an edge of it, and a key a route, the last one for syslog."""

    core: Product
    edge: Edge
    keys: list[str]

    def arrived(self, number: int, *, by: str | None) -> list[dict[str, Any]]:
        """Return what is stored at the core of a route's project, that came by this edge."""
        entries = self.core.stored("project = %s AND edge IS NOT DISTINCT FROM %s", f"route-{number}", by)
        return [{name: entry[name] for name in ALIKE} for entry in entries]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("edges")
    with ExitStack() as started:
        core = Product(folder / "core", LUMINALOG_SYSLOG=f"tcp://127.0.0.1:{free_port()}").start()
        started.callback(core.stop)
        keys = json.loads(core.manage("shell", "-v", "0", "-c", MAKE_KEYS))
        listening = f"tcp://127.0.0.1:{free_port()}"
        edge = Edge(folder / "of-fra1", "fra1", core, "--all-organisations", LUMINALOG_SYSLOG=listening)
        edge.start()
        started.callback(edge.stop)
        edge.wait_for_key(keys[-1])
        yield World(core=core, edge=edge, keys=keys)


@pytest.mark.parametrize("number", range(len(ROUTES)), ids=[f"{one.path}-{one.media_type}" for one in ROUTES])
def test_what_a_route_takes_at_an_edge_arrives_as_if_it_were_sent_to_the_core(world: World, number: int) -> None:
    route = ROUTES[number]
    answers = [
        requests.post(
            product.base_url + route.path,
            data=route.body,
            headers={"x-api-key": world.keys[number], "Content-Type": route.media_type},
            timeout=DEADLINE_SECONDS,
        )
        for product in (world.core, world.edge)
    ]
    assert answers[0].ok, answers[0].text
    assert answers[1].status_code == answers[0].status_code, answers[1].text
    direct = wait_until(lambda: world.arrived(number, by=None), what=world.core.output)
    wait_until(lambda: len(world.arrived(number, by="fra1")) == len(direct), what=world.edge.output)
    assert world.arrived(number, by="fra1") == direct


def test_what_syslog_takes_at_an_edge_arrives_as_if_it_were_sent_to_the_core(world: World) -> None:
    number, text = len(ROUTES), f'<14>1 {TIME} web-1 shop 7 - [luminalog@32473 key="%s"] hello\n'
    for product in (world.core, world.edge):
        address = urlsplit(product.environment["LUMINALOG_SYSLOG"])
        with socket.create_connection((str(address.hostname), int(address.port or 0))) as sender:
            sender.sendall((text % world.keys[number]).encode())
    wait_until(lambda: world.arrived(number, by="fra1") and world.arrived(number, by=None), what=world.edge.output)
    assert world.arrived(number, by="fra1") == world.arrived(number, by=None)


def test_no_address_of_a_protocol_is_left_out() -> None:
    below_ingest = [one for one in agent_urls.below_ingest if one not in agent_urls.urlpatterns]  # others are the same
    found = {"/": agent_urls.urlpatterns, "/ingest/": below_ingest, "/v1/": own_urls.urlpatterns}
    paths = [urlsplit(route.path).path for route in ROUTES]
    left_out = [
        f"{prefix}{one.pattern}"
        for prefix, patterns in found.items()
        for one in patterns
        if isinstance(one, URLPattern) and issubclass(getattr(one.callback, "cls", object), IntakeView)
        if not any(path.startswith(prefix) and one.pattern.match(path.removeprefix(prefix)) for path in paths)
    ]
    assert left_out == []
