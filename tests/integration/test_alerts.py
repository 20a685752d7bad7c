"""Incidents: one for what is one, whoever dies, looks twice or stores late; and nobody's silence is our own."""

import random
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection, connections

from accounts.caller import Caller
from accounts.models import Organisation
from alerts import changing, forgetting, heartbeats, looking, preview, proof, searching
from alerts.asking import minute_of
from alerts.changing import Actor
from alerts.incidents import Telling
from alerts.looking import Hearing
from alerts.models import Cursor, Incident, Minute, Rule, Seen, Silence
from edges import calling
from edges.models import Edge
from foundation.holdings import Wanted
from foundation.postgres import execute, fetch_all
from ingest import doors
from ingest.models import DrainClaim
from ingest.spool.drain import drain
from issues import changing as deciding
from issues.changing import Actor as Decider
from issues.models import Group, Turn
from notify.models import MessageRecord, NoticeDelivery
from operations.verification import verify
from storage.postgres import partitions
from tests.alerts import (
    BASE,
    Died,
    at,
    dying_at,
    incidents,
    look_at,
    look_until,
    make_channel,
    make_rule,
    some,
    spool_at,
    store_at,
    told,
)
from tests.edges import Sender
from tests.entries import OpenTransaction
from tests.errors import failure
from tests.organisations import make_caller
from tests.waiting import DEADLINE_SECONDS

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "reads"]),
    pytest.mark.usefixtures("empty_store"),
]


@pytest.fixture(autouse=True)
def _from_the_beginning() -> Iterator[None]:
    partitions.make_ahead()
    heartbeats.forget()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(searching, "SECONDS_A_RULE", DEADLINE_SECONDS)
        yield
    assert list(proof.unequal()) == []
    doors.forget()
    DrainClaim.objects.all().delete()
    for table in ("storage_minute", "storage_event_minute", "storage_rollup_day"):
        execute(f"DELETE FROM {table}")


@pytest.fixture
def caller() -> Caller:
    return make_caller()


def test_ten_thousand_events_are_one_incident_and_one_message_wherever_the_evaluator_ends(caller: Caller) -> None:
    make_channel(caller)
    rule = make_rule(caller, rule_name="Payments fail", count_threshold=100)
    for _ in range(10):
        spool_at(caller, 10, *some(1_000))
    drain()
    for minutes, kind in ((10.5, "alert.opened"), (30, "alert.closed")):
        deaths = 0
        is_over = False
        while not is_over:
            deaths += 1
            try:
                with dying_at(deaths):
                    look_at(minutes)
            except Died:
                continue
            is_over = True
        assert deaths > 15
        assert [one for one, _ in told()].count(kind) == 1
    assert incidents(rule) == [(10, 17, 10_000)]
    assert [one for one, _ in told()] == ["alert.opened", "alert.closed"]
    assert told()[0][1] == "Payments fail: 10,000 in 5 min, 100 or more"
    assert NoticeDelivery.objects.count() == 2
    look_at(31)
    assert len(told()) == 2


def test_incident_without_its_message_or_with_two_is_found(caller: Caller) -> None:
    rule = make_rule(caller, group_by="environment")
    store_at(caller, 10, *some(9, environment="eu"), *some(9, environment="us"))
    look_at(10.5)
    look_at(30)
    eu, us = Incident.objects.filter(rule=rule).order_by("value")
    message = MessageRecord.objects.get(key=f"incident-{us.pk}-closed")
    for change, back, expected, found in (
        ({"key": "lost"}, {"key": message.key}, "one message that it is over", "none"),
        ({"key": f"incident-{eu.pk}-flapping"}, {"key": message.key}, "one message that it began", "opened, flapping"),
    ):
        MessageRecord.objects.filter(pk=message.pk).update(**change)
        assert (expected, found) in [(one.expected, one.found) for one in proof.unequal()]
        MessageRecord.objects.filter(pk=message.pk).update(**back)
    Incident.objects.filter(pk=eu.pk).update(told="cooled")
    [breach, ended] = [one for one in verify() if one.check == "incident"]
    assert (breach.subject, breach.expected, breach.found) == (
        f"incident {eu.pk}",
        "no message that it began",
        "opened",
    )
    assert (ended.expected, ended.found) == ("no message that it is over", "closed")
    Incident.objects.filter(pk=eu.pk).update(told="told")


