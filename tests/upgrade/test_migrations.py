"""Empty databases, and a data folder of the commit before the rooms, end at the same schema with all their rows."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.upgrade.databases import Database, new_database

BEFORE_ROOMS = Path(__file__).with_name("before_rooms.sql")
#: Makes the role that the dump grants to; the server of the tests may not have met it yet.
READER = """
DO $$ BEGIN CREATE ROLE luminalog_reader NOLOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$
"""
#: What was applied, the rooms that moved models are of now, and what Operators may do besides.
WRITTEN_BY_MIGRATE = {"django_migrations", "django_content_type", "auth_group_permissions"}
#: Whose columns became others; each that did not only get one with a default has a test below.
REWRITTEN = {
    "accounts_apikey", "accounts_user", "auth_permission", "explore_accessrecord", "explore_savedsearch",
    "ingest_deadletter", "ingest_idempotencykey", "ingest_spooledbatch", "quotas_monthlyusage", "quotas_noticechannel",
    "quotas_noticedelivery", "quotas_plan", "storage_receipt",
}  # fmt: skip
#: Tables that there were not.
NEW = {
    "accounts_mirror", "alerts_cursor", "alerts_incident", "alerts_minute", "alerts_round", "alerts_rule",
    "alerts_seen", "alerts_silence", "assist_answer", "assist_call", "assist_forgotten", "assist_recording",
    "assist_setting", "assist_snapshot", "assist_spending", "assist_verdict", "edges_edge",
    "edges_edge_organisations", "edges_edgebatch", "edges_link", "explore_dashboard", "ingest_forgottenbatch",
    "issues_allowance",
    "issues_filtered", "issues_fingerprint", "issues_group", "issues_hour", "issues_minute", "issues_person",
    "issues_release", "issues_setting", "issues_turn", "notify_message", "operations_erasure", "privacy_policy",
    "privacy_rule", "quotas_borrowed", "quotas_dailyusage", "quotas_installation", "quotas_loan",
    "quotas_outcomereport",
    "storage_archived_day", "storage_archived_part", "storage_archiving", "storage_drift", "storage_entry",
    "storage_erased", "storage_event_minute", "storage_field", "storage_field_sample", "storage_leaving",
    "storage_loaded_part", "storage_minute", "storage_move", "storage_rollup_day", "storage_unrolled_day",
}  # fmt: skip

#: What hangs on content types: roles, what people may do, the audit trail.
STAFF = """
import json
from auditlog.models import LogEntry
from django.contrib.auth.models import Group
from django.contrib.contenttypes.models import ContentType
from accounts.models import User
from notify.models import NoticeChannel

def named(permissions):
    return sorted(f"{one.content_type.app_label}.{one.codename}" for one in permissions.select_related("content_type"))

print(json.dumps({
    "stale": [str(one) for one in ContentType.objects.all() if one.model_class() is None],
    "groups": {group.name: named(group.permissions) for group in Group.objects.all()},
    "users": {user.username: sorted(user.get_all_permissions()) for user in User.objects.filter(is_superuser=False)},
    "channels": sorted(one.object_repr for one in LogEntry.objects.get_for_objects(NoticeChannel.objects.all())),
}))
"""
#: The same, where columns of people are not there yet.
STALE = """
import json
from django.contrib.contenttypes.models import ContentType

print(json.dumps([str(one) for one in ContentType.objects.all() if one.model_class() is None]))
"""
#: A key of then reads what was stored then; the worker stores what waited; nothing was lost on the way.
USE = """
import json
from django.core.management import call_command
from django.test import Client

def read(query=""):
    client = Client(SERVER_NAME="127.0.0.1", headers={"x-api-key": "ll_" + "b4" * 24})
    given = {"from": "2026-11-26T00:00:00Z", "to": "2026-11-27T00:00:00Z", "query": query}
    answer = client.get("/v1/logs", given)
    assert answer.status_code == 200, answer.content
    return sorted(entry["message"] for entry in answer.json()["logs"])

