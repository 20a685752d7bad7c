"""Public keys: whose pages may use one, what it may send a day, and what one address may; nobody else pays for it."""

import io
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.db.models import Sum
from django.test import Client
from django.urls import reverse

from accounts import life
from accounts.models import ApiKey
from accounts.origins import KNOWN_SECONDS, Admitted, may_share_with
from foundation.postgres import execute, fetch_all
from foundation.refusals import Refusal
from ingest.models import SpooledBatch
from quotas import allowance, notices, outcomes, throttling
from quotas.models import DailyUsage, HourlyUsage, MonthlyUsage
from tests.organisations import caller_of, make_api_key, make_organisation, make_plan
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True)

SHOP, EVIL = "https://shop.example", "https://evil.example"
LINE = {"timestamp": "2026-01-01T00:00:00Z", "level": "info", "message": "hello"}
LOGS = json.dumps({"logs": [LINE]})


@pytest.fixture(autouse=True)
def _nothing_noted(transactional_db: None) -> Iterator[None]:
    outcomes.flush()
    may_share_with.clear()
    yield
    outcomes.flush()
    may_share_with.clear()


def public_key(**fields: Any) -> tuple[ApiKey, str]:
    organisation = make_organisation("acme", plan=make_plan(monthly_bytes=fields.pop("monthly_bytes", 2**30)))
    return make_api_key(organisation, kind="public", scopes=["ingest"], **fields)


def send(key: str, *, to: str = "/v1/logs", body: str = LOGS, **headers: str) -> Any:
    return Client().post(to, body, content_type="application/json", headers={"x-api-key": key, **headers})


def ask_ahead(origin: str, to: str = "/v1/logs") -> Any:
    asked = {"origin": origin, "access-control-request-method": "POST", "access-control-request-headers": "x-api-key"}
    return Client().options(to, headers=asked)


def used() -> int:
    """Bytes of the day."""
    return DailyUsage.objects.get().used_bytes


def cost_of_a_batch(key: str) -> int:
    size: int = send(key).json()["bytes_used"]
    return size


@pytest.mark.parametrize("fields", [{"daily_bytes": 5}, {"allowed_origins": [SHOP]}])
def test_database_gives_an_allowance_to_public_keys_only(fields: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        make_api_key(**fields)


def test_processes_of_before_issue_keys_that_every_page_may_use() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT column_default FROM information_schema.columns"
            " WHERE table_name = 'accounts_apikey' AND column_name = 'allowed_origins'"
        )
        [(default,)] = cursor.fetchall()
    assert default.startswith("'{}'")


def test_day_holds_its_allowance_and_not_a_byte_more() -> None:
    api_key, key = public_key()
    size = cost_of_a_batch(key)
    ApiKey.objects.update(daily_bytes=3 * size)
    caller = caller_of(api_key)
    allowance.charge(caller, size_bytes=2 * size - 1)  # a byte is left beside a batch
    with pytest.raises(Refusal) as refused, transaction.atomic():
        allowance.charge(caller, size_bytes=2)
    told = refused.value
    assert (told.code, told.members["scope"], told.members["limit"]) == ("allowance_exhausted", "api_key", 3 * size)
    assert told.members["used"] == used() == 3 * size - 1
    assert 1 <= int(told.headers["Retry-After"]) <= 86_400
    allowance.charge(caller, size_bytes=1)
    assert used() == 3 * size


def test_spent_allowance_costs_the_organisation_nothing() -> None:
    _, key = public_key(daily_bytes=1)
    refused, agent = send(key), send(key, to="/v1/ndjson")
    assert (refused.status_code, refused.json()["code"]) == (429, "allowance_exhausted")
    assert (agent.status_code, int(agent["Retry-After"]) <= 30) == (429, True)
    assert not SpooledBatch.objects.exists()
    assert sum(MonthlyUsage.objects.values_list("used_bytes", flat=True)) == 0
    outcomes.flush()
    hours = HourlyUsage.objects.order_by().values_list("outcome")
    assert dict(hours.annotate(Sum("requests"))) == {"allowance_exhausted": 2}
    assert notices.raise_due() == 1  # that requests were refused, not that the month is spent


