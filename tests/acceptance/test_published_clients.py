"""What the reference prints and what the vendor publishes works against us unchanged, but for host and key."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.acceptance.product import Product
from tests.clients.documents import printed
from tests.waiting import wait_until

pytestmark = pytest.mark.acceptance
REFERENCE = Path(__file__).with_name("reference")


def example(name: str, product: Product) -> str:
    """Return an example of the reference with our address and key in the place of the printed ones."""
    printed = (REFERENCE / name).read_text()
    for theirs, ours in {"https://api.luminalog.cloud": product.base_url, "YOUR_API_KEY": product.api_key}.items():
        assert theirs in printed
        printed = printed.replace(theirs, ours)
    return printed


def run(*command: str, code: str, seconds: float = 60, **environment: str) -> str:
    done = subprocess.run(
        command, input=code, env={**os.environ, **environment}, capture_output=True, text=True, timeout=seconds
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_curl_example_of_the_reference(product: Product) -> None:
    answer = json.loads(run("bash", code=example("curl.sh", product)))
    assert (answer["message"], answer["processed"]) == ("Logs ingested successfully", 1)
    [entry] = product.wait_until_stored(1, "message = 'API Request Received'")
    assert entry["timestamp"] == "2026-01-26T14:30:00+00:00"
    assert entry["metadata"] == {"user_id": "user_789"}
    assert entry["size_bytes"] == answer["bytes_used"]


@pytest.mark.skipif(shutil.which("node") is None, reason="Node is not installed: the JavaScript example is not run")
def test_javascript_example_of_the_reference(product: Product) -> None:
    run("node", "--input-type=module", code=example("fetch.mjs", product))
    [entry] = product.wait_until_stored(1, "message = 'Node.js event logging'")
    assert entry["level"] == 20
    assert entry["metadata"] == {"server": "aws-us-east-1"}


#: What the published Node client does with each answer (its source, 1.x): it warns where nobody is named.
WATCHFUL_CLIENT = """
const response = await fetch('https://api.luminalog.cloud/v1/logs', {
  method: 'POST',
  headers: { 'x-api-key': 'YOUR_API_KEY', 'Content-Type': 'application/json', 'Accept': 'text/html' },
  body: JSON.stringify({ api_key: 'YOUR_API_KEY', logs: [
    { timestamp: new Date().toISOString(), level: 'info', message: 'watchful', metadata: null, error: null }] })
});
const answer = await response.json();
if (!response.ok || !answer.debug_user_id) console.warn('no debug_user_id', response.status, answer);
"""


@pytest.mark.skipif(shutil.which("node") is None, reason="Node is not installed: the watchful client is not run")
def test_client_that_warns_of_a_missing_debug_user_id_is_silent(product: Product, tmp_path: Path) -> None:
    program = WATCHFUL_CLIENT.replace("https://api.luminalog.cloud", product.base_url)
    said = run("bash", "-c", "node --input-type=module 2>&1", code=program.replace("YOUR_API_KEY", product.api_key))
    assert said == ""


def test_python_example_of_the_reference(product: Product) -> None:
    run(sys.executable, "-W", "ignore", "-", code=example("requests.py.txt", product))
    [entry] = product.wait_until_stored(1, "message = 'Python script event'")
    assert entry["level"] == 20
    assert entry["environment"] == "production"  # the key's


def test_request_body_of_the_reference(product: Product) -> None:
    answer = product.post(json.loads((REFERENCE / "body.json").read_text()))
    assert answer.status_code == 200
    assert answer.json()["processed"] == 2
    at_its_time = "message IN ('User logged in', 'Payment failed') AND timestamp < '2026-02-01'"
    signed_in, failed = product.wait_until_stored(2, at_its_time)
    assert (signed_in["timestamp"], signed_in["level"]) == ("2026-01-26T14:30:00+00:00", 20)
    assert (failed["timestamp"], failed["level"]) == ("2026-01-26T14:30:05+00:00", 40)
    assert failed["metadata"] == {"order_id": "ORD-12345", "amount": 99.99}
    assert failed["error"]["stack_trace"] == ["at processPayment (payment.ts:45)", "at checkout (checkout.ts:120)"]
    assert signed_in["size_bytes"] + failed["size_bytes"] == answer.json()["bytes_used"]


SDK_PROGRAM = """
import sys, threading, time
sys.path.insert(0, sys.argv[1])
from luminalog import LuminaLog

