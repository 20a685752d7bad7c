"""Secrets and personal data on their way in: by every protocol, by an organisation's rules, and out of dead letters."""

import json
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.test import Client, override_settings

from accounts.caller import Caller
from accounts.models import Organisation
from foundation.postgres import execute
from ingest.models import DeadLetter, SpooledBatch
from ingest.spool import dead_letters
from ingest.spool.drain import TAKE_APART_AFTER, drain
from ingest.spool.payload import unpack
from notify.models import Notice
from operations.verification import verify
from privacy import policies
from privacy.models import Policy, Rule
from privacy.rules import hash_key_of
from privacy.scrubbing import WITHHELD_MESSAGE
from quotas import notices, outcomes
from quotas.models import HourlyUsage, MonthlyUsage
from quotas.tally import BY_PROTOCOL
from storage.models import Erased, LogEntry, Receipt
from tests.integration.spool_rows import spool_raw
from tests.organisations import caller_of, make_api_key, make_organisation

pytestmark = pytest.mark.django_db(transaction=True)
TIME = "2026-11-26T10:00:00Z"
SECRET, ADDRESS, CARD = "ghp_" + "a1B2" * 9, "bob@example.com", "4111 1111 1111 1111"


@pytest.fixture(autouse=True)
def _nothing_noted(transactional_db: None) -> None:
    outcomes.flush()


@pytest.fixture
def organisation() -> Organisation:
    return make_organisation("acme")


@pytest.fixture
def key(organisation: Organisation) -> str:
    return make_api_key(organisation)[1]


def entry(message: str = "hello", **members: Any) -> dict[str, Any]:
    return {"timestamp": TIME, "level": "info", "message": message, **members}


def send(key: str, *entries: dict[str, Any], lines: bool = False, **headers: str) -> Any:
    body = "\n".join(map(json.dumps, entries)) if lines else json.dumps({"logs": entries})
    path, media_type = ("/v1/ndjson", "application/x-ndjson") if lines else ("/v1/logs", "application/json")
    response = Client().post(path, body, content_type=media_type, headers={"x-api-key": key} | headers)
    assert response.status_code == 200, response.content
    return response.json()


def kept() -> list[Any]:
    return [
        json.loads(line) for batch in SpooledBatch.objects.order_by("batch_id") for line in unpack(bytes(batch.payload))
    ]


def counted() -> dict[str, int]:
    outcomes.flush()
    scrubbed = HourlyUsage.objects.exclude(entries=0).exclude(outcome__startswith=BY_PROTOCOL)
    return dict(scrubbed.values_list("outcome", "entries"))


@pytest.mark.parametrize("lines", [False, True])
def test_secrets_and_personal_data_are_not_kept(key: str, lines: bool) -> None:
    answer = send(key, entry(f"{SECRET} of {ADDRESS}", metadata={"paid": CARD, "pin": 1}), entry("plain"), lines=lines)
    first, second = kept()
    assert first["message"].startswith("[github_token] of [email:")
    assert first["metadata"] == {"paid": "[card]", "pin": 1}
    assert second["message"] == "plain"
    batch = SpooledBatch.objects.get()
    assert answer["bytes_used"] == batch.size_bytes == sum(map(len, unpack(bytes(batch.payload))))
    assert MonthlyUsage.objects.get().used_bytes == batch.size_bytes
    assert counted() == {"scrubbed.github_token": 1, "scrubbed.email": 1, "scrubbed.card": 1}


def test_all_parts_of_a_large_request_are_scrubbed(key: str) -> None:
    send(key, *[entry(f"{number} {ADDRESS}") for number in range(1_500)], lines=True)
    assert SpooledBatch.objects.count() == 2
    assert not any(ADDRESS in one["message"] for one in kept())
    assert counted() == {"scrubbed.email": 1_500}


def test_repeated_request_is_known_by_what_was_sent(key: str) -> None:
    once, again = (send(key, entry(ADDRESS), idempotency_key="one") for _ in range(2))
    assert once == again
    assert SpooledBatch.objects.count() == 1


def test_organisation_that_reports_changes_secrets_only(organisation: Organisation, key: str) -> None:
    Policy.objects.create(organisation=organisation, mode=Policy.Mode.REPORT)
    send(key, entry(f"{SECRET} {ADDRESS}"), entry(CARD, privacy_mode=True))
    assert [one["message"] for one in kept()] == [f"[github_token] {ADDRESS}", CARD]
    assert counted() == {"scrubbed.github_token": 1, "reported.email": 1, "reported.card": 1}


def test_organisation_may_keep_everything_but_secrets(organisation: Organisation, key: str) -> None:
    Policy.objects.create(organisation=organisation, mode=Policy.Mode.OFF)
    send(key, entry(f"{SECRET} {ADDRESS}"))
    assert [one["message"] for one in kept()] == [f"[github_token] {ADDRESS}"]
    assert counted() == {"scrubbed.github_token": 1}


@override_settings(SCRUB_SECRETS=False)
def test_operator_may_keep_secrets(organisation: Organisation, key: str) -> None:
    Policy.objects.create(organisation=organisation, mode=Policy.Mode.OFF)
    send(key, entry(f"{SECRET} {ADDRESS}"))
    assert [one["message"] for one in kept()] == [f"{SECRET} {ADDRESS}"]


