"""Messages on their way: put once, sent as each service wants it, tried again, held back, and kept in the log."""

import json
import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta
from email import message_from_string
from typing import Any

import pytest
from auditlog.models import LogEntry as Audit
from django.contrib.auth.models import Group
from django.core import mail
from django.db import connection, transaction
from django.test import Client, override_settings
from django.utils import timezone

from accounts.caller import Caller
from accounts.models import AccessRecord, User
from foundation.holdings import Wanted
from foundation.postgres import fetch_all
from notify import brake, outbox, retention, standing
from notify.channels.webhook import secret_of
from notify.deliveries import deliver
from notify.held import MESSAGES
from notify.message import Fact, Message
from notify.models import MessageRecord, NoticeChannel, NoticeDelivery
from operations.doctor import pipeline
from tests import services
from tests.organisations import make_organisation
from tests.services import Answer, Service, post_office, serving
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db

ROUTING_KEY = "R0ut1ngK3y" * 3 + "ab"
NAUGHTY = "@everyone <!channel> \x00 \u202e [x](https://evil.example) " + "💥" * 50_000
#: Who waits for this transaction.
WAITING = "SELECT FROM pg_locks WHERE NOT granted AND transactionid = pg_current_xact_id()::xid"
Make = Callable[..., tuple[NoticeChannel, Service]]


@pytest.fixture
def make(caller: Caller) -> Iterator[Make]:
    """Return the function that makes a channel of a kind, and the service behind it."""
    with override_settings(WEBHOOK_ALLOWED_NETWORKS=["127.0.0.0/8"]), ExitStack() as stack:

        def channel(kind: str, **known: Any) -> tuple[NoticeChannel, Service]:
            made: list[NoticeChannel] = []
            protocols = {
                "slack": services.slack, "discord": services.discord, "teams": services.teams,
                "pagerduty": services.pagerduty, "webhook": services.webhook(lambda: secret_of(made[0])),
            }  # fmt: skip
            service = stack.enter_context(serving(protocols[kind]))
            address = service.url(f"/secret-{len(kind)}-path")
            if kind == "pagerduty":
                stack.enter_context(override_settings(PAGERDUTY_URL=address))
                address = ROUTING_KEY
            made.append(
                NoticeChannel.objects.create(
                    organisation_id=caller.organisation_id, kind=kind, address=address, name=f"#{kind}", **known
                )
            )
            return made[0], service

        yield channel


def put(caller: Caller, *, key: str = "a", title: str = "A title", **known: Any) -> bool:
    fields = {
        name: known.pop(name) for name in ("text", "code", "facts", "state", "subject", "severity") if name in known
    }
    message = Message(kind="alert.opened", title=title, occurred_at=timezone.now(), **fields)
    return outbox.put(caller.organisation_id, message, key=key, **known)


def due_now() -> None:
    """Let what rests, and what is tried again later, be due."""
    NoticeDelivery.objects.update(not_before=timezone.now() - timedelta(minutes=1))
    NoticeChannel.objects.update(rests_until=None)


def deliver_all() -> int:
    tried = 0
    while one := deliver():
        tried += one
        NoticeChannel.objects.update(rests_until=None)
    return tried