log = LuminaLog(api_key=sys.argv[2], endpoint=sys.argv[3], environment="sdk", project_id="shop", flush_interval=0.2)
log.info("sdk info", {"trace_id": "t-1"})
log.child({"request": "r-1"}).panic("sdk panic", {"node": 7})  # flushed at once
def fail():
    raise ValueError("sdk failure")
try:
    fail()
except ValueError as error:
    log.capture_error(error, {"cart": "c-1"})
def work(thread):
    for n in range(125):
        log.warn(f"sdk call {thread}-{n}", {"n": n})
threads = [threading.Thread(target=work, args=(thread,)) for thread in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
deadline = time.monotonic() + 30
while (log._queue or log._is_flushing) and time.monotonic() < deadline:
    log.flush()
    time.sleep(0.05)
sys.exit(bool(log._queue))
"""


def test_vendors_python_client_and_gelf_run_as_the_document_prints_them(product: Product, sdk: Path) -> None:
    block = printed("LuminaLog's own client", "python").filled(product.base_url, product.api_key)
    code = f"import sys\nsys.path.insert(0, sys.argv[1])\n{block}log.flush()\n"
    assert run(sys.executable, "-W", "ignore", "-", str(sdk), code=code, PYTHONPATH="", PYTHONSAFEPATH="1") == ""
    [entry] = product.wait_until_stored(1, "message = 'Hello from Python'")
    assert entry["metadata"]["version"] == 42
    run("bash", code=printed("GELF", "sh").filled(product.base_url, product.api_key))
    [entry] = product.wait_until_stored(1, "message = 'Hello by GELF'")
    assert (entry["level"], entry["metadata"]["order"]) == (30, 17)


def test_vendors_python_client_sends_every_entry_once(product: Product, sdk: Path) -> None:
    command = [sys.executable, "-W", "ignore", "-", str(sdk), product.api_key, f"{product.base_url}/v1/logs"]
    all_it_says = ("bash", "-c", 'exec "$0" "$@" 2>&1', *command)
    assert run(*all_it_says, code=SDK_PROGRAM, PYTHONPATH="", PYTHONSAFEPATH="1") == ""

    calls = product.wait_until_stored(1000, "environment = 'sdk' AND level = 30")
    assert sorted(entry["message"] for entry in calls) == sorted(
        f"sdk call {t}-{n}" for t in range(8) for n in range(125)
    )
    assert all(entry["metadata"]["n"] == int(entry["message"].rpartition("-")[2]) for entry in calls)
    assert {entry["project"] for entry in calls} == {"shop"}

    [info] = product.stored("message = 'sdk info'")
    assert (info["level"], info["metadata"], info["error"]) == (20, {"trace_id": "t-1"}, None)
    [panic] = product.stored("message = 'sdk panic'")
    assert (panic["level"], panic["metadata"]) == (60, {"request": "r-1", "node": 7})
    [failure] = product.stored("message = 'sdk failure'")
    assert failure["level"] == 40
    assert (failure["error"]["type"], failure["error"]["context"]) == ("ValueError", {"cart": "c-1"})
    assert any(
        'raise ValueError("sdk failure")' in line or "in fail" in line for line in failure["error"]["stack_trace"]
    )


#: In `make test` a burst of five stands for a minute's worth; `make overflow` takes the whole minute.
IS_WHOLE = bool(os.environ.get("LUMINALOG_OVERFLOW_MINUTE"))
BURST = 60 if IS_WHOLE else 5
REQUESTS = 3 * BURST
PAUSE_SECONDS = 60 / REQUESTS if IS_WHOLE else 0
MAKE_OVERRUN = f"""
import json
from accounts import life
from accounts.models import ApiKey, Organisation, Project
from quotas.models import Plan
from quotas.plans import subscribe

limits = dict(requests_per_minute=60, burst_requests={BURST}, monthly_bytes=2**30, retention_days=7)
plan, keys = Plan.objects.create(name="Overrun", slug="overrun", **limits), {{}}
for lane in ("on", "off"):
    organisation = Organisation.objects.create(name=lane, slug=f"overrun-{{lane}}")
    subscribe(organisation, plan)
    project = Project.objects.create(organisation=organisation, name="Shop", slug="shop")
    keys[lane] = life.issue(ApiKey(project=project, name="sdk", keeps_overflow=lane == "on"), by=None).secret
print(json.dumps(keys))
"""
OVERRUN_PROGRAM = """
import sys, time
sys.path.insert(0, sys.argv[1])
from luminalog import LuminaLog

log = LuminaLog(api_key=sys.argv[2], endpoint=sys.argv[3], environment=sys.argv[4], flush_interval=3600)
for n in range(int(sys.argv[5])):
    began = time.monotonic()
    log.info(f"overrun {n}")
    log.flush()
    time.sleep(max(0, float(sys.argv[6]) - (time.monotonic() - began)))
sys.exit(bool(log._queue))
"""
#: All that waits is due: no test waits for a time.
COME = """
UPDATE ingest_spooledbatch
   SET received_at = received_at - interval '90 seconds', deferred_until = deferred_until - interval '90 seconds'
 WHERE deferred_until IS NOT NULL
"""
COUNTED = """
SELECT coalesce(sum(requests), 0)::int FROM quotas_hourlyusage JOIN accounts_organisation AS organisation
    ON organisation.id = organisation_id WHERE slug = %s AND outcome = %s
"""


def overrun(product: Product, sdk: Path, api_key: str, lane: str) -> str:
    """Send three times as much as the plan allows, an entry a request; return all that the client says."""
    endpoint, given = f"{product.base_url}/v1/logs", (f"overrun-{lane}", str(REQUESTS), str(PAUSE_SECONDS))
    command = [sys.executable, "-W", "ignore", "-", str(sdk), api_key, endpoint, *given]
    all_it_says = ("bash", "-c", 'exec "$0" "$@" 2>&1', *command)
    return run(*all_it_says, code=OVERRUN_PROGRAM, seconds=180, PYTHONPATH="", PYTHONSAFEPATH="1")


def test_vendors_client_loses_nothing_to_a_limit_with_the_overflow_lane_and_without_it_what_is_counted(
    product: Product, sdk: Path
) -> None:
    keys = json.loads(product.manage("shell", "-v", "0", "-c", MAKE_OVERRUN))
    said = {lane: overrun(product, sdk, key, lane) for lane, key in keys.items()}
    dropped = said["off"].count("LOG QUOTA EXCEEDED")
    if not IS_WHOLE:
        product.query(COME)

    def stored(lane: str) -> list[tuple[str]]:
        at = "environment = %s AND message LIKE 'overrun %%'"
        return product.query(f"SELECT message FROM storage_entry WHERE {at}", f"overrun-{lane}")

    def counted(lane: str, outcome: str) -> int:
        [(requests,)] = product.query(COUNTED, f"overrun-{lane}", outcome)
        return int(requests)

    assert said["on"] == ""
    wait_until(lambda: len(stored("on")) >= REQUESTS, what=product.output, seconds=180)
    assert sorted(stored("on")) == sorted((f"overrun {n}",) for n in range(REQUESTS))
    wait_until(lambda: counted("on", "deferred") > 0, what="the count of what was deferred")
    assert counted("on", "rate_limited") == 0

    assert dropped > 0
    wait_until(lambda: len(stored("off")) >= REQUESTS - dropped, what=product.output)
    wait_until(
        lambda: counted("off", "rate_limited") == dropped, what=lambda: (dropped, counted("off", "rate_limited"))
    )
    assert len(stored("off")) == REQUESTS - dropped
    print(
        f"{REQUESTS} requests: with the lane {len(stored('on'))} stored, {counted('on', 'deferred')} of them deferred;"
        f" without it {REQUESTS - dropped} stored, {dropped} dropped"
    )