before = read()
call_command("drain")
call_command("verify_ledger")
print(json.dumps([before, read(), read("7 -three"), read("order:>6"), read("order")]))
"""
#: Histograms of then, without and with rollups.
COUNT = """
import json
from datetime import UTC, datetime
from django.core.management import call_command
from explore.query import parse
from explore.search import Search, level_counts
from storage import unrolled

def count():
    search = Search(2, parse(""), datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 31, tzinfo=UTC))
    return {level.label: entries for level, entries in level_counts(search).items()}

before = count()
rolled_up = unrolled.roll_up(budget_seconds=60)
call_command("verify_ledger")
print(json.dumps([before, rolled_up, count()]))
"""
#: As `storage.receipts` wrote them before there were rollups.
CERTIFY_OF_BEFORE = """
INSERT INTO storage_receipt (batch_id, organisation_id, api_key_id, period, received_at, entries, size_bytes)
VALUES (4711000, 2, 2, '2026-11-01', '2026-11-26 12:00Z', 0, 0)
"""
#: As `ingest.spool.idempotency` had it while an `Idempotency-Key` was an organisation's.
REMEMBER_OF_BEFORE = """
INSERT INTO ingest_idempotencykey AS known (organisation_id, key, body_sha256, answer, media_type)
VALUES (7, 'daily-1', '', '', 'application/json')
ON CONFLICT (organisation_id, key) DO UPDATE SET answer = excluded.answer
 WHERE known.created_at < now() - interval '24 hours'
"""
#: What of messages is due, and what of it can be read.
WAITING = """
import json
from notify.deliveries import _due_channels
from notify.message import from_document
from notify.models import MessageRecord, NoticeDelivery

due = NoticeDelivery.objects.filter(
    channel__in=_due_channels(set()), delivered_at=None, ended="", message__isnull=False
)
read = [from_document(one.content) for one in MessageRecord.objects.order_by("pk")]
print(json.dumps([sorted(one.message.key for one in due), [one.kind for one in read], read[0].data]))
"""
#: As `notify.notices` gave them before there were messages.
GIVE_OF_BEFORE = """
WITH given AS (
    INSERT INTO quotas_notice (organisation_id, kind, period) VALUES (2, 'cut', '2026-11-27')
    RETURNING id, organisation_id
)
INSERT INTO quotas_noticedelivery (notice_id, channel_id)
SELECT given.id, channel.id FROM given JOIN quotas_noticechannel AS channel USING (organisation_id)
"""
WATCHERS = [
    "accounts.view_accessrecord", "notify.add_noticechannel", "notify.view_notice", "notify.view_noticedelivery",
]  # fmt: skip


@pytest.fixture(scope="module")
def fresh() -> Iterator[Database]:
    """An empty database, migrated."""
    with new_database() as database:
        database.manage("migrate", "--no-input")
        yield database


@pytest.fixture(scope="module")
def old() -> Iterator[Database]:
    """What the commit before the rooms had kept, not migrated."""
    with new_database() as database:
        database.execute(READER + ";" + BEFORE_ROOMS.read_text())
        yield database


@pytest.fixture(scope="module")
def rows_before(old: Database) -> dict[str, list[str]]:
    return old.rows()


@pytest.fixture(scope="module")
def upgraded(old: Database, rows_before: dict[str, list[str]]) -> Database:
    """The same database, migrated by today's code."""
    old.manage("migrate", "--no-input")
    return old


def test_upgrade_ends_at_the_schema_of_an_empty_database(upgraded: Database, fresh: Database) -> None:
    assert upgraded.schema() == fresh.schema()


def test_upgrade_keeps_every_row(upgraded: Database, rows_before: dict[str, list[str]]) -> None:
    after = upgraded.rows()
    assert after.keys() == rows_before.keys() | NEW
    changed = {name for name, rows in rows_before.items() if after[name] != rows}
    assert changed == WRITTEN_BY_MIGRATE | REWRITTEN
    assert sum(map(len, rows_before.values())) > 300


