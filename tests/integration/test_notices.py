"""Notices: raised once a period, delivered by e-mail and signed webhook, retried, and shown in the admin."""

import hmac
import json
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from django.core import mail
from django.test import Client, override_settings
from django.utils import timezone

from accounts.caller import Caller
from notify import webhooks
from notify.channels.webhook import secret_of
from notify.deliveries import MAX_ATTEMPTS, deliver
from notify.models import Notice, NoticeChannel, NoticeDelivery
from notify.webhooks import WebhookError
from quotas import ledger, notices
from quotas.models import MonthlyUsage

pytestmark = pytest.mark.django_db


class Receiver(HTTPServer):
    """A webhook's receiver on loopback, which answers as it is told."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.received: list[tuple[dict[str, str], bytes]] = []
        self.status = 204
        self.location = ""
        self.drips = False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hook"


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.received.append((dict(self.headers), body))
        if self.server.drips:
            self._drip()
            return
        self.send_response(self.server.status)
        if self.server.location:
            self.send_header("Location", self.server.location)
        self.end_headers()

    def _drip(self) -> None:
        try:
            for byte in b"HTTP/1.1 200 OK\r\n" + b"X-Slow: 1\r\n" * 10 + b"\r\n":  # 25 s
                self.wfile.write(bytes([byte]))
                self.wfile.flush()
                time.sleep(0.2)
        except OSError:
            self.close_connection = True

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    server = Receiver()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    with override_settings(WEBHOOK_ALLOWED_NETWORKS=["127.0.0.0/8"]):
        yield server
    server.shutdown()
    thread.join()
    server.server_close()


def use(caller: Caller, *, used_bytes: int = 0, outcome: str = "") -> None:
    ledger.open_month(caller.organisation_id)
    MonthlyUsage.objects.filter(organisation=caller.organisation_id).update(used_bytes=used_bytes)
    if outcome:
        ledger.count([ledger.UsageRow(datetime.now(UTC), caller.organisation_id, caller.api_key_id, outcome, 1, 0, 0)])


def kinds(caller: Caller) -> list[str]:
    return sorted(Notice.objects.filter(organisation=caller.organisation_id).values_list("kind", flat=True))


def channel(caller: Caller, kind: str, address: str) -> NoticeChannel:
    return NoticeChannel.objects.create(organisation_id=caller.organisation_id, kind=kind, address=address)


@pytest.mark.parametrize(
    ("percent", "outcome", "raised"),
    [
        (79, "", []),
        (80, "", ["quota_80"]),
        (100, "", ["quota_80"]),
        (10, "rate_limited", ["refused"]),
        (99, "quota_exhausted", ["quota_100", "quota_80", "refused"]),
        (10, "invalid_level", []),
    ],
)
def test_a_notice_is_raised_when_it_is_due_and_once(
    caller: Caller, percent: int, outcome: str, raised: list[str]
) -> None:
    use(caller, used_bytes=percent * 2**30 // 100 + 1, outcome=outcome)
    assert notices.raise_due() == len(raised)
    assert notices.raise_due() == 0
    assert kinds(caller) == raised


def test_what_happened_last_month_raises_nothing(caller: Caller) -> None:
    ledger.count(
        [
            ledger.UsageRow(
                datetime(2020, 1, 1, tzinfo=UTC), caller.organisation_id, caller.api_key_id, "rate_limited", 1, 0, 0
            )
        ]
    )
    assert notices.raise_due() == 0


def test_an_email_says_who_and_what_once(caller: Caller) -> None:
    channel(caller, "email", "ops@example.org")
    use(caller, used_bytes=2**30)
    notices.raise_due()
    assert deliver() == 1
    assert deliver() == 0
    (message,) = mail.outbox
    assert message.to == ["ops@example.org"]
    assert "80 % of the monthly bytes are used" in message.subject
    assert "/v1/usage" in message.body


def test_a_webhook_is_signed_so_that_its_receiver_can_check(caller: Caller, receiver: Receiver) -> None:
    there = channel(caller, "webhook", receiver.url)
    use(caller, outcome="rate_limited")
    notices.raise_due()
    began = int(time.time())
    deliver()
    ((headers, body),) = receiver.received
    stamp, signed = headers["LuminaLog-Signature"].split(",")
    expected = hmac.new(secret_of(there).encode(), f"{stamp[2:]}.".encode() + body, "sha256").hexdigest()
    assert signed == f"v1={expected}"
    assert began <= int(stamp[2:]) <= time.time()
    assert json.loads(body)["kind"] == "refused"
    assert NoticeDelivery.objects.get().delivered_at


def test_a_webhook_that_fails_is_tried_again_later_and_not_for_ever(caller: Caller, receiver: Receiver) -> None:
    receiver.status = 500
    channel(caller, "webhook", receiver.url)
    use(caller, outcome="rate_limited")
    notices.raise_due()
    pauses = []
    for _ in range(MAX_ATTEMPTS):
        assert deliver() == 1
        assert deliver() == 0
        delivery = NoticeDelivery.objects.get()
        pauses.append(round((delivery.not_before - timezone.now()) / timedelta(minutes=1)))
        assert delivery.last_error == "answered 500"
        NoticeDelivery.objects.update(not_before=timezone.now() - timedelta(hours=1))
    assert pauses == [1, 2, 4, 8, 16, 32, 64, 128]
    assert deliver() == 0
    assert len(receiver.received) == MAX_ATTEMPTS


def test_one_dead_channel_does_not_stop_another(caller: Caller) -> None:
    channel(caller, "webhook", "https://127.0.0.1/")
    channel(caller, "email", "ops@example.org")
    use(caller, outcome="rate_limited")
    notices.raise_due()
    assert deliver() == 2
    assert len(mail.outbox) == 1
    errors = NoticeDelivery.objects.exclude(last_error="").values_list("last_error", flat=True)
    assert list(errors) == ["leads to an address that is not public"]


def test_a_redirect_is_not_followed(caller: Caller, receiver: Receiver) -> None:
    receiver.status, receiver.location = 302, "http://127.0.0.1:1/"
    with pytest.raises(WebhookError, match="answered 302"):
        webhooks.post(receiver.url, body=b"{}", headers={})
    assert len(receiver.received) == 1


def test_an_answer_that_drips_is_cut_off(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhooks, "CONNECT_SECONDS", 0.5)
    monkeypatch.setattr(webhooks, "ANSWER_SECONDS", 0.5)
    receiver.drips = True
    with pytest.raises(WebhookError):  # else it is a 200 in the end
        webhooks.post(receiver.url, body=b"{}", headers={})


def test_nobody_there_is_an_error_that_names_no_address(receiver: Receiver) -> None:
    with pytest.raises(WebhookError, match="no answer: ConnectionRefusedError"):
        webhooks.post("http://127.0.0.1:1/", body=b"{}", headers={})


def test_the_admin_shows_notices_whatever_the_channel(caller: Caller, admin_client: Client) -> None:
    use(caller, outcome="rate_limited")
    notices.raise_due()
    notice = Notice.objects.get()
    assert "429" in admin_client.get("/admin/notify/notice/").content.decode()
    assert admin_client.get(f"/admin/notify/notice/{notice.pk}/change/").status_code == 200
    quota = notice.organisation.quota
    page = admin_client.get(f"/admin/quotas/quota/{quota.pk}/usage/", follow=True).content.decode()
    assert "Requests were answered with 429" in page


@pytest.mark.parametrize(
    ("kind", "address", "is_kept"),
    [
        ("email", "ops@example.org", True),
        ("email", "not an address", False),
        ("webhook", "https://8.8.8.8/hook", True),
        ("webhook", "https://169.254.169.254/", False),
        ("webhook", "http://8.8.8.8/", False),
    ],
)
def test_a_channel_is_kept_only_when_something_can_be_sent_there(
    caller: Caller, admin_client: Client, kind: str, address: str, is_kept: bool
) -> None:
    form = {"organisation": caller.organisation_id, "kind": kind, "address": address, "is_active": "on"}
    admin_client.post("/admin/notify/noticechannel/add/", form)
    assert NoticeChannel.objects.filter(address=address).exists() is is_kept


def test_a_webhooks_secret_is_shown_to_those_who_keep_it(caller: Caller, admin_client: Client) -> None:
    there = channel(caller, "webhook", "https://8.8.8.8/")
    page = admin_client.get(f"/admin/notify/noticechannel/{there.pk}/change/").content.decode()
    assert secret_of(there) in page