def test_month_that_is_spent_leaves_the_day_as_it_was() -> None:
    _, key = public_key(monthly_bytes=1, daily_bytes=10_000)
    assert send(key).json()["code"] == "quota_exhausted"
    assert not DailyUsage.objects.exists()


def test_key_that_says_nothing_has_a_fiftieth_of_the_month() -> None:
    api_key, _ = public_key(monthly_bytes=5_000)
    caller = caller_of(api_key)
    allowance.charge(caller, size_bytes=100)
    with pytest.raises(Refusal):
        allowance.charge(caller, size_bytes=1)


def test_day_begins_anew() -> None:
    api_key, _ = public_key(daily_bytes=100)
    caller = caller_of(api_key)
    allowance.charge(caller, size_bytes=100)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE quotas_dailyusage SET day = day - 1")
    allowance.charge(caller, size_bytes=99)
    assert used() == 99
    with connection.cursor() as cursor:  # a transaction of yesterday that comes late is charged to today
        cursor.execute("UPDATE quotas_dailyusage SET day = day + 1")
    allowance.charge(caller, size_bytes=1)
    assert used() == 100
    with pytest.raises(Refusal):
        allowance.charge(caller, size_bytes=1)


def test_requests_at_once_never_take_more_than_the_day_has() -> None:
    api_key, _ = public_key(daily_bytes=500)
    caller, kept = caller_of(api_key), []

    def charge() -> None:
        try:
            allowance.charge(caller, size_bytes=100)
            kept.append(100)
        except Refusal:
            pass
        finally:
            connection.close()

    threads = [threading.Thread(target=charge) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(kept), used()) == (5, 500)


def test_page_may_use_the_key_if_its_origin_is_named() -> None:
    _, key = public_key(allowed_origins=[SHOP, "https://*.shop.example"])
    for origin in (SHOP, "https://m.shop.example"):
        for to in ("/v1/logs", "/v1/ndjson", "/ingest/v1/logs"):
            answer = send(key, to=to, origin=origin)
            assert answer["Access-Control-Allow-Origin"] == origin, (to, origin)
            assert "retry-after" in answer["Access-Control-Expose-Headers"]
            assert "Origin" in answer["Vary"]
    for headers in ({"origin": EVIL}, {"origin": "null"}, {}):
        refused = send(key, **headers)
        assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
        assert "Access-Control-Allow-Origin" not in refused.headers


def test_browser_that_asks_ahead_is_answered_by_the_keys_there_are() -> None:
    assert "Access-Control-Allow-Origin" not in ask_ahead(SHOP).headers
    api_key, _ = public_key(allowed_origins=[SHOP])
    may_share_with.clear()
    for to in (
        "/v1/logs", "/v1/ndjson", "/otlp/v1/logs", "/loki/api/v1/push", "/_bulk", "/services/collector/raw",
        "/api/v2/logs", "/gelf",
    ):  # fmt: skip
        answer = ask_ahead(SHOP, to)
        status = 200 if "collector" in to else 204
        assert (answer.status_code, answer["Access-Control-Allow-Origin"]) == (status, SHOP), to
        assert (answer["Access-Control-Allow-Methods"], "POST" in answer["Allow"]) == ("POST", True)
        assert "x-api-key" in answer["Access-Control-Allow-Headers"]
        assert "Access-Control-Allow-Credentials" not in answer.headers
        assert "Access-Control-Allow-Origin" not in ask_ahead(EVIL, to).headers
    assert (
        send("ll_" + "0" * 48, origin=SHOP)["Access-Control-Allow-Origin"] == SHOP
    )  # a page may read that it is wrong
    life.revoke(api_key.pk, reason="over")
    may_share_with.clear()
    assert "Access-Control-Allow-Origin" not in ask_ahead(SHOP).headers


