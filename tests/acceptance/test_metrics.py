"""`/metrics` of the running product: every kind of process counts in it, and no death or outage takes it away."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial

import pytest
import requests

from embedded.processes import free_port, is_taken
from tests.acceptance.product import Product
from tests.acceptance.scrape import Scrape, ask, scrape, token
from tests.processes import running_command
from tests.waiting import DEADLINE_SECONDS, wait_until

pytestmark = pytest.mark.acceptance
ENTRY = {"timestamp": "2026-01-26T14:30:00.000Z", "level": "info", "message": "counted"}
#: Of what a worker counts of a batch.
LAST_TO_BE_COUNTED = "luminalog_stored_after_seconds_count"
#: Labels whose values we choose, and no client.
LABELS = {
    "part",
    "process",
    "protocol",
    "route",
    "method",
    "outcome",
    "code",
    "scope",
    "limit",
    "le",
    "version",
    "python",
    "step",
    "work",
}


@pytest.fixture(scope="module")
def mine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """A product of this module: its counts are known, and its parts may be killed."""
    running = Product(tmp_path_factory.mktemp("metrics") / "var").prepared().start()
    yield running
    running.stop()


def send(product: Product, batches: int) -> None:
    for _ in range(batches):
        assert product.post({"logs": [ENTRY] * 2}).status_code == 200


def test_batch_is_counted_when_it_is_accepted_and_when_it_is_stored(mine: Product) -> None:
    before = scrape(mine)
    send(mine, 3)
    wait_until(lambda: grown(scrape(mine), before, LAST_TO_BE_COUNTED) == 3)
    after = scrape(mine)

    accepted = {"process": "web", "route": "/v1/logs", "method": "POST", "outcome": "ok"}
    assert grown(after, before, "luminalog_requests_total", code="200", **accepted) == 3
    assert grown(after, before, "luminalog_request_duration_seconds_count", **accepted) == 3
    assert grown(after, before, "luminalog_accepted_batches_total", process="web") == 3
    assert grown(after, before, "luminalog_accepted_entries_total", process="web") == 6
    assert grown(after, before, "luminalog_accepted_bytes_total") > 100
    assert grown(after, before, "luminalog_accepted_bytes_total") == grown(
        after, before, "luminalog_stored_bytes_total"
    )
    assert grown(after, before, "luminalog_stored_batches_total", process="worker") == 3
    assert grown(after, before, LAST_TO_BE_COUNTED, process="worker") == 3
    assert 0 < grown(after, before, "luminalog_stored_after_seconds_sum") < 3 * DEADLINE_SECONDS


def test_refusal_is_counted_with_its_reason(mine: Product) -> None:
    before = scrape(mine)
    assert mine.post({"logs": []}).status_code == 400
    assert mine.post({}, **{"x-api-key": "ll_wrong"}).status_code == 401
    after = scrape(mine)
    for code in ("empty_batch", "invalid_api_key"):
        assert grown(after, before, "luminalog_requests_total", outcome="refused", code=code, route="/v1/logs") == 1


def test_state_is_as_of_now(mine: Product) -> None:
    found = scrape(mine)
    assert found.find("luminalog_partitions_ahead_days") == [7]
    assert found.find("luminalog_postgresql_up") == found.find("luminalog_valkey_up") == [1]
    assert found.find("luminalog_dead_letters") == [0]
    assert found.total("luminalog_disk_free_bytes") > 0
    wait_until(lambda: scrape(mine).find("luminalog_workers_seen") == [1])


def test_open_tails_are_counted_while_they_are_open(mine: Product) -> None:
    address = f"{tail_url(mine)}/v1/logs/tail"
    with requests.get(address, headers={"x-api-key": mine.api_key}, stream=True, timeout=DEADLINE_SECONDS) as stream:
        assert stream.status_code == 200
        assert scrape(mine).find("luminalog_tail_streams", process="tail") == [1]
    wait_until(lambda: scrape(mine).find("luminalog_tail_streams", process="tail") == [0])


def test_no_label_holds_what_a_client_chose(mine: Product) -> None:
    before = len(scrape(mine).samples)
    for number in range(20):
        ask_path(mine, f"/v1/logs/{number}")
        ask_path(mine, f"/v1/traces/secret-trace-{number}")
        ask_path(mine, f"/nowhere/{number}")
    found = scrape(mine)
    assert len(found.samples) - before < 120  # three routes by method and outcome, whatever their number
    assert {label for _, labels, _ in found.samples for label in labels} <= LABELS
    values = {value for _, labels, _ in found.samples for value in labels.values()}
    assert not [value for value in values if "secret" in value or value.startswith(("ll_", "/nowhere"))]


def test_sums_never_fall_when_processes_are_killed(mine: Product) -> None:
    send(mine, 2)
    wait_until(lambda: scrape(mine).total("luminalog_spool_rows") == 0)
    before = scrape(mine)
    for name in ("web", "worker"):
        died = mine.part_pid(name)
        os.killpg(died, signal.SIGKILL)
        wait_until(partial(living, mine, name, died), what=mine.output)
    wait_until(lambda: answers(mine), what=mine.output)

    after = scrape(mine)
    sums = [(name, labels, value) for name, labels, value in before.samples if name.endswith(("_total", "_count"))]
    assert [name for name, labels, value in sums if after.total(name, **labels) < value] == []
    assert after.total("luminalog_accepted_batches_total") == before.total("luminalog_accepted_batches_total") >= 2
    assert after.find("luminalog_processes") == [1, 1, 1, 1]
    assert len(list((mine.data_dir / "metrics" / "web").glob("alive_*"))) == 1


def test_scrape_without_postgresql_tells_the_rest(mine: Product) -> None:
    send(mine, 2)
    with frozen(mine, "/postgres"):
        found = scrape(mine)
    assert found.find("luminalog_postgresql_up") == [0]
    assert found.find("luminalog_spool_rows") == []
    assert found.find("luminalog_valkey_up") == [1]
    assert found.total("luminalog_accepted_batches_total") >= 2
    wait_until(lambda: scrape(mine).find("luminalog_postgresql_up") == [1])


def test_scrape_without_valkey_tells_the_rest(mine: Product) -> None:
    with frozen(mine, "/valkey-server"):
        found = scrape(mine)
    assert found.find("luminalog_valkey_up") == [0]
    assert found.find("luminalog_postgresql_up") == [1]


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer "}, {"Authorization": "Bearer wrong"}])
def test_scrape_without_the_token_is_refused(mine: Product, headers: dict[str, str]) -> None:
    answer = ask(mine, **headers)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert answer.content == b""


def test_scraper_may_call_the_host_by_any_name(mine: Product) -> None:
    assert scrape(mine, Host="10.0.0.7:8000").total("luminalog_build_info") == 1


def test_welcome_tells_where_the_metrics_are(mine: Product) -> None:
    assert f"{mine.base_url}/metrics" in mine.output()
    assert token(mine) not in mine.output()
    assert mine.announcement["metrics_url"] == f"{mine.base_url}/metrics"


def grown(after: Scrape, before: Scrape, name: str, **labels: str) -> float:
    return after.total(name, **labels) - before.total(name, **labels)


def ask_path(product: Product, path: str) -> None:
    requests.get(product.base_url + path, headers={"x-api-key": product.api_key}, timeout=DEADLINE_SECONDS)


def tail_url(product: Product) -> str:
    environment = f"/proc/{product.part_pid('web')}/environ"
    with open(environment, "rb") as file:
        return dict(line.split(b"=", 1) for line in file.read().split(b"\0") if line)[b"LUMINALOG_TAIL_URL"].decode()


def living(product: Product, name: str, died: int) -> bool:
    try:
        return product.part_pid(name) != died
    except LookupError:
        return False


def answers(product: Product) -> bool:
    try:
        return scrape(product).find("luminalog_processes") == [1, 1, 1, 1]
    except OSError:
        return False


@contextmanager
def frozen(product: Product, program: str) -> Iterator[None]:
    """Let every process of one of its servers stand still."""
    pids = [
        pid
        for pid, command in product.processes().items()
        if program in command.split()[0] or ("postgres:" in command and program == "/postgres")
    ]
    assert pids

    def tell(number: signal.Signals) -> None:
        for pid in pids:
            with suppress(ProcessLookupError):  # a backend may end at any moment
                os.kill(pid, number)

    try:
        tell(signal.SIGSTOP)
        yield
    finally:
        tell(signal.SIGCONT)


def test_machine_without_web_is_scraped_by_a_command(mine: Product) -> None:
    assert "luminalog_accepted_batches_total{" in mine.manage("metrics")
    port = free_port()
    address, bearer = f"http://127.0.0.1:{port}/metrics", {"Authorization": f"Bearer {token(mine)}"}
    env = mine.environment | {"LUMINALOG_METRICS_TOKEN": token(mine)}
    with running_command("metrics", "--listen", f"127.0.0.1:{port}", env=env):
        wait_until(lambda: is_taken(port))
        assert requests.get(address, timeout=DEADLINE_SECONDS).status_code == 401
        assert (
            'luminalog_processes{process="worker"} 1.0'
            in requests.get(address, headers=bearer, timeout=DEADLINE_SECONDS).text
        )