def test_two_evaluators_at_once_find_one_incident(caller: Caller) -> None:
    """Without the lock that keeps them apart: rows and constraints do."""
    rules = [make_rule(caller, rule_name=f"Rule {n}", group_by="environment") for n in range(3)]
    store_at(caller, 10, *some(9, environment="eu"), *some(9, environment="us"))
    doors.note_open()
    looking.look(clock=lambda: at(1))
    gate = threading.Barrier(2)
    errors: list[BaseException] = []

    def look() -> None:
        try:
            hearing = Hearing(now=at(10.5), deaf_until=BASE, waiting={}, unheard={})
            gate.wait()
            looking.look_at(caller.organisation_id, hearing, Telling(hearing.now))
        except BaseException as error:
            errors.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=look) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert Incident.objects.count() == 2 * len(rules)
    assert len(told()) == 2 * len(rules)


def test_only_one_looks_at_a_time(caller: Caller) -> None:
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [looking.LOCK])
        assert not looking.look()
    finally:
        other.close()


def test_what_is_stored_late_is_told_once_and_as_such(caller: Caller) -> None:
    rule = make_rule(caller)
    spool_at(caller, 10, *some(9))
    look_until(30, since=9, every=2)
    rule.refresh_from_db()
    assert (rule.state, incidents(rule)) == ("ok", [])
    assert "19 min behind" in rule.state_reason
    drain()
    look_at(30.5)
    look_at(31)
    assert incidents(rule) == [(10, 17, 9)]
    [(kind, _)] = told()
    assert kind == "alert.late"
    assert Incident.objects.get().is_late


def test_backlog_neither_closes_an_incident_nor_makes_a_second_one(caller: Caller) -> None:
    rule = make_rule(caller)
    store_at(caller, 10, *some(9))
    look_at(10.5)
    for minute in range(11, 31):
        spool_at(caller, minute, *some(9))
    look_until(30, since=11, every=3)
    assert incidents(rule) == [(10, None, 9)]
    drain()
    look_until(50, since=31, every=3)
    assert [(opened, closed) for opened, closed, _ in incidents(rule)] == [(10, 37)]
    assert [kind for kind, _ in told()] == ["alert.opened", "alert.closed"]


@pytest.mark.parametrize("takes_all", [True, False])
def test_no_absence_is_told_while_an_edge_of_the_organisation_is_not_heard(caller: Caller, takes_all: bool) -> None:
    rule = make_rule(caller, kind="absence", time_window_minutes=5, since=0)
    for minute in (1, 2):
        store_at(caller, minute, *some(1))
    edge = Sender(*[] if takes_all else [caller], takes_all=takes_all).edge
    strangers = Sender(make_caller()).edge
    seen = Edge.objects.filter(pk__in=[edge.pk, strangers.pk])
    seen.update(last_seen_at=at(2))
    look_until(20, since=1.5, every=0.9)
    rule.refresh_from_db()
    assert (rule.state, incidents(rule)) == ("unknown", [])
    assert edge.name in rule.state_reason

    calling.note_seen(edge)
    seen.update(last_seen_at=at(99))
    Edge.objects.filter(unheard_until__gt=at(59)).update(unheard_until=at(20))  # when it was heard again
    look_until(24, since=20.5, every=0.9)
    rule.refresh_from_db()
    assert (rule.state, incidents(rule)) == ("unknown", [])
    store_at(caller, 24, *some(1))
    look_until(32, since=24.5, every=0.9)
    assert [opened for opened, _, _ in incidents(rule)] == [29]


