"""What people are told of a drift: as it was looked at once (golden file), for each way to write it."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from accounts.models import Organisation
from alerts import drifted, messages
from alerts.models import Incident, Rule
from notify.channels import email, slack
from notify.envelope import Envelope
from notify.message import Message
from storage.fields.drifts import Drifted

GOLDEN = Path(__file__).with_name("messages") / "drift.json"
AT = datetime(2026, 11, 27, 14, 2, tzinfo=UTC)
TYPE = Drifted(5, 3, "checkout", "production", "user_id", "type", "number", "string", 7_000, AT)
MISSING = TYPE._replace(project="", environment="", what="missing", became="")


def message(found: Drifted, *, release: str) -> Message:
    rule = Rule(id=7, rule_name="Contract", kind="drift", organisation=Organisation(id=3, name="Acme", slug="acme"))
    details = drifted.details_of(found, release=release)
    incident = Incident(
        id=9,
        rule=rule,
        value=drifted.value_of(found),
        opened_at=AT,
        last_over_at=AT,
        closed_at=AT,
        peak=1,
        details=details,
    )
    return messages.of_drift(rule, incident).bounded()


@pytest.mark.parametrize(("name", "found", "release"), [("type", TYPE, "1.5.0"), ("missing", MISSING, "")])
def test_drift_is_told_as_it_was_looked_at(name: str, found: Drifted, release: str) -> None:
    """Where it is meant to look otherwise, write the file anew, and look at it."""
    written = message(found, release=release)
    envelope = Envelope(
        message=written, organisation="Acme", slug="acme", delivery_id="4711", sent_at=AT,
        address="https://hooks.example.com/1", secret="", home="https://logs.example.com",
    )  # fmt: skip
    letter = email.letter(envelope)
    shown = {
        "slack": json.loads(slack.request(envelope).shown),
        "subject": letter.subject,
        "text": letter.text,
        "data": dict(written.data),
    }
    assert shown == json.loads(GOLDEN.read_text())[name]
