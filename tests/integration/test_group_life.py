"""What becomes of groups by themselves, and by an organisation's settings: filters, prefixes, waking, forgetting."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from accounts.caller import Caller
from accounts.models import User
from foundation.postgres import execute, fetch_all
from ingest.models import DrainClaim
from issues import changing, erasing, forgetting, notices, resolving, rules, settings, waking
from issues.changing import Actor, Ignoring
from issues.models import Allowance, Filtered, Fingerprint, Group, Hour, Minute, Person, Setting, Turn
from notify.models import Notice
from operations.verification import verify
from storage import erasing as stored_entries
from storage.conditions import EVERYTHING
from storage.models import LogEntry, Receipt
from storage.postgres import partitions
from storage.search import FIRST_MOMENT, LAST_MOMENT, Search
from storage.store import Place
from storage.store import store as log_store
from tests.errors import failure, store

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "reads"])

TOMORROW = datetime.now(UTC) + timedelta(days=1)
SOMEBODY = Actor(by_key="ll_test")


@pytest.fixture(autouse=True)
def _from_the_beginning() -> Iterator[None]:
    partitions.make_ahead()
    yield
    DrainClaim.objects.all().delete()


def the_group() -> Group:
    return Group.objects.get(is_overflow=False, merged_into=None)


@pytest.mark.parametrize(
    ("until", "then", "reason"),
    [
        (Ignoring(until=TOMORROW), "UPDATE issues_group SET ignored_until = now()", "time"),
        (Ignoring(events=2), "", "events"),
        (Ignoring(people=2), "", "people"),
        (Ignoring(events=2, minutes=10), "UPDATE issues_group SET state_at = now() - interval '9 minutes'", "rate"),
    ],
)  # fmt: skip
def test_ignored_group_wakes_when_it_is_time(caller: Caller, until: Ignoring, then: str, reason: str) -> None:
    store(caller, failure(metadata={"user_id": "a"}))
    group = the_group()
    changing.ignore(caller.organisation_id, group.number, until, by=SOMEBODY)
    store(caller, failure(metadata={"user_id": "b"}))
    assert waking.wake() == 0
    store(caller, failure(metadata={"user_id": "c"}))
    if then:
        execute(then)
    assert waking.wake() == 1
    assert the_group().state == "unresolved"
    assert Turn.objects.get(what="woken").details == {"by": reason}
    assert waking.wake() == 0


def test_filtered_errors_are_kept_and_counted_apart(caller: Caller) -> None:
    Setting.objects.create(
        organisation_id=caller.organisation_id,
        filters_extensions=True,
        filters_crawlers=True,
        filtered_messages=["(?i)resizeobserver loop", "("],
    )
    store(
        caller,
        failure(stack=["at x (chrome-extension://abcdef/content.js:1:2)", "at y (/app/src/y.js:1:2)"]),
        failure(metadata={"user_agent": "Mozilla/5.0 (compatible; Googlebot/2.1)"}),
        failure("Error", "ResizeObserver loop limit exceeded"),
        failure(metadata={"user_agent": "Mozilla/5.0 (X11; Linux) Firefox/140.0"}),
    )
    assert {one.filter: one.entries for one in Filtered.objects.all()} == {
        "browser extensions": 1, "crawlers": 1, "messages": 1,
    }  # fmt: skip
    assert Receipt.objects.get().errors == 1
    assert list(LogEntry.objects.order_by("id").values_list("error_key", flat=True))[:3] == [None] * 3
    assert Fingerprint.objects.get().events == 1
    assert verify() == []


def test_change_of_prefixes_makes_no_second_group_for_a_month(caller: Caller) -> None:
    stack = ["at core (/srv/platform/core.js:1:2)", "at pay (/srv/shop/pay.js:1:2)"]
    store(caller, failure(stack=stack))
    before = the_group()
    settings.change_prefixes(caller.organisation_id, ours=[], not_ours=["/srv/platform"])
    rules.forget()
    store(caller, failure(stack=stack), failure("OtherError", "x", stack=["at other (/srv/shop/other.js:1:2)"]))
    assert Group.objects.count() == 2
    assert {one.version: one.events for one in before.fingerprints.all()} == {"l1": 1, "l1.1": 1}
    assert verify() == []


def test_release_is_read_from_the_organisations_key(caller: Caller) -> None:
    Setting.objects.create(organisation_id=caller.organisation_id, release_key="git.sha")
    store(caller, failure(metadata={"git.sha": "3f2a1b9"}))
    assert Hour.objects.get().release == "3f2a1b9"


def age(days: int) -> None:
    moved = f"- interval '{days} days'"
    execute(
        f"UPDATE issues_fingerprint SET last_received_at = last_received_at {moved}, created_at = created_at {moved}"
    )
    execute(f"UPDATE issues_group SET created_at = created_at {moved}")
    execute(f"UPDATE issues_minute SET minute = minute {moved}")
    execute(f"UPDATE issues_hour SET hour = hour {moved}")


def test_group_that_nobody_sees_is_forgotten_unless_somebody_cares(caller: Caller) -> None:
    user = User.objects.create(username="ann")
    names = ("gone", "assigned", "commented", "merged")
    store(caller, *(failure(f"{name}Error", "x", stack=[], metadata={"user_id": "a"}) for name in names))
    numbers = {name: Group.objects.get(type=f"{name}Error").number for name in names}
    owner = caller.organisation_id
    changing.assign(owner, numbers["assigned"], user.pk, by=SOMEBODY)
    changing.comment(owner, numbers["commented"], "keep", by=SOMEBODY)
    changing.merge(owner, numbers["gone"], [numbers["merged"]], by=SOMEBODY)
    forgetting.forget_unseen()
    assert Group.objects.count() == 4
    age(30 + 90 + 2)
    assert forgetting.forget_unseen() == 2
    assert sorted(group.number for group in Group.objects.all()) == sorted([numbers["assigned"], numbers["commented"]])
    assert Fingerprint.objects.count() == Person.objects.count() == 2
    assert Allowance.objects.get().alive == 2
    assert set(Turn.objects.values_list("group__number", flat=True)) == {numbers["assigned"], numbers["commented"]}
    forgetting.sweep()
    assert not Minute.objects.exists()

    store(caller, failure("goneError", "x", stack=[]))  # this process remembers its key: it is made again
    assert Fingerprint.objects.get(group__type="goneError").events == 1
    assert Group.objects.get(type="goneError").number == 5
    forgetting.forget_organisation(owner)
    assert not Group.objects.exists()


def test_notices_of_spikes_and_of_errors_without_room(caller: Caller) -> None:
    store(caller, failure())
    execute("UPDATE issues_hour SET events = 999")
    notices.raise_due()
    assert not Notice.objects.exists()
    execute("UPDATE issues_hour SET events = 1000")
    execute(
        "INSERT INTO issues_hour (organisation_id, key, hour, environment, release, level, events)"
        " SELECT organisation_id, key, hour - n * interval '1 hour', '', '', 40, 101 FROM issues_hour,"
        " generate_series(1, 85) AS n"
    )
    notices.raise_due()
    assert not Notice.objects.exists()  # more than half of its hours had a hundred
    execute("DELETE FROM issues_hour WHERE hour < now() - interval '84 hours'")
    assert notices.raise_due() == 1
    execute("UPDATE issues_group SET is_overflow = true")
    assert notices.raise_due() == 1
    assert {notice.kind for notice in Notice.objects.all()} == {"spike", "no_group"}
    assert notices.raise_due() == 0


def everything(caller: Caller) -> list[Any]:
    return log_store().reader.page(Search(caller.organisation_id, EVERYTHING, FIRST_MOMENT, LAST_MOMENT), limit=100)


def test_erased_entries_persons_and_texts_leave_nothing(caller: Caller) -> None:
    one = failure(message="no money for bob", metadata={"user_id": "bob", "release": "1.0"})
    store(caller, one, one, failure(message="no money for bob", metadata={"user_id": "ann"}))
    owner = caller.organisation_id
    changing.comment(owner, the_group().number, "bob called", by=SOMEBODY)
    assert erasing.forget_person(owner, "bob") == 1
    assert erasing.forget_person(owner, "bob") == 0
    assert Fingerprint.objects.get().people == Person.objects.count() == 1
    assert erasing.count_texts(owner, lambda text: "bob" in text) == 2
    assert erasing.erase_texts(owner, lambda text: text.replace("bob", "[erased]")) == 2
    assert erasing.count_texts(owner, lambda text: "bob" in text) == 0

    ids = [entry.id for entry in everything(caller) if b"bob" in bytes(entry.metadata)]
    [(batch_id, received_at)] = fetch_all("SELECT batch_id, received_at FROM storage_receipt")
    taken = stored_entries.erase(
        owner,
        [Place(batch_id, received_at)],
        EVERYTHING,
        fits=lambda entry: entry.id in ids,
        uncount=erasing.take_back,
        note=lambda _taken: None,
    )
    assert taken.entries == 2
    assert Fingerprint.objects.get().events == 1
    assert not set(Fingerprint.objects.get().samples) & set(ids)
    assert [(hour.release, hour.events) for hour in Hour.objects.all()] == [("", 1)]
    assert verify() == []


def test_batches_of_before_groups_are_grouped_by_the_command(
    caller: Caller, capsys: pytest.CaptureFixture[str]
) -> None:
    store(caller, failure(metadata={"release": "1.0", "user_id": "a"}), {"message": "hello"}, failure())
    before = list(LogEntry.objects.order_by("id").values_list("error_key", flat=True))
    forgetting.forget_organisation(caller.organisation_id)
    execute("DELETE FROM issues_minute")
    execute("UPDATE storage_entry SET error_key = NULL")
    execute("UPDATE storage_receipt SET errors = NULL")
    resolving.forget()
    assert verify() == []
    for expected in ("1 batches looked into; 0 are left.", "0 batches looked into; 0 are left."):
        call_command("regroup")
        assert capsys.readouterr().out.strip() == expected
    assert list(LogEntry.objects.order_by("id").values_list("error_key", flat=True)) == before
    fingerprint = Fingerprint.objects.get()
    assert (fingerprint.events, fingerprint.people, Receipt.objects.get().errors) == (2, 1, 2)
    assert verify() == []


def test_staff_change_an_organisations_grouping(admin_client: Client, caller: Caller) -> None:
    page = f"/admin/issues/setting/{caller.organisation_id}/change/"
    assert b"browser" in admin_client.get(page).content.lower()
    form = {"release_key": "sha", "ours": "com.acme.\n\n", "not_ours": "", "filtered_messages": "(?i)resize"}
    assert admin_client.post(page, form).status_code == 302
    setting = Setting.objects.get()
    assert (setting.ours, setting.edition, setting.filtered_messages) == (["com.acme."], 1, ["(?i)resize"])
    assert admin_client.post(page, form | {"filtered_messages": "("}).status_code == 200
    assert admin_client.post(page, form | {"release_key": ""}).status_code == 302
    assert (Setting.objects.get().edition, Setting.objects.get().release_key) == (1, "")
    assert b"Grouping" in admin_client.get(f"/admin/accounts/organisation/{caller.organisation_id}/change/").content