def test_own_rules_and_fields_are_followed(organisation: Organisation, key: str) -> None:
    policy = Policy.objects.create(
        organisation=organisation,
        contact="drop",
        network="hash",
        own="mask",
        safe_fields=["metadata.token"],
        sensitive_fields=["metadata.*.note"],
    )
    Rule.objects.create(policy=policy, name="employee", pattern=r"EMP-\d{4}")
    metadata = {"token": SECRET, "a": {"note": "x", "mail": ADDRESS}, "from": "10.9.8.7"}
    send(key, entry("EMP-1234 left", metadata=metadata))
    [found] = kept()
    assert found["message"] == "[own.employee] left"
    assert found["metadata"]["token"] == SECRET
    assert found["metadata"]["a"] == {"note": "[sensitive_field]"}
    assert found["metadata"]["from"].startswith("[ip_address:")
    assert counted()["scrubbed.own.employee"] == 1


@pytest.mark.parametrize(
    ("honours", "expected"),
    [
        (False, "[email] from [ip_address] by [card] [github_token]"),
        (True, f"{ADDRESS} from 10.9.8.7 by [card] [github_token]"),
    ],
)
def test_privacy_mode_is_stricter_unless_senders_are_trusted(
    organisation: Organisation, key: str, honours: bool, expected: str
) -> None:
    Policy.objects.create(organisation=organisation, honours_privacy_mode=honours)
    send(key, entry(f"{ADDRESS} from 10.9.8.7 by {CARD} {SECRET}", privacy_mode=True))
    assert [one["message"] for one in kept()] == [expected]


def test_change_of_rules_is_seen_and_another_salt_forgets(organisation: Organisation, key: str) -> None:
    send(key, entry(ADDRESS))
    Policy.objects.create(organisation=organisation, salt="new")
    policies.forget()
    send(key, entry(ADDRESS))
    before, after = (one["message"] for one in kept())
    assert before != after
    assert hash_key_of(organisation.pk, "") != hash_key_of(organisation.pk + 1, "")


def test_entry_that_takes_too_much_keeps_its_frame_and_somebody_is_told(organisation: Organisation, key: str) -> None:
    send(key, entry("x", trace_id="t1", metadata={"mails": ["a@b.io"] * 11_000}), entry("plain"))
    first, second = kept()
    assert first == {"timestamp": TIME, "level": "info", "message": WITHHELD_MESSAGE, "trace_id": "t1"}
    assert second["message"] == "plain"
    assert counted() == {"withheld": 1}
    assert notices.raise_due() == 1
    assert Notice.objects.get().kind == Notice.Kind.WITHHELD


def test_rules_that_cannot_be_loaded_refuse_the_batch(key: str) -> None:
    execute("ALTER TABLE privacy_policy RENAME TO away")
    try:
        response = Client().post(
            "/v1/logs", {"logs": [entry()]}, content_type="application/json", headers={"x-api-key": key}
        )
    finally:
        execute("ALTER TABLE away RENAME TO privacy_policy")
    assert response.status_code >= 500
    assert SpooledBatch.objects.count() == 0


def old_letter(caller: Caller, *messages: str) -> DeadLetter:
    """A dead letter of a time before there were rules."""
    lines = [json.dumps(entry(message), separators=(",", ":")).encode() for message in messages]
    spool_raw(caller, *lines)
    SpooledBatch.objects.update(attempts=dead_letters.HOPELESS_AFTER)
    assert dead_letters.bury_hopeless() == 1
    return DeadLetter.objects.get()


def test_replayed_dead_letter_is_scrubbed_and_the_ledger_agrees(organisation: Organisation) -> None:
    caller = caller_of(make_api_key(organisation)[0])
    letter = old_letter(caller, f"{SECRET} of {ADDRESS}", "plain")
    dead_letters.replay([letter.pk])
    assert drain() == 1
    messages = list(LogEntry.objects.order_by("id").values_list("message", flat=True))
    assert messages[0].startswith("[github_token] of [email:")
    assert messages[1] == "plain"
    assert Receipt.objects.get().size_bytes == letter.size_bytes
    stored = sum(LogEntry.objects.values_list("size_bytes", flat=True))
    assert Erased.objects.get().size_bytes == letter.size_bytes - stored
    assert counted() == {"accepted": 2, "scrubbed.github_token": 1, "scrubbed.email": 1}
    assert verify() == []


def test_taken_apart_a_replayed_batch_is_scrubbed_too(organisation: Organisation) -> None:
    caller = caller_of(make_api_key(organisation)[0])
    letter = old_letter(caller, ADDRESS, "plain")
    dead_letters.replay([letter.pk])
    SpooledBatch.objects.update(attempts=TAKE_APART_AFTER, not_before="2020-01-01T00:00:00Z")
    assert drain() == 1
    assert LogEntry.objects.order_by("id").first().message.startswith("[email:")  # type: ignore[union-attr]
    assert verify() == []


@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        ("Name", "x"),
        ("x", "("),
        ("x", "a*"),
        ("x", "(?:a{1000}){1000}"),
        ("x", r"\s"),
        ("x", "x{900}"),
        ("x", r"(?=a)"),
    ],
)
def test_rule_that_cannot_work_is_refused(name: str, pattern: str) -> None:
    with pytest.raises(ValidationError):
        Rule(name=name, pattern=pattern).clean()


@pytest.mark.parametrize("path", ["metadata", "trace_id", "metadata..x", "level", "error", "metadata.", "x.y"])
def test_path_of_no_field_is_refused(organisation: Organisation, path: str) -> None:
    with pytest.raises(ValidationError):
        Policy(organisation=organisation, safe_fields=[path]).full_clean()


def test_database_lets_nobody_keep_secrets(organisation: Organisation) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Policy.objects.create(organisation=organisation, secrets="keep")