#: Of this database: other tests share its server.
WAITING = """
SELECT FROM pg_locks
 WHERE NOT granted AND relation = 'accounts_apikey'::regclass
   AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


def test_who_asks_while_the_keys_are_read_again_does_not_wait() -> None:
    public_key(allowed_origins=[SHOP, "https://*.shop.example"])
    now = [0.0]
    admitted = Admitted(clock=lambda: now[0])
    assert [admitted(origin) for origin in (SHOP, "https://m.shop.example", EVIL, "*")] == [True, True, False, False]
    now[0] = KNOWN_SECONDS

    def read() -> bool:
        try:
            return admitted(SHOP)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as threads:
        with transaction.atomic():
            execute("LOCK accounts_apikey IN ACCESS EXCLUSIVE MODE")
            reading = threads.submit(read)
            wait_until(lambda: fetch_all(WAITING), what="a thread that reads the keys")
            assert admitted(SHOP)
            assert not reading.done()
        assert reading.result()


def test_pages_read_no_answer_to_a_secret_key_and_nothing_but_answers_to_sending() -> None:
    organisation = make_organisation("acme", plan=make_plan())
    _, key = make_api_key(organisation)
    make_api_key(organisation, kind="public", scopes=["ingest"])
    may_share_with.clear()
    answer = send(key, origin=SHOP)
    assert (answer.status_code, "Access-Control-Allow-Origin" in answer.headers) == (200, False)
    read = Client().get("/v1/logs", headers={"x-api-key": key, "origin": SHOP})
    assert "Access-Control-Allow-Origin" not in read.headers


def test_address_that_sends_too_much_stops_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttling, "PER_MINUTE_OF_AN_ADDRESS", 1)
    _, key = public_key()

    def sent_from(address: str) -> Any:
        client = Client(REMOTE_ADDR=address)
        return client.post("/v1/logs", LOGS, content_type="application/json", headers={"x-api-key": key})

    first = sent_from("192.0.2.1")
    assert (first.status_code, first["X-RateLimit-Limit"]) == (200, "1")
    refused = sent_from("192.0.2.1")
    assert (refused.status_code, refused.json()["code"], refused.json()["scope"]) == (
        429, "too_many_requests", "address",
    )  # fmt: skip
    assert refused["Retry-After"]
    assert sent_from("2001:db8:0:1::1").status_code == 200
    assert sent_from("2001:db8:0:1::2").status_code == 429  # its /64
    assert sent_from("192.0.2.2").status_code == 200
    outcomes.flush()
    assert notices.raise_due() == 0


def test_admin_and_command_set_what_a_public_key_may(admin_client: Client) -> None:
    project = make_organisation().projects.get()
    form = {
        "project": project.pk, "name": "pages", "environment": "production", "kind": "public", "scopes": ["ingest"],
        "invalid_entries": "strict", "minimum_level": "10", "allowed_origins": f"{SHOP},http://localhost:3000",
        "daily_bytes": "5000",
    }  # fmt: skip
    add = reverse("admin:accounts_apikey_add")
    wrong_origin = admin_client.post(add, form | {"allowed_origins": f"{SHOP}/"})
    assert "is not an origin" in wrong_origin.content.decode(), wrong_origin.context["adminform"].form.errors
    secret = admin_client.post(add, form | {"kind": "secret"}).content.decode()
    assert "Origins and a daily allowance are for public keys." in secret
    assert not ApiKey.objects.exists()
    admin_client.post(add, form)
    made = ApiKey.objects.get()
    assert (made.allowed_origins, made.daily_bytes) == ([SHOP, "http://localhost:3000"], 5000)
    changed = form | {"allowed_origins": "", "daily_bytes": "", "initial-allowed_origins": form["allowed_origins"]}
    admin_client.post(reverse("admin:accounts_apikey_change", args=[made.pk]), changed)
    made.refresh_from_db()
    assert (made.allowed_origins, made.daily_bytes) == ([], None)

    said = io.StringIO()
    options = ["--kind", "public", "--origin", SHOP, "--daily-bytes", "7", "--name", "web", "--json"]
    call_command("create_key", "acme", "shop", *options, stdout=said)
    row = json.loads(said.getvalue())
    assert (row["allowed_origins"], row["daily_bytes"]) == ([SHOP], 7)
    for wrong in (
        ["--origin", SHOP],
        ["--kind", "public", "--daily-bytes", "0"],
        ["--kind", "public", "--origin", "a"],
    ):
        with pytest.raises(CommandError):
            call_command("create_key", "acme", "shop", "--name", "web", *wrong, stdout=io.StringIO())
    successor = life.rotate(row["id"], by=None, grace=timedelta()).api_key
    assert (successor.allowed_origins, successor.daily_bytes) == ([SHOP], 7)