@pytest.mark.parametrize("kind", ["slack", "discord", "teams", "pagerduty", "webhook"])
def test_service_takes_whatever_is_written_in_a_message(
    kind: str, caller: Caller, make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    channel, service = make(kind)
    put(caller, title=NAUGHTY, text=NAUGHTY, code=NAUGHTY, facts=(Fact(name=NAUGHTY, value=NAUGHTY),) * 40)
    assert deliver() == 1
    delivery = NoticeDelivery.objects.get()
    assert len(service.taken) == 1, delivery.last_error
    assert delivery.delivered_at
    assert delivery.status in (200, 202, 204)
    assert delivery.duration_ms is not None
    assert json.loads(delivery.body).keys() == service.documents[0].keys()
    assert channel.address not in delivery.body + caplog.text + str(channel) + str(delivery)


def test_mail_is_taken_by_a_server_and_its_refusal_is_tried_again(caller: Caller) -> None:
    NoticeChannel.objects.create(organisation_id=caller.organisation_id, kind="email", address="ops@example.org")
    with post_office() as server:
        smtp = {"EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend", "EMAIL_HOST": "127.0.0.1"}
        with override_settings(**smtp, EMAIL_PORT=server.server_address[1], EMAIL_USE_TLS=False, EMAIL_HOST_USER=""):
            server.refusal = "550 5.1.1 no such ops@example.org"
            put(caller, title="\r\nBcc: all@example.org", text=NAUGHTY)
            assert deliver() == 1
            assert NoticeDelivery.objects.get().last_error == "SMTPRecipientsRefused"
            server.refusal = ""
            due_now()
            assert deliver() == 1
    [letter] = server.letters
    sent = message_from_string(letter)
    assert (sent["To"], sent["Bcc"]) == ("ops@example.org", None)
    assert sent.get_content_type() == "multipart/alternative"


ENDS: list[tuple[Answer, str, str, int, bool]] = [
    # answer, last_error, ended, seconds until it is tried again, whether the channel goes on
    (Answer(500), "answered 500", "", 60, True),
    (Answer(302, headers={"Location": "http://127.0.0.1:1/"}), "answered 302", "", 60, True),
    (Answer(400, "invalid_blocks"), "answered 400", "", 60, True),
    (Answer(429, headers={"Retry-After": "700"}), "answered 429", "", 700, True),
    (Answer(429, '{"retry_after": 350.5, "global": false}'), "answered 429", "", 350, True),
    (Answer(429, '{"retry_after": "soon"}'), "answered 429", "", 60, True),
    (Answer(429, "[" * 4_000), "answered 429", "", 60, True),
    (Answer(503, headers={"Retry-After": "999999"}), "answered 503", "", 3_600, True),
    (Answer(503, headers={"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}), "answered 503", "", 60, True),
    (Answer(503, headers={"Retry-After": "0"}), "answered 503", "", 60, True),
    (Answer(503, headers={"Retry-After": "nan"}), "answered 503", "", 60, True),
    (Answer(401), "answered 401", "refused", 0, True),
    (Answer(403, "invalid_token"), "answered 403", "refused", 0, True),
    (Answer(404, "no_service"), "answered 404", "refused", 0, False),
    (Answer(410, "channel_is_archived"), "answered 410", "refused", 0, False),
]


@pytest.mark.parametrize(("answer", "error", "ended", "seconds", "goes_on"), ENDS)
def test_answer_decides_what_becomes_of_a_message_and_its_channel(
    answer: Answer, error: str, ended: str, seconds: int, goes_on: bool, caller: Caller, make: Make
) -> None:
    channel, service = make("discord")
    service.instead = [answer]
    put(caller)
    put(caller, key="another")
    began = timezone.now()
    assert deliver() == 1
    first = NoticeDelivery.objects.get(message__key="a")
    assert (first.last_error, first.ended, first.attempts) == (error, ended, 1)
    if not ended:
        assert seconds - 1 <= (first.not_before - began).total_seconds() <= seconds + 30
    channel.refresh_from_db()
    assert channel.is_active is goes_on
    assert bool(channel.stopped_because) is not goes_on
    if not goes_on:
        assert set(NoticeDelivery.objects.values_list("ended", flat=True)) == {"refused"}
    rests = seconds not in (0, 60)
    due = NoticeDelivery.objects.filter(message__key="another").update(not_before=began)
    assert (due, deliver()) == (1, 0 if rests or not goes_on else 1)


def test_end_of_an_incident_does_not_overtake_its_beginning(caller: Caller, make: Make) -> None:
    _, pager = make("pagerduty")
    pager.instead = [Answer(500)]
    put(caller, key="opened", subject="incident-1", state="opens")
    put(caller, key="other", subject="incident-2", state="opens")
    deliver_all()
    put(caller, key="closed", subject="incident-1", state="closes")
    assert deliver_all() == 0
    due_now()
    deliver_all()
    sent = [(one["event_action"], one["dedup_key"][-10:]) for one in pager.documents]
    assert sent == [("trigger", "incident-2"), ("trigger", "incident-1"), ("resolve", "incident-1")]


def test_slow_and_closing_services_delay_nobody_else(
    caller: Caller, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("notify.webhooks.ANSWER_SECONDS", 0.5)
    (_, slow), (_, closing), (_, well) = make("slack"), make("discord"), make("teams")
    slow.may_answer.clear()
    closing.hangs_up = True
    put(caller)
    assert deliver() == 3
    assert len(well.taken) == 1
    errors = NoticeDelivery.objects.exclude(last_error="").order_by("last_error").values_list("last_error", flat=True)
    assert [one.split(": ")[0] for one in errors] == ["no answer", "no answer"]


def test_message_is_put_once_whatever_happens_twice_and_only_with_what_it_tells_of(caller: Caller, make: Make) -> None:
    channel, service = make("webhook")
    with transaction.atomic():
        put(caller)
        transaction.set_rollback(True)
    assert not MessageRecord.objects.exists()
    assert [put(caller), put(caller), put(caller, title="Other words", key="a")] == [True, False, False]
    other = make_organisation("other")
    message = Message(kind="x", title="x", occurred_at=timezone.now())
    assert outbox.put(other.pk, message, [channel.pk], key="a")  # a stranger's channel is passed over
    put(caller, key="silent", is_silenced=True)
    put(caller, key="none", channels=[])
    assert deliver_all() == 1
    assert len(service.taken) == 1
    assert list(NoticeDelivery.objects.order_by("pk").values_list("message__key", "ended")) == [
        ("a", ""), ("silent", "silenced"),
    ]  # fmt: skip


def test_what_belongs_together_is_one_message_but_of_pagerduty(caller: Caller, make: Make) -> None:
    (_, slack), (_, pager) = make("slack"), make("pagerduty")
    for number in range(22):
        put(caller, key=str(number), title=f"Alert {number}", together="evaluation-1")
    put(caller, key="other", title="Another", together="evaluation-2")
    deliver_all()
    assert len(pager.taken) == 23
    first, second = slack.documents
    assert "22 messages" in json.dumps(first)
    assert "and 2 more" in json.dumps(first)
    assert "Another" in json.dumps(second)
    sent = NoticeDelivery.objects.filter(channel__kind="slack", delivered_at__isnull=False)
    assert (sent.count(), sent.exclude(lead=None).count()) == (23, 21)


@pytest.fixture
def strong_brake(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hold back from 5 messages of a channel on, and 8 of an address: 30 and 60 take a while to put."""
    assert (brake.OF_A_CHANNEL, brake.OF_AN_ADDRESS) == (30, 60)
    monkeypatch.setattr(brake, "OF_A_CHANNEL", 5)
    monkeypatch.setattr(brake, "OF_AN_ADDRESS", 8)


@pytest.mark.usefixtures("strong_brake")
def test_storm_is_held_back_and_told_of_once_an_hour(caller: Caller, make: Make) -> None:
    (_, slack), (_, pager) = make("slack"), make("pagerduty")
    for number in range(8):
        put(caller, key=str(number), subject=f"incident-{number}", state="opens")
    deliver_all()
    put(caller, key="end", subject="incident-1", state="closes")
    deliver_all()
    assert len(slack.taken) == 5
    assert [one["event_action"] for one in pager.documents] == ["trigger"] * 5 + ["resolve"]
    assert NoticeDelivery.objects.filter(ended="held").count() == 3 + 1 + 3
    hour = timedelta(hours=1, minutes=1)
    NoticeDelivery.objects.update(delivered_at=timezone.now() - hour)
    NoticeDelivery.objects.filter(ended="held").update(delivered_at=None, tried_at=timezone.now() - hour)
    deliver_all()
    assert "Held back: 4" in json.dumps(slack.documents[-1])
    assert "Held back: 3" in json.dumps(pager.documents[-1])
    brake.tell_what_was_held()
    assert deliver_all() == 0


@pytest.mark.usefixtures("strong_brake")
def test_one_address_gets_no_more_mails_than_all_channels_to_it_may_send(caller: Caller) -> None:
    for number in range(3):
        organisation = make_organisation(f"o{number}")
        NoticeChannel.objects.create(organisation=organisation, kind="email", address="ops@example.org")
        for key in range(4):
            message = Message(kind="x", title="x", occurred_at=timezone.now())
            outbox.put(organisation.pk, message, key=str(key))
    deliver_all()
    assert len(mail.outbox) in range(8, 11)  # three may go at the same time


def test_channel_that_is_gone_is_told_by_another_one(caller: Caller, make: Make) -> None:
    (gone, dead), (_, well) = make("slack"), make("teams")
    put(caller, channels=[gone.pk])
    dead.instead = [Answer(410)]
    deliver_all()
    assert "Slack #slack was switched off: answered 410" in well.taken[0][1].decode()
    assert dead.url() not in well.taken[0][1].decode()
    findings = " ".join(one.what for one in pipeline._messages())
    assert "1 channels were switched off" in findings
    assert "1 messages of the last day did not arrive" in findings


def test_message_that_is_given_up_is_told_by_another_channel_once_a_day(caller: Caller, make: Make) -> None:
    (failing, dead), (_, well) = make("slack"), make("teams")
    for key in ("a", "b"):
        put(caller, key=key, channels=[failing.pk])
        dead.instead = [Answer(403)]
        due_now()
        deliver_all()
    assert len(well.taken) == 1
    assert "Slack #slack does not deliver: answered 403" in well.taken[0][1].decode()


def console(role: str = "") -> Client:
    user = User.objects.create_user(role or "ada", password="x", is_staff=True, is_superuser=not role)
    if role:
        user.groups.add(Group.objects.get(name=role))
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def said(response: Any) -> str:
    return " ".join(str(one) for one in response.context["messages"])


def test_channel_is_tried_from_its_page_and_the_log_sends_again(caller: Caller, make: Make) -> None:
    (channel, service), operator = make("webhook"), console("Operators")
    address = f"/admin/notify/noticechannel/{channel.pk}/"
    assert "Send a test" in operator.get(address + "change/").content.decode()
    assert operator.get(address + "test/").status_code == 405
    assert "The test was delivered: answered 204" in said(operator.post(address + "test/", follow=True))
    service.instead = [Answer(404)]
    assert "The test was not delivered: answered 404." in said(operator.post(address + "test/", follow=True))
    channel.refresh_from_db()
    assert channel.is_active

    put(caller, title="Secret words")
    deliver()
    delivery = NoticeDelivery.objects.get(message__key="a")
    page = f"/admin/notify/noticedelivery/{delivery.pk}/"
    assert "Secret words" in operator.get(page + "change/").content.decode()
    record = AccessRecord.objects.get()
    assert (record.action, record.subject) == ("message", f"delivery {delivery.pk}")
    assert "on its way again" in said(operator.post(page + "again/", follow=True))
    assert deliver() == 1
    names = [headers["webhook-id"] for headers, _ in service.taken]
    assert len(names) == len(set(names)) == 3
    assert "sent" in operator.get("/admin/notify/noticedelivery/").content.decode()


@pytest.mark.parametrize("role", ["Support", "Auditors"])
def test_readers_see_how_messages_were_sent_and_neither_what_nor_where(role: str, caller: Caller, make: Make) -> None:
    (channel, service), reader = make("slack"), console(role)
    put(caller, title="Secret words", subject="incident-17")
    deliver()
    delivery = NoticeDelivery.objects.get()
    pages = [
        reader.get(address).content.decode()
        for address in (
            "/admin/notify/noticedelivery/", f"/admin/notify/noticedelivery/{delivery.pk}/change/",
            "/admin/notify/noticechannel/", f"/admin/notify/noticechannel/{channel.pk}/change/",
        )
    ]  # fmt: skip
    assert all("Incident 17" in page for page in pages[:2])
    assert all("Secret words" not in page and "secret-5-path" not in page for page in pages)
    assert not AccessRecord.objects.exists()
    for address in (f"noticechannel/{channel.pk}/test/", f"noticedelivery/{delivery.pk}/again/"):
        assert reader.post(f"/admin/notify/{address}").status_code == 403
    for guess in ("noticechannel/?address__contains=secret", "noticedelivery/?body__contains=Secret"):
        assert "secret-5-path" not in reader.get(f"/admin/notify/{guess}", follow=True).content.decode()
        assert reader.get(f"/admin/notify/{guess}").status_code in (302, 400)
    assert service.asked == 1


def test_address_is_kept_when_it_is_not_given_and_is_nowhere_to_be_read(caller: Caller) -> None:
    operator, address = console(), "https://8.8.8.8/services/T0/B0/verysecret"
    form = {"organisation": caller.organisation_id, "kind": "slack", "name": "#ops", "is_active": "on"}
    operator.post("/admin/notify/noticechannel/add/", form | {"address": address})
    channel = NoticeChannel.objects.get()
    page = f"/admin/notify/noticechannel/{channel.pk}/change/"
    assert "verysecret" not in operator.get(page).content.decode() + operator.get("/admin/").content.decode()
    assert operator.post(page, form | {"name": "#other", "address": ""}).status_code == 302
    channel.refresh_from_db()
    assert (channel.name, channel.address) == ("#other", address)
    assert operator.post(page, form | {"kind": "webhook", "address": ""}).status_code == 200
    operator.post(page, form | {"address": address + "2"})
    trail = [f"{one.changes} {one.object_repr}" for one in Audit.objects.get_for_object(channel)]
    assert len(trail) == 3
    assert not [one for one in trail if "verysecret" in one]
    assert "8.8.8.8…ret2" in trail[0]


@pytest.mark.parametrize(
    ("kind", "address", "mention", "is_kept"),
    [
        ("slack", "https://8.8.8.8/x", "", True),
        ("slack", "http://8.8.8.8/x", "", False),
        ("discord", "https://8.8.8.8/x", "123456789012345678", True),
        ("discord", "https://8.8.8.8/x", "@everyone", False),
        ("teams", "https://8.8.8.8:443/x?sig=1", "123456789012345678", False),
        ("pagerduty", ROUTING_KEY, "", True),
        ("pagerduty", "https://8.8.8.8/x", "", False),
        ("teams", "https://127.0.0.1/x", "", False),
    ],
)
def test_form_keeps_what_could_work(kind: str, address: str, mention: str, is_kept: bool, caller: Caller) -> None:
    form = {"organisation": caller.organisation_id, "kind": kind, "address": address, "mention": mention}
    console().post("/admin/notify/noticechannel/add/", form | {"is_active": "on"})
    assert NoticeChannel.objects.exists() is is_kept


def test_mail_without_a_server_says_so_when_it_is_saved_when_it_is_sent_and_in_the_doctor(caller: Caller) -> None:
    with override_settings(EMAIL_BACKEND="django.core.mail.backends.console.EmailBackend"):
        form = {"organisation": caller.organisation_id, "kind": "email", "address": "a@example.org", "is_active": "on"}
        response = console().post("/admin/notify/noticechannel/add/", form, follow=True)
        assert "EMAIL_URL is not set, this channel reaches nobody." in said(response)
        put(caller)
        deliver()
        assert NoticeDelivery.objects.get().last_error == "EMAIL_URL is not set"
        assert "1 channels send e-mail" in " ".join(one.what for one in pipeline._messages())


def test_log_forgets_after_a_month_and_gives_up_what_waited_for_a_day(caller: Caller, make: Make) -> None:
    make("slack")
    put(caller)
    put(caller, key="late")
    MessageRecord.objects.filter(key="a").update(created_at=timezone.now() - timedelta(days=31))
    NoticeDelivery.objects.filter(message__key="late").update(not_before=timezone.now() - timedelta(days=2))
    assert standing.standing().oldest_message_seconds > 86_400
    assert retention.forget_old() == 1
    assert NoticeDelivery.objects.get().ended == "given_up"
    assert standing.standing().messages_waiting == 0


def test_erasing_takes_values_out_of_messages_and_of_what_was_sent(caller: Caller, make: Make) -> None:
    make("webhook")
    put(caller, title="ann@example.com has paid", text="by ANN@example.com")
    deliver()
    wanted = Wanted(caller.organisation_id, ("ann@example.com",))
    assert MESSAGES.count(wanted) == MESSAGES.erase(wanted) == 2
    assert MESSAGES.count(wanted) == 0
    assert "[erased] has paid" in NoticeDelivery.objects.get().body


@pytest.mark.django_db(transaction=True)
def test_two_workers_send_a_message_once_and_keep_nobody_waiting(caller: Caller, make: Make) -> None:
    channel, service = make("webhook")
    put(caller)
    service.may_answer.clear()
    with ThreadPoolExecutor(4) as threads:
        first = threads.submit(closing, deliver)
        wait_until(lambda: service.asked == 1)
        assert threads.submit(closing, deliver).result() == 0
        put(caller, key="b")
        NoticeChannel.objects.filter(pk=channel.pk).update(name="#other")
        service.may_answer.set()
        first.result()
        again = [threads.submit(closing, lambda: put(caller, key="c")) for _ in range(4)]
        assert sorted(one.result() for one in again) == [False, False, False, True]
    deliver_all()
    assert len(service.taken) == 3
    assert NoticeDelivery.objects.filter(delivered_at=None).count() == 0


@pytest.mark.django_db(transaction=True)
def test_message_passes_over_a_channel_that_is_deleted_at_that_moment(caller: Caller) -> None:
    """What it tells of stays, whatever becomes of a channel."""
    channel = NoticeChannel.objects.create(organisation_id=caller.organisation_id, kind="email", address="a@b.example")
    with ThreadPoolExecutor(1) as threads:
        with transaction.atomic():
            channel.delete()
            late = threads.submit(closing, lambda: put(caller))
            wait_until(lambda: fetch_all(WAITING), what="a thread that puts a message")
        assert late.result()
    assert (MessageRecord.objects.count(), NoticeDelivery.objects.count()) == (1, 0)


def closing(work: Callable[[], Any]) -> Any:
    """Do `work` on this thread, and leave no connection behind."""
    try:
        return work()
    finally:
        connection.close()
