"""The console's pages that merge and split error groups, what the list does with several, and decisions taken back."""

import re
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from django.test import Client

from accounts.caller import Caller
from accounts.models import AccessRecord, User
from ingest.models import DrainClaim
from ingest.spool import table
from ingest.spool.drain import drain
from ingest.spool.payload import pack
from issues import changing, numbers, reading
from issues.changing import Actor
from issues.models import Fingerprint, Group, Hour, Minute, Person, Turn
from operations.verification import verify
from storage.models import LogEntry
from storage.postgres import partitions
from tests.error_pages import LIST, fail, page_of, staff, text_of
from tests.errors import failure, store
from tests.organisations import caller_of, make_api_key, make_organisation, make_plan

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "reads"])

SOMEBODY = Actor(by_key="ll_test")
MANY = 10_000


@pytest.fixture(autouse=True)
def _from_the_beginning() -> Iterator[None]:
    partitions.make_ahead()
    yield
    DrainClaim.objects.all().delete()


@pytest.fixture
def acme() -> Caller:
    key, _ = make_api_key(make_organisation("acme", plan=make_plan(slug="acme")))
    return caller_of(key)


def merge_page(number: int, *others: int) -> str:
    return f"{LIST}{number}/merge/?organisation=acme" + "".join(f"&with={one}" for one in others)


def split_page(number: int, query: str = "") -> str:
    return f"{LIST}{number}/split/?organisation=acme{query}"


def cells(page: str) -> list[list[str]]:
    """Return what the rows of sums say: events, people and fingerprints."""
    rows = re.findall(r"<tr>(.*?)</tr>", page.partition("ll-sums")[2].partition("</table>")[0], re.DOTALL)
    return [re.findall(r'<td class="number" data-label="\w+">([^<]*)', row) for row in rows[1:]]


def test_merge_is_previewed_done_and_taken_back(acme: Caller) -> None:
    alpha = fail(acme, "alpha", 3, metadata={"user_id": "ann"})
    beta = fail(acme, "beta", 2, metadata={"user_id": "ann"})
    gamma = fail(acme, "gamma", 1, metadata={"user_id": "bob"})
    client = staff()
    page = text_of(client, merge_page(alpha, beta, gamma))
    assert cells(page) == [["3", "1", "1"], ["2", "1", "1"], ["1", "1", "1"], ["6", "2", "3"]]
    assert f"Merge 3 groups into #{alpha}" in page
    assert f'href="{merge_page(beta, *sorted((alpha, gamma)))}">Keep #{beta} instead' in page
    assert "betaError" not in text_of(client, page_of(alpha))

    done = client.post(merge_page(alpha, beta, gamma), {"with": [beta, gamma]}, follow=True)
    assert done.redirect_chain == [(page_of(alpha), 302)]
    page = done.content.decode()
    assert "Merged with" in page
    assert "<dt>Events</dt><dd>6</dd>" in page
    assert client.get(page_of(beta)).headers["Location"] == page_of(alpha)
    assert client.get(merge_page(beta, alpha)).headers["Location"] == merge_page(alpha)
    user = User.objects.get(username="ada")
    assert set(Turn.objects.filter(what="merged").values_list("who_id", flat=True)) == {user.pk}

    [back] = re.findall(r'<a href="([^"]+)">Take it back', page)
    page = text_of(client, back.replace("&amp;", "&"))
    assert cells(page) == [["2", "1", "1"], ["1", "1", "1"], ["3", "1", "1"]]
    assert page.count("as before it was merged") == 2
    chosen = re.findall(r'<input type="hidden" name="fingerprint" value="(\w+)">', page)
    done = client.post(split_page(alpha), {"fingerprint": chosen}, follow=True)
    assert done.redirect_chain == [(page_of(alpha), 302)]
    assert f'">#{beta}</a>' in done.content.decode()
    assert "<dt>Events</dt><dd>2</dd>" in text_of(client, page_of(beta))
    assert "<dt>Events</dt><dd>3</dd>" in text_of(client, page_of(alpha))
    assert verify() == []


