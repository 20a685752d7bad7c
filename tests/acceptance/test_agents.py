"""Agents that cannot run here, replayed against the whole product behind the shipped proxy; and what was logged."""

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.acceptance.product import Product
from tests.agents import AGENTS, BASIC, KEY, Exchange, Stored
from tests.hostile import nginx
from tests.leaks import leaks
from tests.waiting import DEADLINE_SECONDS, wait_until

pytestmark = pytest.mark.acceptance
#: Where people have put keys: in addresses of every kind, and where a user's name is looked for.
LOST_KEYS = [
    "/v1/logs?api_key={key}", "/v1/ndjson?x-api-key={key}", "/_bulk?pretty&key={key}", "/v1/input/{key}",
    "/api/1/envelope/?sentry_key={key}&sentry_version=7", "/api/v2/logs?dd-api-key={key}",
    "/services/collector?token={key}", "/{key}", "/admin/?next=/{key}", "/v1/logs/{key}?{key}#{key}",
]  # fmt: skip


@dataclass(frozen=True)
class Front:
    """The way to the product: through the proxy where there is one."""

    base_url: str
    trust: str | bool
    logs: Path | None

    def send(self, exchange: Exchange, key: str) -> requests.Response:
        """Send what an agent sends, with `key` where it has its own."""
        basic = base64.b64encode(f"luminalog:{key}".encode()).decode()
        headers: dict[str, Any] = dict.fromkeys(("User-Agent", "Accept", "Accept-Encoding"))  # none of the library's
        headers |= {name: value.replace(KEY, key).replace(BASIC, basic) for name, value in exchange.headers.items()}
        return requests.request(
            exchange.method, self.base_url + exchange.path, headers=headers, data=exchange.body or None,
            verify=self.trust, timeout=DEADLINE_SECONDS, allow_redirects=False,
        )  # fmt: skip


@contextmanager
def _front(product: Product, folder: Path) -> Iterator[Front]:
    if nginx.program() is None:
        yield Front(product.base_url, trust=True, logs=None)
        return
    with nginx.running_nginx(folder, web_port=product.port, tail_port=product.port, tells_hops=False) as proxy:
        yield Front(f"https://localhost:{proxy.port}", trust=str(proxy.trust), logs=proxy.folder)


def _is(entry: dict[str, Any], wanted: Stored) -> bool:
    error = entry["error"] and {name: value for name, value in entry["error"].items() if value is not None}
    return (
        (entry["message"], entry["level"], entry["trace_id"]) == (wanted.message, wanted.level, wanted.trace_id)
        and datetime.fromisoformat(entry["timestamp"]) == datetime.fromisoformat(wanted.time)
        and error == wanted.error
        and wanted.metadata.items() <= (entry["metadata"] or {}).items()
    )


def test_agents_are_answered_as_they_need_and_no_key_is_in_a_log(product: Product, tmp_path: Path):
    key = product.api_key
    with _front(product, tmp_path / "nginx") as front:
        for agent in AGENTS:
            for exchange in agent.exchanges:
                answer = front.send(exchange, key)
                assert exchange.suits(answer), (agent.name, exchange.path, answer.status_code, answer.content[:500])
        for place in LOST_KEYS:
            lost = front.send(Exchange(path=place.format(key=key), headers={"Referer": f"https://x/{key}"}), key)
            assert lost.status_code < 500, place
        as_user = base64.b64encode(f"{key}:".encode()).decode()
        by_user = Exchange(
            path="/v1/ndjson", headers={"Authorization": f"Basic {as_user}"}, body=b'{"message": "by user"}'
        )
        assert front.send(by_user, key).status_code == 200
        if front.logs:
            too_large = Exchange(path=f"/v1/logs?key={key}", headers={"Content-Length": str(2**40)})
            assert front.send(too_large, key).status_code == 413  # of nginx, which would quote the address
            assert leaks([front.logs]) == {}
            assert '"POST /v1/input/ll_removed" 404' in (front.logs / "own-access.log").read_text()
    for agent in AGENTS:
        wanted = agent.entries
        stored = _stored_of(product, agent.name, len(wanted))
        assert len(stored) == len(wanted), (agent.name, stored)
        for entry, expected in zip(stored, wanted, strict=True):
            assert _is(entry, expected), (agent.name, entry, expected)
    assert product.leaked_keys() == {}


def _stored_of(product: Product, name: str, count: int) -> list[dict[str, Any]]:
    of_agent = ("message LIKE %s", f"{name} %")
    wait_until(lambda: len(product.stored(*of_agent)) >= count, what=lambda: (name, product.output()[-2_000:]))
    return product.stored(*of_agent)