def test_preview_is_what_then_fires(caller: Caller) -> None:
    for minute, count in ((5, 9), (6, 2), (19, 5), (20, 4), (33, 30), (34, 4), (35, 5), (50, 9)):
        store_at(caller, minute, *some(count, environment="eu"), *some(count // 2, environment="us"))
    asked: dict[str, Any] = {
        "group_by": "environment",
        "count_threshold": 6,
        "time_window_minutes": 3,
        "keep_firing_minutes": 4,
    }
    kinds: list[dict[str, Any]] = [{}, {"error_type": ""}, {"kind": "ratio", "ratio_percent": 50}]
    for number, fields in enumerate(kinds):
        rule = make_rule(caller, rule_name=f"Rule {number}", **asked | fields)
        would = preview.would_have_fired(
            Rule(organisation_id=caller.organisation_id, rule_name="x", **asked | fields), now=at(59)
        )
        look_until(59.5, since=0, every=8.5)
        fired = Incident.objects.filter(rule=rule)
        assert {(spell.value, spell.opened, spell.closed, spell.peak) for spell in would.incidents} == {
            (one.value, minute_of(one.opened_at), one.closed_at and minute_of(one.closed_at), one.peak) for one in fired
        }
        assert would.count == fired.count() > 3
        assert sum(would.hours) == would.count


REPLAYED: list[dict[str, Any]] = [
    {"count_threshold": 6, "time_window_minutes": 3, "keep_firing_minutes": 2},
    {"count_threshold": 4, "time_window_minutes": 1, "keep_firing_minutes": 0, "group_by": "environment"},
    {"error_type": "Pay*", "count_threshold": 3, "time_window_minutes": 2, "keep_firing_minutes": 4},
    {"kind": "ratio", "ratio_percent": 40, "count_threshold": 3, "time_window_minutes": 4, "keep_firing_minutes": 1},
    {"kind": "search", "query": "money", "count_threshold": 5, "time_window_minutes": 2, "keep_firing_minutes": 3},
    {"kind": "absence", "time_window_minutes": 5, "group_by": "environment"},
]


@pytest.mark.parametrize("seed", [4, 30])
def test_preview_is_what_fired_whenever_entries_came_and_however_late_they_were_stored(
    caller: Caller, seed: int
) -> None:
    chance = random.Random(seed)
    owner = caller.organisation_id
    rules = [make_rule(caller, rule_name=f"Rule {number}", **fields) for number, fields in enumerate(REPLAYED)]
    looks = [0.9 * number for number in range(57)]
    comes = sorted(chance.sample(range(3, 40), 18))
    for moment in looks:
        while comes and comes[0] <= moment:
            minute = comes.pop(0)
            spool_at(caller, minute, *_some_of(chance, at(minute)))
        if not comes or chance.random() < 0.25:  # else it waits, and is late
            drain()
        look_at(moment)
    found = 0
    for rule, fields in zip(rules, REPLAYED, strict=True):
        would = preview.would_have_fired(Rule(organisation_id=owner, rule_name="x", **fields), now=at(looks[-1]))
        fired = Incident.objects.filter(rule=rule)
        assert {(spell.value, spell.opened, spell.closed, spell.peak) for spell in would.incidents} == {
            (one.value, minute_of(one.opened_at), one.closed_at and minute_of(one.closed_at), one.peak) for one in fired
        }, rule.kind
        assert would.count == fired.count()
        found += would.count
    assert found > len(rules)


def _some_of(chance: random.Random, moment: datetime) -> list[dict[str, Any]]:
    """Return some errors and other entries, that happened when they came."""
    return [
        failure("PayError" if chance.random() < 0.5 else "Other", "no money", timestamp=moment, environment=environment)
        if chance.random() < 0.6
        else {"level": "info", "message": "fine", "timestamp": moment, "environment": environment}
        for environment in ("eu", "us")
        for _ in range(chance.choice([0, 1, 3, 6]))
    ] or [{"level": "info", "message": "fine", "timestamp": moment, "environment": "eu"}]


def test_preview_says_which_threshold_can_be_lived_with(caller: Caller) -> None:
    rows = [[caller.organisation_id, at(-60 * hour), 10 if hour % 20 else 99] for hour in range(1, 600)]
    for row in rows:
        execute("INSERT INTO storage_minute VALUES (%s, %s, 'shop', 'eu', 40, %s)", row)
    rule = Rule(organisation_id=caller.organisation_id, rule_name="x", count_threshold=5, time_window_minutes=5)
    found = preview.would_have_fired(rule, now=at(0))
    assert (found.count, found.bearable) == (599, 11)
    rule.count_threshold = 11
    assert preview.would_have_fired(rule, now=at(0)).count == 29


def counted_by(rule: Rule) -> int:
    return sum(Minute.objects.filter(rule_id=rule.pk).values_list("entries", flat=True))


def test_search_counts_each_entry_once_also_of_who_commits_late(caller: Caller) -> None:
    rule = make_rule(caller, kind="search", query="user:7 money", group_by="project", count_threshold=3)
    anything = make_rule(caller, rule_name="anything", kind="search", query="money")
    other = make_rule(make_caller(), kind="search", query="money")
    look_at(1)
    wanted = {"message": "no MONEY", "metadata": {"user": 7}}
    store_at(caller, 5, wanted, wanted | {"project_id": "web"}, {"message": "no money"})
    late = OpenTransaction(Organisation.objects.get(pk=caller.organisation_id), "the money of user:7")
    store_at(caller, 6, *[wanted] * 2)
    for _ in range(3):
        look_at(6.5)
    assert counted_by(anything) == 5
    late.commit()
    look_at(7)
    look_at(7.5)
    assert counted_by(anything) == 6
    counted = {(one.minute, one.value): one.entries for one in Minute.objects.filter(rule_id=rule.pk)}
    assert counted == {(at(5), "shop"): 1, (at(5), "web"): 1, (at(6), "shop"): 2}
    assert not Minute.objects.filter(rule_id=other.pk).exists()
    assert [(one.value, one.peak) for one in Incident.objects.filter(rule=rule)] == [("shop", 3)]


def test_search_counts_once_wherever_the_evaluator_ends(caller: Caller) -> None:
    rule = make_rule(caller, kind="search", query="money")
    look_at(1)
    for minute in range(2, 6):
        store_at(caller, minute, *some(3), {"message": "other"})
    deaths, is_over = 0, False
    while not is_over:
        deaths += 1
        try:
            with dying_at(deaths):
                look_at(6)
            is_over = True
        except Died:
            pass
    assert counted_by(rule) == 12
    assert incidents(rule) == [(3, None, 12)]
    assert len(told()) == 1


def test_search_of_before_a_restore_begins_anew(caller: Caller) -> None:
    make_rule(caller, kind="search", query="money")
    look_at(1)
    Cursor.objects.update(seen="999999999999:999999999999:")
    store_at(caller, 2, *some(9))
    look_at(3)
    store_at(caller, 4, *some(2))
    look_at(5)
    assert [one.entries for one in Minute.objects.all()] == [2]


def test_search_that_is_too_slow_three_times_is_paused_and_says_so(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = make_rule(caller, kind="search", query="*a*b*c*d* OR money")
    quick = make_rule(caller, rule_name="Quick")
    look_at(1)
    store_at(caller, 2, *[{"level": "error", "message": "abcd " * 900}] * 900)
    monkeypatch.setattr(searching, "SECONDS_A_RULE", 0.0001)
    for minutes in (3, 3.2, 3.4):
        assert not Rule.objects.get(pk=slow.pk).paused_at
        look_at(minutes)
    slow.refresh_from_db()
    assert slow.paused_at
    assert slow.paused_reason == searching.TOO_SLOW
    assert incidents(quick) == [(2, None, 900)]
    monkeypatch.undo()
    look_at(3.6)
    changing.change(Rule.objects.get(pk=slow.pk), changed={"is_active"})
    look_at(4)
    store_at(caller, 4, {"message": "money"})
    look_at(5)
    assert sum(one.entries for one in Minute.objects.all()) == 1


def test_turns_of_groups_are_told_once_wherever_the_evaluator_ends(caller: Caller) -> None:
    for kind in ("new_group", "regression", "woken"):
        make_rule(caller, rule_name=kind, kind=kind, severity=10, count_threshold=1)
    make_rule(caller, rule_name="other", kind="new_group", error_type="Order*")
    make_rule(caller, rule_name="other project", kind="new_group", project="elsewhere")
    make_rule(caller, rule_name="environment", kind="new_group", environment="eu")
    Turn.objects.update(alerted_at=None)
    store_at(caller, 10, failure("PaymentError", "no money", environment="eu"), failure("PayError"))
    assert Turn.objects.filter(alerted_at=None).count() == 2
    deaths, is_over = 0, False
    while not is_over:
        deaths += 1
        try:
            with dying_at(deaths):
                look_at(11)
            is_over = True
        except Died:
            pass
    titles = [title for kind, title in told()]
    assert len(titles) == 3
    for rule in Rule.objects.filter(kind="new_group"):  # a preview is what has fired, where its kind is of turns too
        assert preview.would_have_fired(rule, now=at(59)).count == Incident.objects.filter(rule=rule).count()
    assert sorted(Incident.objects.values_list("rule__rule_name", flat=True)) == [
        "environment",
        "new_group",
        "new_group",
    ]
    assert "New error #1: PaymentError: no money" in titles or "New error #2: PaymentError: no money" in titles
    group = Group.objects.get(type="PayError")
    deciding.resolve(caller.organisation_id, group.number, by=Decider())
    Group.objects.filter(pk=group.pk).update(state_at=at(-60))
    store_at(caller, 12, failure("PayError"))
    look_at(13)
    look_at(13.5)
    assert [kind for kind, _ in told()][3:] == ["alert.regression"]


def test_no_absence_is_told_of_what_we_did_not_hear(caller: Caller) -> None:
    """Neither after a start, nor while the spool waits, nor while or just after nobody took entries."""
    rule = make_rule(caller, kind="absence", time_window_minutes=10, since=0)
    for minute in (-9, 8, 15):
        store_at(caller, minute, *some(1))
    Seen.objects.create(rule_id=rule.pk, value="", last_minute=at(-9))
    look_until(20, since=1.5, every=0.9)  # the first look is a start: what came before was not heard
    assert incidents(rule) == []
    doors.forget()
    looking.look(clock=lambda: at(21))  # web is down
    rule.refresh_from_db()
    assert rule.state == "unknown"
    look_until(30, since=22, every=0.9)  # it is up, and the window is not over
    assert incidents(rule) == []
    look_at(34)  # a gap: nobody looked for four minutes
    spool_at(caller, 35, *some(1))
    look_until(47, since=34.9, every=0.95)
    rule.refresh_from_db()
    assert (rule.state, incidents(rule)) == ("unknown", [])
    drain()
    look_until(49, since=47, every=0.9)
    assert [(opened, closed) for opened, closed, _ in incidents(rule)] == [(45, None)]
    store_at(caller, 49, *some(1))
    look_at(49.7)
    assert [(opened, closed) for opened, closed, _ in incidents(rule)] == [(45, 49)]
    assert [kind for kind, _ in told()] == ["alert.opened", "alert.closed"]


def test_monitor_misses_its_heartbeat(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeats, "COUNT_EVERY_SECONDS", DEADLINE_SECONDS)
    rule = make_rule(caller, kind="monitor", time_window_minutes=5)
    look_at(0.5)
    look_until(8, since=1, every=0.9)
    rule.refresh_from_db()
    assert (rule.state, incidents(rule)) == ("waiting", [])
    assert heartbeats.receive(heartbeats.token_of(rule))
    assert heartbeats.receive(heartbeats.token_of(rule))  # a second one right after it is not written
    assert not heartbeats.receive(f"{rule.pk}-{'0' * 32}")
    Minute.objects.update(minute=at(8))
    assert [one.entries for one in Minute.objects.all()] == [1]
    look_until(20, since=8.5, every=0.9)
    assert [(opened, closed) for opened, closed, _ in incidents(rule)] == [(13, None)]
    changing.beat(rule.pk)
    Minute.objects.exclude(minute=at(8)).update(minute=at(20))
    look_at(20.5)
    assert [(opened, closed) for opened, closed, _ in incidents(rule)] == [(13, 20)]


def test_project_that_always_sent_and_stops_is_missed_by_itself(caller: Caller) -> None:
    for project, hours in (("steady", range(1, 170)), ("seldom", range(1, 170, 2))):
        for hour in hours:
            row = [caller.organisation_id, at(-60 * hour), project]
            execute("INSERT INTO storage_minute VALUES (%s, %s, %s, 'eu', 20, 1)", row)
    for days in (0, 1):
        execute(
            "INSERT INTO storage_rollup_day (organisation_id, day) VALUES (%s, current_date - %s)",
            [caller.organisation_id, days],
        )
    look_at(-15)
    rule = Rule.objects.get(is_built_in=True)
    Rule.objects.update(settled_until=at(-62))
    execute("UPDATE alerts_round SET deaf_until = %s", [at(-65)])
    look_at(-14.1)
    execute("UPDATE alerts_round SET built_in_at = NULL")
    look_until(2, since=-13.2, every=0.9)
    assert list(Seen.objects.filter(rule_id=rule.pk, is_steady=True).values_list("value", flat=True)) == ["steady"]
    assert [(one.value, one.opened_at, one.closed_at) for one in Incident.objects.all()] == [("steady", at(0), None)]
    assert [title for _, title in told()] == ["A project has stopped sending · steady: nothing for 60 min"]


def test_silence_keeps_messages_in_the_log_and_what_is_open_is_told_at_its_end(caller: Caller) -> None:
    channel = make_channel(caller)
    rule = make_rule(caller, group_by="environment", channels=[str(channel.pk)])
    changing.silence(
        Silence(organisation_id=caller.organisation_id, environment="eu", until=at(20), reason="known"), by=Actor()
    )
    for minute in range(10, 25):
        store_at(caller, minute, *some(9, environment="eu"), *some(9, environment="us"))
    look_until(19, since=10, every=3)
    ended = dict(NoticeDelivery.objects.values_list("message__key", "ended"))
    eu, us = (Incident.objects.get(rule=rule, value=value) for value in ("eu", "us"))
    assert ended == {f"incident-{eu.pk}-opened": "silenced", f"incident-{us.pk}-opened": ""}
    look_at(21)
    assert MessageRecord.objects.filter(key=f"incident-{eu.pk}-unsilenced").exists()
    look_until(50, since=24, every=3)
    assert MessageRecord.objects.filter(key=f"incident-{eu.pk}-closed").exists()
    assert MessageRecord.objects.count() == 5


def test_what_comes_and_goes_is_told_as_flapping_and_when_it_is_quiet(caller: Caller) -> None:
    make_rule(caller, time_window_minutes=1, keep_firing_minutes=1, since=-60)
    for minute in range(-50, -10, 5):
        store_at(caller, minute, *some(9))
    look_until(60, since=-49, every=2.5)
    kinds = [kind for kind, _ in told()]
    assert kinds == ["alert.opened", "alert.closed"] * 3 + ["alert.flapping", "alert.quiet"]
    assert Incident.objects.count() == 8


def test_changed_rule_looks_at_what_comes_from_then_on(caller: Caller) -> None:
    rule = make_rule(caller)
    store_at(caller, 10, *some(9))
    look_at(11)
    rule.refresh_from_db()
    assert rule.state == "firing"
    rule.count_threshold = 6
    changing.change(rule, changed={"count_threshold"})
    assert Incident.objects.get().ended_by == "rule_changed"
    rule.is_active = False
    changing.change(rule, changed={"is_active"})
    store_at(caller, 12, *some(9))
    look_at(13)
    assert Incident.objects.count() == 1
    assert len(told()) == 1
    changing.delete(rule)
    assert not Incident.objects.exists()


def test_ignored_groups_and_other_levels_do_not_count(caller: Caller) -> None:
    every = make_rule(caller, rule_name="all", error_type="Pay*", count_threshold=2)
    fatal = make_rule(caller, rule_name="fatal", severity=50, count_threshold=1)
    by_group = make_rule(caller, rule_name="group", group_by="group", count_threshold=2)
    store_at(caller, 10, failure("PayError"), failure("PayError"), failure("Other"), *some(3, level="info"))
    look_at(11)
    assert (incidents(every), incidents(fatal)) == ([(10, None, 2)], [])
    number = Group.objects.get(type="PayError").number
    assert [(one.value, one.peak) for one in Incident.objects.filter(rule=by_group)] == [(str(number), 2)]
    deciding.mute(caller.organisation_id, number, by=Decider())
    store_at(caller, 30, failure("PayError"), failure("PayError"))
    look_until(40, since=12, every=2)
    assert len(incidents(every)) == 1


def test_erasing_takes_values_out_of_rules_and_incidents(caller: Caller) -> None:
    rule = make_rule(caller, kind="search", query="user:ann@example.com")
    by_project = make_rule(caller, rule_name="x", group_by="project")
    store_at(caller, 10, *some(9, project_id="ann@example.com"))
    look_at(11)
    wanted = Wanted(caller.organisation_id, ("ann@example.com",))
    assert (forgetting.count_searches(wanted), forgetting.count_values(wanted)) == (1, 1)
    assert (forgetting.erase_searches(wanted), forgetting.erase_values(wanted)) == (1, 1)
    rule.refresh_from_db()
    assert (rule.query, bool(rule.paused_at)) == ("user:[erased]", True)
    assert "ann" not in Incident.objects.get(rule=by_project).value
    assert (forgetting.count_searches(wanted), forgetting.count_values(wanted)) == (0, 0)


def test_old_rows_go_and_an_organisation_s(caller: Caller) -> None:
    rule = make_rule(caller, kind="search", query="money")
    for days, entries in ((40, 1), (1, 2)):
        Minute.objects.create(rule_id=rule.pk, minute=at(0) - timedelta(days=days), value="", entries=entries)
    Minute.objects.create(rule_id=rule.pk + 1_000, minute=at(0), value="", entries=3)
    row: dict[str, Any] = {"organisation_id": caller.organisation_id, "rule": rule, "last_over_at": BASE}
    for days in (500, 1):
        made = Incident.objects.create(**row, opened_at=BASE - timedelta(days=days), closed_at=BASE)
        Incident.objects.filter(pk=made.pk).update(created_at=BASE - timedelta(days=days))
    forgetting.sweep()
    assert [one.entries for one in Minute.objects.all()] == [2]
    assert Incident.objects.count() == 1
    forgetting.forget_organisation(caller.organisation_id)
    left = fetch_all("SELECT (SELECT count(*) FROM alerts_rule), (SELECT count(*) FROM alerts_minute)")
    assert left == [(0, 0)]


def test_digest_comes_once_at_its_time_and_not_for_nothing(caller: Caller) -> None:
    hour = BASE.replace(minute=0)
    digest = make_rule(caller, rule_name="Hourly", kind="digest", digest_every="hour", severity=10, count_threshold=1)
    silent = make_rule(caller, rule_name="Elsewhere", kind="digest", digest_every="hour", project="elsewhere")
    always = make_rule(
        caller, rule_name="Always", kind="digest", digest_every="hour", project="elsewhere", digest_if_nothing=True
    )
    store_at(caller, 1, failure("PayError"), failure("PayError"), failure("Other"))
    execute("UPDATE issues_turn SET at = %s", [at(1)])
    due = hour + timedelta(hours=1) if at(1) < hour + timedelta(hours=1) else hour + timedelta(hours=2)
    Rule.objects.update(settled_until=due - timedelta(hours=1))
    for moment in (due - timedelta(seconds=1), due, due + timedelta(seconds=9)):
        looking.look(clock=lambda moment=moment: moment)  # type: ignore[misc]
    assert {title for _, title in told()} == {"Hourly: 2 new, 0 came back", "Always: nothing happened"}
    assert len(told()) == 2
    [message] = MessageRecord.objects.filter(key__startswith=f"digest-{digest.pk}-")
    assert "2 × #" in str(message.content["items"])
    assert Rule.objects.get(pk=silent.pk).settled_until == due
    assert always.pk
