"""A key's life: issued, rotated, revoked, suspended; and what happens when several do it at once."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from auditlog.models import LogEntry
from django.db import IntegrityError, connection, connections
from django.utils import timezone

from accounts.directory import look_up
from accounts.keys import digest
from accounts.life import SETTINGS, KeyLifeError, issue, resume, revoke, rotate, suspend
from accounts.models import ApiKey, Organisation, Project, User
from accounts.standing import Standing, standing
from tests.organisations import make_api_key, make_organisation
from tests.waiting import DEADLINE_SECONDS

pytestmark = pytest.mark.django_db


def test_issued_key_works_and_is_nowhere_in_the_database() -> None:
    organisation = make_organisation()
    issued = issue(ApiKey(project=organisation.projects.get(), name="web"), by=None)
    caller = look_up(digest(issued.secret))
    assert caller is not None
    assert (caller.organisation_id, caller.api_key_id) == (organisation.pk, issued.api_key.pk)
    assert (issued.api_key.prefix, issued.api_key.suffix) == (issued.secret[:7], issued.secret[-4:])
    assert issued.secret not in repr(issued)
    assert issued.secret not in str(LogEntry.objects.values_list())
    with connection.cursor() as cursor:
        cursor.execute("SELECT string_agg(k::text, '') FROM accounts_apikey k")
        assert issued.secret not in cursor.fetchone()[0]


def test_rotated_key_and_its_successor_both_work_until_the_grace_is_over() -> None:
    old, secret = make_api_key(environment="staging", scopes=["ingest"], requests_per_minute=7, minimum_level=30)
    issued = rotate(old.pk, by=None, grace=timedelta(days=7))
    old.refresh_from_db()
    assert {name: getattr(old, name) for name in SETTINGS} == {name: getattr(issued.api_key, name) for name in SETTINGS}
    assert look_up(digest(secret))
    assert look_up(digest(issued.secret))
    assert old.expires_at is not None
    assert abs(old.expires_at - timezone.now() - timedelta(days=7)) < timedelta(minutes=1)
    assert issued.api_key.expires_at is None
    ApiKey.objects.filter(pk=old.pk).update(expires_at=timezone.now())
    assert look_up(digest(secret)) is None


def test_grace_never_outlives_the_key_and_its_successor_lives_as_long() -> None:
    old, _ = make_api_key(expires_at=timezone.now() + timedelta(days=2))
    end = old.expires_at
    issued = rotate(old.pk, by=None, grace=timedelta(days=7))
    old.refresh_from_db()
    assert old.expires_at == end
    assert issued.api_key.expires_at is not None
    assert abs(issued.api_key.expires_at - timezone.now() - timedelta(days=2)) < timedelta(minutes=1)


def test_rotated_key_is_not_rotated_again() -> None:
    old, _ = make_api_key()
    rotate(old.pk, by=None)
    with pytest.raises(KeyLifeError, match="successor"):
        rotate(old.pk, by=None)


def test_ended_key_is_not_rotated() -> None:
    old, _ = make_api_key()
    revoke(old.pk, reason="leaked")
    with pytest.raises(KeyLifeError, match="ended"):
        rotate(old.pk, by=None)


def test_revocation_is_never_undone() -> None:
    api_key, secret = make_api_key()
    assert revoke(api_key.pk, reason="leaked")
    assert not revoke(api_key.pk, reason="again")
    api_key.refresh_from_db()
    assert api_key.revoked_reason == "leaked"
    assert look_up(digest(secret)) is None
    with pytest.raises(IntegrityError, match="stays revoked"):
        ApiKey.objects.filter(pk=api_key.pk).update(revoked_at=None)


def test_hash_of_a_key_never_changes() -> None:
    api_key, _ = make_api_key()
    with pytest.raises(IntegrityError, match="no key changes its hash"):
        ApiKey.objects.filter(pk=api_key.pk).update(sha256=digest("other"))


def test_suspended_organisation_is_refused_until_it_is_resumed() -> None:
    api_key, secret = make_api_key()
    assert suspend(api_key.organisation_id, reason="unpaid")
    assert not suspend(api_key.organisation_id, reason="again")
    assert look_up(digest(secret)) is None
    assert resume(api_key.organisation_id)
    assert not resume(api_key.organisation_id)
    assert look_up(digest(secret))


def test_every_step_is_in_the_audit_trail() -> None:
    old, _ = make_api_key()
    LogEntry.objects.all().delete()
    rotate(old.pk, by=None)
    revoke(old.pk, reason="leaked")
    suspend(old.organisation_id, reason="unpaid")
    resume(old.organisation_id)
    steps = [(entry.content_type.model, entry.action, entry.changes) for entry in LogEntry.objects.order_by("id")]
    assert [(model, action) for model, action, _ in steps] == [
        ("apikey", LogEntry.Action.CREATE),
        ("apikey", LogEntry.Action.UPDATE),
        ("apikey", LogEntry.Action.UPDATE),
        ("organisation", LogEntry.Action.UPDATE),
        ("organisation", LogEntry.Action.UPDATE),
    ]
    assert "sha256" not in steps[0][2]
    assert steps[1][2]["expires_at"][0] == "None"
    assert steps[2][2]["revoked_reason"] == ["", "leaked"]
    assert steps[3][2] == {"status": ["active", "suspended"], "suspended_reason": ["", "unpaid"]}


def test_password_is_masked_whole_in_the_audit_trail() -> None:
    user = User.objects.create_user("ada", password="correct horse")
    user.set_password("battery staple")
    user.save()
    for entry in LogEntry.objects.get_for_object(user):
        assert set(entry.changes["password"]) <= {"None", "********"}


def test_key_of_another_organisations_project_is_impossible() -> None:
    ours, theirs = make_organisation("ours"), make_organisation("theirs")
    with pytest.raises(IntegrityError, match="api_key_project_is_of_its_organisation"):
        make_api_key(ours)[0].__class__.objects.filter(organisation=ours).update(project=theirs.projects.get())


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, Standing.ACTIVE),
        ({"expires_at": timezone.now() + timedelta(days=13)}, Standing.EXPIRING),
        ({"expires_at": timezone.now() - timedelta(seconds=1)}, Standing.EXPIRED),
        ({"revoked_at": timezone.now(), "revoked_reason": "leaked"}, Standing.REVOKED),
    ],
)
def test_standing_names_the_gravest_reason(fields: dict[str, Any], expected: Standing) -> None:
    api_key, _ = make_api_key(**fields)
    assert standing(api_key) is expected
    if expected in (Standing.ACTIVE, Standing.EXPIRING):
        Organisation.objects.update(status="suspended", suspended_reason="unpaid")
        assert standing(ApiKey.objects.get(pk=api_key.pk)) is Standing.SUSPENDED


def test_warning_lists_hold_what_needs_a_hand() -> None:
    organisation = make_organisation()
    now = timezone.now()
    make_api_key(organisation, name="fine")
    make_api_key(organisation, name="expiring", expires_at=now + timedelta(days=3))
    make_api_key(organisation, name="heard", seen_over_plain_http_at=now)
    overdue, _ = make_api_key(organisation, name="overdue")
    ApiKey.objects.filter(pk=overdue.pk).update(created_at=now - timedelta(days=91))
    silent, _ = make_api_key(organisation, name="silent")
    straggling, _ = make_api_key(organisation, name="straggling")
    rotate(silent.pk, by=None)
    rotate(straggling.pk, by=None)
    ApiKey.objects.filter(pk=straggling.pk).update(last_used_at=timezone.now() + timedelta(seconds=1))
    lists = {name: [k.name for k in getattr(ApiKey.objects, name)()] for name in ("expiring", "overheard", "overdue")}
    assert lists == {"expiring": ["expiring"], "overheard": ["heard"], "overdue": ["overdue"]}
    assert [api_key.pk for api_key in ApiKey.objects.stragglers()] == [straggling.pk]


def at_once(*steps: Callable[[], object]) -> list[object]:
    """Run the steps in threads of their own, released together; return their results or exceptions."""
    barrier = threading.Barrier(len(steps))
    results: list[object] = [None] * len(steps)

    def run(index: int) -> None:
        barrier.wait()
        try:
            results[index] = steps[index]()
        except Exception as error:
            results[index] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(index,)) for index in range(len(steps))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE_SECONDS)
    return results


@pytest.mark.django_db(transaction=True)
def test_one_of_many_concurrent_rotations_wins() -> None:
    old, _ = make_api_key()
    results = at_once(*[lambda: rotate(old.pk, by=None)] * 6)
    assert sum(isinstance(result, KeyLifeError) for result in results) == 5
    assert ApiKey.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_concurrent_steps_and_hot_writes_never_overwrite_each_other() -> None:
    organisation = make_organisation()
    for turn in range(5):
        api_key, _ = make_api_key(organisation, name=f"turn {turn}")

        def save(pk: int = api_key.pk) -> None:
            stale = ApiKey.objects.get(pk=pk)
            stale.environment = "staging"
            stale.save(update_fields=["environment"])

        def use(pk: int = api_key.pk) -> None:
            ApiKey.objects.filter(pk=pk).update(last_used_at=timezone.now(), last_used_client="curl")

        results = at_once(
            lambda pk=api_key.pk: revoke(pk, reason="leaked"),  # type: ignore[misc]
            lambda pk=api_key.pk: rotate(pk, by=None),  # type: ignore[misc]
            save,
            use,
        )
        api_key.refresh_from_db()
        assert results[0] is True
        assert api_key.revoked_at is not None
        assert api_key.environment == "staging"
        assert api_key.last_used_client == "curl"
        rotated = ApiKey.objects.filter(rotated_from=api_key).exists()
        assert rotated != isinstance(results[1], KeyLifeError)
        assert (api_key.expires_at is not None) == rotated


@pytest.mark.django_db(transaction=True)
def test_dump_of_the_database_holds_no_key() -> None:
    issued = issue(ApiKey(project=make_organisation().projects.get(), name="web"), by=None)
    rotate(issued.api_key.pk, by=None)
    with connection.cursor() as cursor:
        cursor.execute("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")
        tables = [name for (name,) in cursor.fetchall()]
        for table in tables:
            cursor.execute(f'SELECT count(*) FROM "{table}" AS r WHERE r::text ~ %s', ["ll_[0-9a-f]{48}"])
            assert cursor.fetchone() == (0,), table
    assert "accounts_apikey" in tables
    assert Project.objects.count() == 1