def test_batches_that_wait_are_as_they_were_and_wait_for_nothing(
    upgraded: Database, rows_before: dict[str, list[str]]
) -> None:
    before = [json.loads(row) for row in rows_before["ingest_spooledbatch"]]
    after = [json.loads(row) for row in upgraded.rows()["ingest_spooledbatch"]]
    assert before
    new = {"waits_for": "", "failed_in": None, "is_replayed": False, "deferred_until": None}
    new |= {"edge": None, "edge_received_at": None}
    assert after == [batch | new for batch in before]


def test_receipts_are_as_they_were_and_in_no_rollup(upgraded: Database, rows_before: dict[str, list[str]]) -> None:
    before = [json.loads(row) for row in rows_before["storage_receipt"]]
    after = upgraded.rows()
    assert before
    assert [json.loads(row) for row in after["storage_receipt"]] == [
        one | {"is_rolled_up": None, "errors": None, "loaded_part_id": None, "edge_received_at": None} for one in before
    ]
    days = {json.loads(row)["day"] for row in after["storage_unrolled_day"]}
    assert days >= {one["received_at"][:10] for one in before}


def test_histogram_is_the_same_before_and_after_what_was_stored_is_rolled_up(upgraded: Database) -> None:
    with new_database(like=upgraded) as database:
        before, rolled_up, after = database.shell(COUNT)
        assert before == after
        assert sum(before.values()) > 0
        assert rolled_up > 0
        assert database.rows()["storage_unrolled_day"] == []
        assert database.rows()["storage_event_minute"] != []


def test_worker_of_the_version_before_certifies_what_is_in_no_rollup(upgraded: Database) -> None:
    with new_database(like=upgraded) as database:
        database.execute(CERTIFY_OF_BEFORE)
        marks = [json.loads(row)["is_rolled_up"] for row in database.rows()["storage_receipt"]]
        assert marks.count(False) == 1


def test_organisations_of_before_begin_with_a_report_of_what_would_be_scrubbed(upgraded: Database) -> None:
    rows = upgraded.rows()
    organisations = {json.loads(row)["id"] for row in rows["accounts_organisation"]}
    assert {(one["organisation_id"], one["mode"]) for one in map(json.loads, rows["privacy_policy"])} == {
        (organisation, "report") for organisation in organisations
    }


def test_people_are_as_they_were_and_have_no_time_zone_of_their_own(
    upgraded: Database, rows_before: dict[str, list[str]]
) -> None:
    before = [json.loads(row) for row in rows_before["accounts_user"]]
    assert [json.loads(row) for row in upgraded.rows()["accounts_user"]] == [one | {"time_zone": ""} for one in before]


def test_permissions_are_the_same_by_other_names(upgraded: Database, rows_before: dict[str, list[str]]) -> None:
    after = {one["id"]: one for one in map(json.loads, upgraded.rows()["auth_permission"])}
    for one in map(json.loads, rows_before["auth_permission"]):
        assert after[one["id"]] | {"name": "", "content_type_id": 0} == one | {"name": "", "content_type_id": 0}


def test_keys_may_do_what_they_might_before(upgraded: Database, rows_before: dict[str, list[str]]) -> None:
    before = [json.loads(row) for row in rows_before["accounts_apikey"]]
    after = {key["id"]: key for key in map(json.loads, upgraded.rows()["accounts_apikey"])}
    names = {"can_ingest": "ingest", "can_read": "read"}
    for key in before:
        assert after[key["id"]]["scopes"] == [scope for name, scope in names.items() if key[name]]
        assert after[key["id"]]["kind"] == "secret"
    assert len({(key["can_ingest"], key["can_read"]) for key in before}) > 1


def test_remembered_answers_are_the_same_json(upgraded: Database, rows_before: dict[str, list[str]]) -> None:
    [before] = map(json.loads, rows_before["ingest_idempotencykey"])
    [after] = map(json.loads, upgraded.rows()["ingest_idempotencykey"])
    assert json.loads(bytes.fromhex(after["answer"].removeprefix("\\x"))) == before["answer"]
    assert after["media_type"] == "application/json"