def test_what_cannot_be_merged_or_split_is_said(acme: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    alpha, beta = fail(acme, "alpha"), fail(acme, "beta", project_id="web")
    client = staff()
    page = text_of(client, merge_page(alpha, beta, 999))
    assert "Groups of several projects are not merged" in page
    assert "There is no group #999." in page
    assert '<button class="ll-button ll-primary">Merge' not in page
    for others in ([beta], [], [alpha], [999]):
        assert client.post(merge_page(alpha), {"with": others}).headers["Location"].startswith(f"{LIST}{alpha}/merge/")
    assert not Group.objects.exclude(merged_into=None).exists()
    text_of(client, merge_page(999), 404)
    text_of(client, merge_page(10**12), 404)
    assert "one fingerprint: there is nothing to split" in text_of(client, split_page(alpha))
    [key] = re.findall(r"\w{16}", f"{Fingerprint.objects.get(group__number=alpha).key % 2**64:016x}")
    page = client.post(split_page(alpha), {"fingerprint": [key]}, follow=True).content.decode()
    assert "A group keeps one fingerprint at least." in page
    for odd in ("x", "", "0" * 16):
        assert client.post(split_page(alpha), {"fingerprint": odd}).status_code == 302
    changing.merge(acme.organisation_id, alpha, [fail(acme, "gamma")], by=SOMEBODY)
    both = "".join(f"&fingerprint={one.key % 2**64:016x}" for one in Fingerprint.objects.filter(group__number=alpha))
    assert "A group keeps one fingerprint at least." in text_of(client, split_page(alpha, both))
    monkeypatch.setattr("issues.moving_pages.EXAMPLES", 0)
    assert text_of(client, split_page(alpha)).count('type="checkbox" name="fingerprint"') == 2


def test_groups_that_may_be_the_same_are_suggested(acme: Caller) -> None:
    stack = ["at pay (/app/src/pay.js:1:2)"]
    words = [failure("Error", f"no {word}", stack=stack) for word in ("money", "card", "bank")]
    store(acme, *words, failure("Error", "elsewhere", stack=["at ship (/app/src/ship.js:1:2)"]))
    store(acme, failure("PayError", "x", stack=stack), failure("PayError", "x", stack=["at q (/app/src/q.js:1:2)"]))
    number = {group.title: group.number for group in Group.objects.order_by("-number")}
    client = staff()
    page = text_of(client, merge_page(number["Error: no money"]))
    suggested = {int(one) for one in re.findall(r'name="with" value="(\d+)">', page)}
    assert suggested == {number["Error: no card"], number["Error: no bank"]}
    page = text_of(client, merge_page(number["PayError: x"]))
    assert len(re.findall(r'name="with" value="(\d+)">', page)) == 1


def test_who_may_merge_and_what_is_recorded(acme: Caller) -> None:
    alpha, beta = fail(acme, "alpha"), fail(acme, "beta")
    foreign = caller_of(make_api_key(make_organisation("other", plan=make_plan(slug="other")))[0])
    fail(foreign, "gamma")
    client = staff()
    text_of(client, merge_page(alpha, beta))
    text_of(client, split_page(alpha))
    subjects = AccessRecord.objects.order_by("id").values_list("organisation", "subject")
    assert list(subjects) == [("acme", f"#{alpha}, to merge with #{beta}"), ("acme", f"#{alpha}, to split")]
    for role in ("Support", "Auditors"):
        stranger = staff(role.lower(), role=role)
        for address in (merge_page(alpha, beta), split_page(alpha)):
            text_of(stranger, address, 403)
            assert stranger.post(address, {"with": beta}).status_code == 403
    client.handler.enforce_csrf_checks = True
    assert client.post(merge_page(alpha, beta), {"with": beta}).status_code == 403
    assert not Group.objects.exclude(merged_into=None).exists()


def press(client: Client, address: str, page: str) -> str:
    """Press the button *Undo* that a page has."""
    text = re.findall(r'form="undo" name="undo" value="([^"]+)">Undo', page)[-1]
    return client.post(address, {"undo": text}, follow=True).content.decode()


def test_decisions_are_taken_back(acme: Caller) -> None:
    numbers_made = [fail(acme, name, metadata={"release": "1.0"}) for name in ("alpha", "beta")]
    alpha, beta = numbers_made
    client = staff()
    client.post(page_of(beta), {"action": "mute"})
    before = list(Group.objects.order_by("pk").values())
    page = client.post(LIST + "?organisation=acme", {"action": "next_release", "number": numbers_made}, follow=True)
    assert Group.objects.filter(state="resolved").count() == 2
    assert "Taken back." in press(client, LIST + "?organisation=acme", page.content.decode())
    assert list(Group.objects.order_by("pk").values()) == before
    assert "Decision taken back" in text_of(client, page_of(alpha))

    page = client.post(page_of(alpha), {"action": "assign", "assignee": "ada"}, follow=True)
    press(client, page_of(alpha), page.content.decode())
    assert Group.objects.get(number=alpha).assignee_id is None

    said = client.post(page_of(alpha), {"action": "ignore", "until": "day"}, follow=True).content.decode()
    changing.unresolve(acme.organisation_id, alpha, by=SOMEBODY)
    assert "something has happened to the group since" in press(client, page_of(alpha), said)
    assert Group.objects.get(number=alpha).state == "unresolved"
    assert "cannot be taken back any more" in client.post(page_of(alpha), {"undo": "x"}, follow=True).content.decode()
    assert 'form="undo"' not in client.post(page_of(alpha), {"action": "unresolve"}, follow=True).content.decode()


def test_list_merges_narrows_and_counts(acme: Caller) -> None:
    alpha, beta = fail(acme, "alpha", environment="live"), fail(acme, "beta", 3, metadata={"release": "2.0"})
    client = staff()
    address = f"{LIST}?organisation=acme"
    led = client.post(address, {"action": "merge", "number": [alpha, beta]})
    assert led.headers["Location"] == merge_page(beta, alpha)
    assert (
        "Tick two groups" in client.post(address, {"action": "merge", "number": [alpha]}, follow=True).content.decode()
    )
    page = text_of(client, address)
    assert 'Unresolved <span class="ll-count">2</span>' in page
    assert 'New <span class="ll-count">2</span>' in page
    assert '<option value="live"></option>' in page
    assert "<small>src/alpha.js in alpha · shop · live · error" in page
    assert 'Unresolved <span class="ll-count">1</span>' in text_of(client, LIST, organisation="acme", query="beta")
    Fingerprint.objects.filter(group__number=alpha).update(last_received_at="2026-01-01T00:00:00Z")
    seen = text_of(client, LIST, organisation="acme", seen="7")
    assert "betaError" in seen
    assert "alphaError" not in seen
    assert "alphaError" in text_of(client, LIST, organisation="acme", seen="odd")


def test_charts_are_divided_and_samples_walked_through(acme: Caller) -> None:
    for n in range(9):
        fail(acme, "alpha", environment=f"e{n}", metadata={"release": "1.0", "n": n, "user": {"plan": "pro"}})
    client = staff()

    def series(by: str) -> list[str]:
        return re.findall(r'"label": "(\w+)"', text_of(client, page_of(1) + f"&by={by}&days=1"))

    assert series("odd") == ["Events"]
    assert len(series("environment")) == 7
    assert series("environment")[-1] == "others"
    assert "1.0" in text_of(client, page_of(1) + "&by=release")
    page = text_of(client, page_of(1))
    assert "1 of 9" in page
    assert "query=group%3A1+metadata.n%3A8" in page
    assert "query=group%3A1+-metadata.user.plan%3A%22pro%22" in page
    [older] = re.findall(r'sample=(\d+)#sample" rel="next"', page)
    page = text_of(client, page_of(1) + f"&sample={older}")
    assert "2 of 9" in page
    [first] = re.findall(r'sample=(\d+)#sample">First', page)
    page = text_of(client, page_of(1) + f"&sample={first}")
    assert "9 of 9" in page
    assert 'rel="next"' not in page
    LogEntry.objects.filter(id=first).delete()
    assert "retention took it" in text_of(client, page_of(1) + f"&sample={first}")


def test_errors_are_found_by_the_palette_and_told_on_the_start_page(acme: Caller) -> None:
    alpha, beta, gamma = (fail(acme, name, metadata={"release": "1.0"}) for name in ("alpha", "beta", "gamma"))
    owner = acme.organisation_id
    changing.resolve(owner, beta, by=SOMEBODY)
    changing.resolve(owner, gamma, by=SOMEBODY)
    fail(acme, "beta", metadata={"release": "1.1"})
    client = staff()

    def found(text: str) -> list[str]:
        return [row["title"] for row in client.get("/admin/palette/", {"q": text}).json()["found"]]

    assert f"#{alpha} alphaError" in found(f"#{alpha}")
    assert f"#{alpha} alphaError" in found("alphaerr")
    assert f"#{beta} betaError" in found("src/beta")
    assert "Search errors for: no alpha" in found("no alpha")
    assert not any("alphaError" in title for title in found("no alpha"))  # what a message says is looked for on record
    assert not any("alphaError" in title for title in found("9" * 30))
    page = text_of(client, "/admin/")
    card = page.partition("New and returned errors")[2].partition("</section>")[0]
    assert re.findall(r"#\d+ \w+", card) == [f"#{beta} betaError", f"#{alpha} alphaError"]
    assert ">1 new</a>" in card
    assert ">1 came back</a>" in card
    assert "New and returned errors" not in text_of(staff("eve", role="Support"), "/admin/")
    assert not AccessRecord.objects.exists()


def store_many(caller: Caller, name: str, release: str) -> None:
    """Store 10,000 errors of one group, of 100 people, in batches of 1,000."""
    errors = (
        failure(f"{name}Error", "x", stack=[], metadata={"user_id": f"u{n % 100}", "release": release})
        for n in range(1_000)
    )
    lines = [msgspec.json.encode(one) for one in errors]
    part = table.Part(payload=pack(b"\n".join(lines)), entries=len(lines), size_bytes=sum(map(len, lines)))
    for _ in range(MANY // len(lines)):
        table.accept(caller, [part])
    drain()


def everything_counted(caller: Caller, *wanted: int) -> list[Any]:
    """Return every count there is, by fingerprint, and of each group."""
    rows = [list(model.objects.order_by("pk").values()) for model in (Minute, Hour, Person)]
    of_fingerprint = Fingerprint.objects.order_by("key").values(
        "key", "events", "people", "level", "samples", "group_id"
    )
    groups = [reading.group(caller.organisation_id, number) for number in wanted]
    shown = [
        (one.summary.events, one.people, one.hours, one.environments, one.releases, one.samples)
        for one in groups
        if one
    ]
    entries = [
        LogEntry.objects.filter(error_key__in=numbers.keys_of(caller.organisation_id, n)).count() for n in wanted
    ]
    return [rows, list(of_fingerprint), shown, entries]


def test_merge_and_split_of_many_leaves_every_count_as_it_was(acme: Caller) -> None:
    store_many(acme, "alpha", "1.0")
    store_many(acme, "beta", "1.1")
    owner = acme.organisation_id
    alpha, beta = (Group.objects.get(type=f"{name}Error").number for name in ("alpha", "beta"))
    before = everything_counted(acme, alpha, beta)
    assert before[3] == [MANY, MANY]
    changing.merge(owner, alpha, [beta], by=SOMEBODY)
    merged = reading.group(owner, beta)
    assert merged
    assert (merged.summary.number, merged.summary.events, merged.people) == (alpha, 2 * MANY, 100)
    assert len(numbers.keys_of(owner, beta)) == 2
    assert verify() == []
    changing.split(owner, alpha, [Fingerprint.objects.get(home__number=beta).key], by=SOMEBODY)
    assert everything_counted(acme, alpha, beta) == before
    assert verify() == []
