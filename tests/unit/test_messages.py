"""What each channel makes of a message: as it was looked at once (golden files), and within limits whatever comes."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_string
from pathlib import Path
from typing import Any

import pytest
from django.core.mail import EmailMultiAlternatives
from hypothesis import given, settings
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook

from notify.channels import discord, email, pagerduty, slack, teams, webhook
from notify.envelope import HIDDEN, Envelope, Letter, Request
from notify.message import Fact, Item, Link, Message, from_document, to_document, together
from tests import services

GOLDEN = Path(__file__).with_name("messages")
AT = datetime(2026, 11, 27, 14, 38, 4, tzinfo=UTC)
SECRET = "whsec_" + "5f" * 32
ROUTING_KEY = "R0ut1ngK3y" * 3 + "ab"
WRITERS: dict[str, Callable[[Envelope], Request | Letter]] = {
    "slack": slack.request,
    "discord": discord.request,
    "teams": teams.request,
    "pagerduty": pagerduty.request,
    "webhook": webhook.request,
    "email": email.letter,
}
MESSAGE = Message(
    kind="alert.opened",
    title="PaymentError: 66 in 5 minutes",
    occurred_at=AT,
    text="More than 20 errors of this type within 5 minutes.",
    severity="error",
    state="opens",
    subject="incident-17",
    facts=(Fact(name="Project", value="payments"), Fact(name="Environment", value="production")),
    code='File "shop/pay.py", line 3, in pay\nPaymentError: a < b & c',
    links=(
        Link(label="Open", url="/admin/alerts/17/"),
        Link(label="Ignore 1 h", url="/admin/alerts/17/snooze/?hours=1"),
    ),
    data={"incident": 17, "count": 66},
)


def envelope(message: Message, **known: Any) -> Envelope:
    usual = {
        "organisation": "Acme & Söhne", "slug": "acme", "delivery_id": "4711", "sent_at": AT,
        "address": ROUTING_KEY, "secret": SECRET, "home": "https://logs.example.com",
    }  # fmt: skip
    return Envelope(message=message, **(usual | known))  # type: ignore[arg-type]


def shown(written: Request | Letter) -> Any:
    if isinstance(written, Letter):
        return {
            "subject": written.subject,
            "text": written.text,
            "html": written.html,
            "headers": dict(written.headers),
        }
    return {"url": written.url, "headers": dict(written.headers), "body": json.loads(written.shown)}


@pytest.mark.parametrize("kind", WRITERS)
def test_message_looks_as_it_was_looked_at(kind: str) -> None:
    """Where it is meant to look otherwise, write the file anew, and look at it."""
    golden = json.loads((GOLDEN / f"{kind}.json").read_text())
    assert shown(WRITERS[kind](envelope(MESSAGE.bounded()))) == golden


HOSTILE = {
    "mentions": "@everyone @here <!channel> <@U123> <@&456> <at>everyone</at> [click](https://evil.example) *_~`|>",
    "long": "x" * 100_000,
    "long and astral": "💥" * 50_000,
    "long and escaped": "&<>*_`[]()" * 10_000,
    "right to left": "\u202e\u2066gnorw\u2069\u202c \u200fשלום مرحبا",
    "zero": "a\x00b\x07c\x1b[31m\ud800d\ufffe",
    "fences": "```\n````\n</pre></body><script>alert(1)</script>",
    "lines": "\r\nBcc: all@example.com\r\n\r\n" * 5_000,
    "blank": " \n\t ",
    "nothing": "",
}


def hostile(text: str) -> Message:
    return Message(
        kind="alert.opened",
        title=text,
        occurred_at=AT,
        text=text,
        severity="panic",
        subject=text,
        facts=tuple(Fact(name=text, value=text) for _ in range(40)),
        code=text,
        links=tuple(Link(label=text, url=url) for url in ("/a", "javascript:alert(1)", "https://x/" + text, text)),
        data={text: [text, {text: text}], "deep": [[[[[[[[text]]]]]]]], "large": 10**400, "not": float("nan")},
    ).bounded()


def trouble(kind: str, written: Request | Letter) -> list[str]:
    """Return what the service would refuse."""
    if isinstance(written, Letter):
        mail = EmailMultiAlternatives(written.subject, written.text, "a@example.com", ["b@example.com"])
        mail.attach_alternative(written.html, "text/html")
        raw = message_from_string(mail.message().as_string())
        return [name for name in ("Bcc", "Cc") if raw[name]] + (["script"] if "<script" in written.html else [])
    if kind == "teams":
        return services.wrong_for_teams(written.body)
    if kind == "webhook":
        return ["size"] if len(written.body) > 20_000 else []
    checks = {
        "slack": services.wrong_for_slack, "discord": services.wrong_for_discord,
        "pagerduty": services.wrong_for_pagerduty,
    }  # fmt: skip
    return checks[kind](json.loads(written.body))


@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_stays_within_the_limits_and_calls_nobody(kind: str, name: str) -> None:
    message = hostile(HOSTILE[name])
    several = together([replace(message, links=(Link(label="x", url="/" + "y" * 900),))] * 51)
    for one in (message, several):
        written = WRITERS[kind](envelope(one, mention="123456789012345678" if kind == "discord" else ""))
        assert trouble(kind, written) == []
        text = written.html if isinstance(written, Letter) else written.body.decode()
        assert [bad for bad in ("\x00", "\u202e", "\x1b", "\\u0000", "\\u202e", "javascript:") if bad in text] == []


@settings(max_examples=25, deadline=None)
@given(st.text(max_size=400), st.integers(1, 30))
def test_any_text_stays_within_the_limits(text: str, times: int) -> None:
    message = hostile(text * times)
    for kind, write in WRITERS.items():
        assert trouble(kind, write(envelope(message))) == []


def test_discord_mentions_the_role_of_the_channel_and_nobody_else() -> None:
    body = json.loads(discord.request(envelope(MESSAGE, mention="123456789012345678")).body)
    assert body["content"] == "<@&123456789012345678>"
    assert body["allowed_mentions"] == {"parse": [], "roles": ["123456789012345678"]}


@pytest.mark.parametrize("kind", sorted(WRITERS.keys() - {"pagerduty"}))  # whose events are never put together
def test_many_messages_become_one_of_twenty_lines_and_how_many_more(kind: str) -> None:
    many = [replace(MESSAGE, title=f"Alert {number}") for number in range(51)]
    written = WRITERS[kind](envelope(together(many)))
    text = written.text if isinstance(written, Letter) else written.body.decode()
    assert "Alert 19" in text
    assert "Alert 20" not in text
    if kind == "webhook":
        assert json.loads(text)["data"]["more"] == 31
    else:
        assert "and 31 more" in text


def test_webhook_is_signed_as_the_standard_says() -> None:
    written = webhook.request(envelope(MESSAGE, sent_at=datetime.now(UTC)))
    assert isinstance(written, Request)
    assert Webhook(SECRET).verify(written.body, dict(written.headers))["type"] == "alert.opened"


def test_incident_is_opened_and_ended_by_one_key_which_is_the_organisations() -> None:
    def key(message: Message, **known: Any) -> tuple[str, str]:
        event = json.loads(pagerduty.request(envelope(message, **known)).body)
        return event["event_action"], event["dedup_key"]

    opened, closed = key(MESSAGE), key(replace(MESSAGE, state="closes"))
    assert (opened[0], closed[0]) == ("trigger", "resolve")
    assert opened[1] == closed[1] != key(MESSAGE, slug="other")[1]


def test_routing_key_is_hidden_where_a_body_is_shown() -> None:
    written = pagerduty.request(envelope(MESSAGE))
    assert ROUTING_KEY in written.body.decode()
    assert ROUTING_KEY not in written.shown
    assert HIDDEN in written.shown


def test_mails_of_one_subject_are_one_thread() -> None:
    first, last = (email.letter(envelope(MESSAGE, delivery_id=name)) for name in ("1", "2"))
    assert first.headers["References"] == last.headers["References"]
    assert first.headers["Message-ID"] != last.headers["Message-ID"]


def test_links_of_ours_are_left_out_where_nobody_knows_our_address() -> None:
    assert "/admin/" not in email.letter(envelope(MESSAGE, home="")).text


def test_kept_message_is_the_same_when_it_is_read() -> None:
    message = replace(MESSAGE, items=(Item(title="x"),)).bounded()
    assert from_document(json.loads(json.dumps(to_document(message)))) == message