def test_channels_and_deliveries_are_as_they_were_and_notices_have_messages(
    upgraded: Database, rows_before: dict[str, list[str]]
) -> None:
    after = upgraded.rows()
    for name in ("quotas_noticechannel", "quotas_noticedelivery"):
        before = [json.loads(row) for row in rows_before[name]]
        assert [{key: json.loads(row)[key] for key in before[0]} for row in after[name]] == before
    due, kinds, data = upgraded.shell(WAITING)
    assert due == ["notice-1", "notice-2", "notice-3"]
    assert kinds == ["notice.quota_80", "notice.quota_100", "notice.refused"]
    assert data | {"created_at": ""} == {
        "id": 1, "kind": "quota_80", "period": "2026-11-01", "title": "80 % of the monthly bytes are used",
        "created_at": "",
    }  # fmt: skip


def test_worker_of_the_version_before_gives_notices_beside_the_new_ones(upgraded: Database) -> None:
    with new_database(like=upgraded) as database:
        before = database.shell(WAITING)
        database.execute(GIVE_OF_BEFORE)
        assert database.shell(WAITING) == before  # it sends what it gives


def test_process_of_the_version_before_remembers_answers_beside_the_new_ones(upgraded: Database) -> None:
    with new_database(like=upgraded) as database:
        for _ in range(2):
            database.execute(REMEMBER_OF_BEFORE)
        [_, kept] = map(json.loads, database.rows()["ingest_idempotencykey"])
        assert (kept["organisation_id"], kept["key"], kept["api_key_id"]) == (7, "daily-1", None)


def test_upgrade_leaves_no_model_change(upgraded: Database) -> None:
    upgraded.manage("makemigrations", "--check", "--dry-run")


def test_second_migrate_changes_nothing(upgraded: Database) -> None:
    rows, definition = upgraded.rows(), upgraded.definition()
    assert "No migrations to apply" in upgraded.manage("migrate", "--no-input")
    assert upgraded.rows() == rows
    assert upgraded.definition() == definition


def test_database_is_prepared_by_one_word(fresh: Database) -> None:
    with new_database(like=fresh) as database:
        said = database.manage("prepare")
    assert "No migrations to apply" in said
    assert "The log store is up to date" in said
    assert re.search(r"\(new\)[^(]* days ahead", said)


def test_moved_models_keep_their_permissions_and_their_audit_trail(upgraded: Database, fresh: Database) -> None:
    staff = upgraded.shell(STAFF)
    assert staff["groups"] == fresh.shell(STAFF)["groups"] | {"Watchers": WATCHERS}
    assert staff["users"]["wanda"] == WATCHERS
    assert staff["users"]["ada"] == staff["groups"]["Auditors"]
    assert staff["channels"] == ["E-mail to ops@example.com", "Webhook to https://hooks.example.com/luminalog"]
    assert staff["stale"] == []


def test_content_types_that_the_new_code_made_before_the_upgrade_are_merged(upgraded: Database) -> None:
    with new_database() as database:
        database.execute(READER + ";" + BEFORE_ROOMS.read_text())
        database.manage("migrate", "--no-input", "notify")  # Django makes the content types of all rooms after it
        assert database.shell(STALE) != []
        database.manage("migrate", "--no-input")
        assert database.shell(STAFF) == upgraded.shell(STAFF)


def test_upgraded_data_can_be_read_drained_and_verified(upgraded: Database) -> None:
    with new_database(like=upgraded) as database:
        all_of_them, found = ["one", "three", "two", "waiting"], ["one", "three", "two"]
        assert database.shell(USE) == [found, all_of_them, ["one", "two"], found, []]


def test_migrating_may_be_killed_between_any_two_of_our_migrations(fresh: Database) -> None:
    with new_database() as database:
        killed = json.loads(database.python("-m", "tests.upgrade.killed_migrations"))
        assert killed >= 10
        database.manage("migrate", "--no-input")
        assert database.schema() == fresh.schema()
        assert database.shell(STAFF)["groups"] == fresh.shell(STAFF)["groups"]
