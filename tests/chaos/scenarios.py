"""What is broken, when and how. Each scenario names the faults that it must bring about, or it proves nothing.

Those of a store that is a server of its own are in `store_scenarios`.
"""

import contextlib
import json
import os
import signal
import time
from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from functools import partial

import psycopg
import requests

from storage.postgres.partitions import table_name
from storage.store import DAYS_AHEAD
from tests.chaos import clocks, disks
from tests.chaos.entries import POSTGRESQL
from tests.chaos.proxy import Cut, Link, Mode
from tests.chaos.stack import Stack
from tests.chaos.trial import FIRE_SECONDS, Trial, scenario
from tests.waiting import wait_until

UNNUDGED_SECONDS = 4  # the drain runs every second without a nudge
OLD_DAY = date(2020, 1, 1)  # no plan keeps it


@scenario(final=True)
def calm(trial: Trial) -> None:
    """Nothing is broken."""
    trial.run_on(2, 3)


WEB_POINTS = ("after_authentication", "after_spool_row", "before_commit", "after_commit", "before_answer")
DRAIN_POINTS = ("after_delete", "in_copy", "before_drain_commit", "after_drain_commit")


@scenario(*(f"{point}=kill" for point in (*WEB_POINTS, *DRAIN_POINTS)), smoke=True, final=True, store=POSTGRESQL)
def points_kill(trial: Trial) -> None:
    """The web server is killed at each point of a request, and the worker at each point of the drain."""
    web, worker = (",".join(f"{point}=kill:n1" for point in points) for points in (WEB_POINTS, DRAIN_POINTS))
    trial.run_armed(web=web, worker=worker)


WEB_FAILURES = ("after_authentication=raise", "after_spool_row=raise", "before_commit=raise", "before_answer=bug")
DRAIN_FAILURES = (
    "after_delete=raise", "in_copy=raise", "in_copy=bug", "before_drain_commit=bug", "before_drain_commit=stop",
    "after_drain_commit=raise",
)  # fmt: skip


@scenario(*WEB_FAILURES, *DRAIN_FAILURES, final=True, store=POSTGRESQL)
def points_fail(trial: Trial) -> None:
    """Outages and bugs at the points of a request and of the drain, and a drain halted for three seconds."""
    web = ",".join(f"{rule}:n2" for rule in WEB_FAILURES)
    worker = ",".join(f"{rule.replace('stop', 'stop:3')}:p0.3:n1" for rule in DRAIN_FAILURES)
    trial.run_armed(web=web, worker=worker)


UPKEEP_KILLS = ("between_create_and_attach", "between_detach_and_drop")


@scenario(*(f"{point}=kill" for point in UPKEEP_KILLS), final=True, store=POSTGRESQL)
def upkeep_dies_at_points(trial: Trial) -> None:
    """The worker is killed with a partition half made, and with one half dropped; the next upkeep finishes both."""
    stack, day = trial.stack, timedelta(days=1)
    future, old = table_name(_today(stack) + DAYS_AHEAD * day), table_name(OLD_DAY)
    stack.query(f"DROP TABLE {future}")
    bounds = f"FROM ('{OLD_DAY}') TO ('{OLD_DAY + day}')"
    stack.query(f"CREATE TABLE {old} PARTITION OF storage_entry FOR VALUES {bounds}")
    for task, point in zip(("storage.partitions", "storage.retention"), UPKEEP_KILLS, strict=True):
        plan = f"{point}=kill:n1"
        stack.arm(worker=plan)
        stack.call(task)
        trial.wait_for_firings(plan)
        stack.disarm()
        stack.call(task)
    wait_until(lambda: _is_partition(stack, future) and not _exists(stack, old), what=stack.tail_of_logs, seconds=20)


ERASING_KILLS = ("after_erasing", "before_erasing_commit")
PERSON, ERASED_BATCHES = "u-7f3a9c41", 40
GROUPS_OF_FORGOTTEN = """
SELECT count(*) FROM issues_group JOIN accounts_organisation AS owner ON owner.id = organisation_id
 WHERE slug = 'forgotten'
"""


@scenario(*(f"{point}=kill" for point in ERASING_KILLS), final=True)
def erasing_dies_at_points(trial: Trial) -> None:
    """The worker is killed while it erases, before and after that is accounted for; the next goes on, all adds up.

    Then everything of that organisation goes.
    """
    stack = trial.stack
    stack.manage("create_org", "forgotten", "--plan", "scale", "--project", "shop")
    made = stack.manage("create_key", "forgotten", "shop", "--name", "chaos", "--environment", "test", "--json")
    entries = [
        {"timestamp": "2026-01-26T14:30:00Z", "level": "error", "message": "of forgotten", "metadata": {"userId": user}}
        for user in (PERSON, "somebody", PERSON)
    ]
    body, headers = json.dumps({"logs": entries}), {"Content-Type": "application/json"}
    headers["x-api-key"] = json.loads(made)["api_key"]
    for _ in range(ERASED_BATCHES):
        assert requests.post(f"{stack.direct_url}/v1/logs", data=body, headers=headers, timeout=20).ok
    wait_until(lambda: len(_of_forgotten(stack)) == 3 * ERASED_BATCHES, what=stack.tail_of_logs, seconds=FIRE_SECONDS)
    plan = ",".join(f"{point}=kill:n1" for point in ERASING_KILLS)
    stack.arm(worker=plan)
    stack.manage("erase", "--organisation=forgotten", f"userId:{PERSON}", "--yes", "--no-wait")
    trial.wait_for_firings(plan)
    stack.disarm()
    erasures = "SELECT status, entries FROM operations_erasure WHERE status = 'done'"
    wait_until(lambda: stack.query(erasures), what=stack.tail_of_logs, seconds=FIRE_SECONDS)
    assert stack.query(erasures) == [("done", 2 * ERASED_BATCHES)], "an entry was erased twice, or not"
    assert set(_of_forgotten(stack)) == {"somebody"}, "what was to be erased is there"
    stack.manage("suspend_org", "forgotten", "--reason=gone")
    stack.manage("erase", "--organisation=forgotten", "--all", "--yes", "--no-wait")
    wait_until(lambda: len(stack.query(erasures)) == 2, what=stack.tail_of_logs, seconds=FIRE_SECONDS)
    assert not _of_forgotten(stack)
    assert stack.query(GROUPS_OF_FORGOTTEN) == [(0,)], "error groups outlive their organisation"


def _of_forgotten(stack: Stack) -> list[str]:
    return [row["metadata"]["userId"] for row in stack.entries.beginning_with("of forgotten")]


ALERTING_KILLS = ("after_incident", "before_alerts_commit")
EVENTS, EVENTS_AT_ONCE = 10_000, 1_000
MAKE_RULE = """
from accounts.models import Organisation
from alerts.changing import Actor, create
from alerts.models import Rule
owner = Organisation.objects.get(slug="alarmed").pk
create(Rule(organisation_id=owner, rule_name="All fails", count_threshold=100, time_window_minutes=120,
            group_by="environment"), by=Actor())
"""
INCIDENTS = """
SELECT value, told, (SELECT count(*) FROM notify_message WHERE starts_with(key, 'incident-' || incident.id || '-'))
  FROM alerts_incident AS incident JOIN accounts_organisation AS owner ON owner.id = organisation_id
 WHERE slug = 'alarmed' ORDER BY value
"""


@scenario(*(f"{point}=kill" for point in ALERTING_KILLS), final=True)
def alerting_dies_at_points(trial: Trial) -> None:
    """The worker is killed with incidents half told, and two look at once: one incident and one message of each."""
    stack = trial.stack
    stack.manage("create_org", "alarmed", "--plan", "scale", "--project", "shop")
    made = stack.manage("create_key", "alarmed", "shop", "--name", "chaos", "--environment", "test", "--json")
    headers = {"Content-Type": "application/json", "x-api-key": json.loads(made)["api_key"]}
    for number in range(EVENTS // EVENTS_AT_ONCE):
        entry = {"timestamp": "2026-01-26T14:30:00Z", "level": "error", "message": "of alarmed"}
        body = json.dumps({"logs": [entry | {"environment": ("eu", "us")[number % 2]}] * EVENTS_AT_ONCE})
        answer = requests.post(f"{stack.direct_url}/v1/logs", data=body, headers=headers, timeout=20)
        assert answer.ok, answer.text
    wait_until(lambda: _of_alarmed(stack) == EVENTS, what=stack.tail_of_logs, seconds=FIRE_SECONDS)
    plan = ",".join(f"{point}=kill:n1" for point in ALERTING_KILLS)
    stack.arm(worker=plan)
    stack.manage("shell", "-v", "0", "-c", MAKE_RULE)
    trial.wait_for_firings(plan)
    stack.disarm()
    for _ in range(2):
        stack.call("alerts.evaluate")
    once = [("eu", "told", 1), ("us", "told", 1)]
    wait_until(lambda: stack.query(INCIDENTS), what=stack.tail_of_logs, seconds=FIRE_SECONDS)
    trial.run_on()
    assert stack.query(INCIDENTS) == once, f"incidents, and how often they were told: {stack.query(INCIDENTS)}"
    stack.manage("erase", "--organisation=alarmed", "message:alarmed", "--yes")
    assert not _of_alarmed(stack)


def _of_alarmed(stack: Stack) -> int:
    return sum(1 for _ in stack.entries.beginning_with("of alarmed"))


KILLED = ("web", "worker", "beat", "valkey", "postgres")


@scenario(*(f"kill {name}" for name in KILLED), "kill a backend", smoke=True)
def processes_die(trial: Trial) -> None:
    """Each process is killed: web, worker, beat, Valkey, PostgreSQL's postmaster, one of its backends."""
    for name in trial.rng.sample(KILLED, len(KILLED)):
        trial.run_on()
        trial.stack.signal(name, signal.SIGKILL)
        trial.note(f"kill {name}")
    trial.stack.wait_until_ready()
    trial.run_on()
    _kill_backend(trial)
    trial.run_on()


#: A hanging PostgreSQL is given up after 2.5 s, and asked once more for 2 s. Nine clients share eight threads, so that
#: one may wait for another's end first; a busy machine adds some.
@scenario(*(f"halt {name}" for name in KILLED), slowest_seconds=11)
def processes_halt(trial: Trial) -> None:
    """Each process is stopped in its tracks, its connections open: PostgreSQL for longer than a request may take."""
    for name in trial.rng.sample(KILLED, len(KILLED)):
        trial.run_on(0.3, 0.6)
        with trial.stack.halted(name):
            trial.note(f"halt {name}")
            time.sleep(9 if name == "postgres" else 3)
    trial.run_on()


CUTS = (
    ("web-postgres", Cut.AFTER_COMMIT),
    ("web-postgres", Cut.BEFORE_COMMIT),
    ("worker-postgres", Cut.AFTER_COMMIT),
    ("worker-postgres", Cut.BEFORE_COMMIT),
    ("client-web", Cut.ANSWER),
)


@scenario(*(f"{link} {cut.name.lower()}" for link, cut in CUTS), smoke=True, final=True)
def commits_are_cut(trial: Trial) -> None:
    """Connections are cut just before a COMMIT arrives, just after it, and before a client hears its 200."""
    for name, cut in CUTS:
        link = trial.stack.links[name]
        link.plan(cut, times=6)
        wait_until(partial(_has_fired, [link], cut, times=6), what=link.fired.__repr__, seconds=FIRE_SECONDS)
        link.unplan()
        trial.note(f"{name} {cut.name.lower()}", link.fired.pop(cut.name.lower()))


BROKEN = (("client-web",), ("web-postgres", "worker-valkey"), ("worker-postgres", "web-valkey"))
MODES = ((Mode.CUT, 0.0, 1.0), (Mode.DELAY, 0.2, 1.5), (Mode.THROTTLE, 50_000.0, 1.5), (Mode.BLACK_HOLE, 0.0, 3.5))


@scenario(*(f"{link} {mode.name.lower()}" for links in BROKEN for link in links for mode, *_ in MODES))
def links_break(trial: Trial) -> None:
    """Each link is cut, slow, narrow, and swallows everything, for seconds each."""
    for names in BROKEN:
        for mode, amount, seconds in trial.rng.sample(MODES, len(MODES)):
            links = [trial.stack.links[name] for name in names]
            for link in links:
                link.become(mode, amount)
            time.sleep(seconds)
            wait_until(partial(_has_fired, links, mode), seconds=FIRE_SECONDS)
            for link in links:
                link.become(Mode.PASS)
                trial.note(f"{link.name} {mode.name.lower()}", link.fired.pop(mode.name.lower(), 0))
            trial.run_on(0.2, 0.5)


@scenario("FLUSHALL", "SCRIPT FLUSH", smoke=True, final=True)
def valkey_forgets(trial: Trial) -> None:
    """Valkey loses every key, queue and script, again and again; the drain goes on within seconds."""
    client = trial.stack.valkey_client()
    for _ in range(3):
        trial.run_on(0.4, 0.8)
        client.flushall()
        trial.note("FLUSHALL")
        trial.run_on(0.2, 0.4)
        client.script_flush()
        trial.note("SCRIPT FLUSH")
    client.close()
    wait_until(lambda: _oldest_batch_seconds(trial.stack) < 5, what=trial.stack.tail_of_logs, seconds=10)


@scenario("web-valkey cut", final=True)
def nudges_are_lost(trial: Trial) -> None:
    """The web server cannot reach the broker: nobody nudges, and the drain that runs without a nudge keeps up."""
    link = trial.stack.links["web-valkey"]
    link.become(Mode.CUT)
    trial.note("web-valkey cut")
    time.sleep(2 * UNNUDGED_SECONDS)
    waited = []
    for _ in range(4):  # a drain may be about to end
        waited.append(_oldest_batch_seconds(trial.stack))
        time.sleep(0.5)
    link.become(Mode.PASS)
    assert min(waited) < UNNUDGED_SECONDS, f"the oldest batch has waited for {min(waited):.1f} s"


#: Two requests a second, and a burst of four: its clients send more, however busy the machine.
SCARCE = """
WITH scarce AS (
    INSERT INTO quotas_plan (name, slug, requests_per_minute, burst_requests, monthly_bytes, retention_days)
    VALUES ('Scarce', 'scarce', 120, 4, 1000000000000, 30) RETURNING id
)
UPDATE quotas_quota AS quota SET plan_id = scarce.id, requests_per_minute = NULL
  FROM scarce, accounts_organisation AS organisation
 WHERE organisation.id = organisation_id AND organisation.slug = 'broad'
"""
AMPLE = """
UPDATE quotas_quota SET requests_per_minute = 1000000 WHERE plan_id = (SELECT id FROM quotas_plan WHERE slug = 'scarce')
"""
KEEP_OVERFLOW = """
UPDATE accounts_apikey SET keeps_overflow = true
 WHERE kind = 'secret' AND organisation_id = (SELECT id FROM accounts_organisation WHERE slug = 'broad')
"""
DEFERRED_A_KILL = 10
STORED_EARLY = """
SELECT batch_id FROM storage_receipt
  JOIN unnest(%s::bigint[], %s::timestamptz[]) AS seen(batch_id, until) USING (batch_id)
 WHERE stored_at < until
"""


@scenario("deferred batches", "kill web", "kill worker")
def limits_are_overrun(trial: Trial) -> None:
    """A key with the overflow lane sends more than it may, web and worker die: nothing is lost, or stored early."""
    stack, seen = trial.stack, dict[int, datetime]()
    stack.query(SCARCE)
    stack.query(KEEP_OVERFLOW)
    for name in ("web", "worker"):
        enough = partial(_have_seen, stack, seen, len(seen) + DEFERRED_A_KILL)
        wait_until(enough, what=stack.tail_of_logs, seconds=FIRE_SECONDS)
        stack.signal(name, signal.SIGKILL)
        trial.note(f"kill {name}")
        trial.run_on()
    stack.query(AMPLE)
    wait_until(lambda: not _see_deferred(stack, seen), what=stack.tail_of_logs, seconds=FIRE_SECONDS)
    trial.note("deferred batches", len(seen))
    early = stack.query(STORED_EARLY, list(seen), list(seen.values()))
    assert not early, f"{len(early)} of {len(seen)} deferred batches were stored before their time"


def _see_deferred(stack: Stack, seen: dict[int, datetime]) -> bool:
    """Note what is deferred now; tell whether anything is."""
    waiting = dict(stack.query("SELECT batch_id, deferred_until FROM ingest_spooledbatch WHERE deferred_until > now()"))
    seen |= waiting
    return bool(waiting)


def _have_seen(stack: Stack, seen: dict[int, datetime], number: int) -> bool:
    _see_deferred(stack, seen)
    return len(seen) >= number


ENTRY = "ALTER TABLE storage_entry"
REFUSE = """
CREATE FUNCTION chaos_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'invalid page in block 7' USING ERRCODE = 'XX001'; END $$;
CREATE TRIGGER chaos_refuse BEFORE INSERT ON storage_entry FOR EACH ROW EXECUTE FUNCTION chaos_refuse()
"""
#: What breaks the log store, and what mends it. `{day}` is today's partition, of which no entry may be lost.
STORE_FAULTS = {
    "schema ahead": (f"{ENTRY} RENAME COLUMN span_id TO gone", f"{ENTRY} RENAME COLUMN gone TO span_id"),
    "schema behind": (
        "ALTER TABLE quotas_hourlyusage RENAME COLUMN bytes TO gone",
        "ALTER TABLE quotas_hourlyusage RENAME COLUMN gone TO bytes",
    ),
    "corrupt page": (REFUSE, "DROP FUNCTION chaos_refuse() CASCADE"),
    "missing partition": (
        f"{ENTRY} DETACH PARTITION {{day}}; ALTER TABLE {{day}} RENAME TO chaos_day;"
        " CREATE VIEW {day} AS SELECT 1 AS nothing",
        f"DROP VIEW {{day}}; ALTER TABLE chaos_day RENAME TO {{day}};"
        f" {ENTRY} ATTACH PARTITION {{day}} FOR VALUES FROM ('{{first}}') TO ('{{next}}')",
    ),
}
#: Where a store cannot be tried, a claim's batches fail together, and then alone, before it is said to take nothing;
#: each time nothing of them must be on its way any more, which takes 45 s.
TOLD_SECONDS = 2 * 45 + FIRE_SECONDS
#: Longer than it took to bury a batch when a fault of the store was taken for its own: 1 + 2 + 4 + 8 + 16 s.
STANDSTILL_SECONDS = 35


def _store_fault(name: str, seconds: float) -> Callable[[Trial], None]:
    """Return an act that breaks the log store, sees that it is told and that nothing is buried, and mends it."""

    def act(trial: Trial) -> None:
        stack, today = trial.stack, _today(trial.stack)
        names = {"day": table_name(today), "first": f"{today}", "next": f"{today + timedelta(days=1)}"}
        breaks, mends = (statement.format(**names) for statement in STORE_FAULTS[name])
        trial.run_on()
        stack.query(breaks)
        try:
            wait_until(lambda: "storing" in stack.failed_checks(), what=stack.tail_of_logs, seconds=TOLD_SECONDS)
            trial.note(name)
            time.sleep(seconds)
            assert stack.query("SELECT count(*) FROM ingest_deadletter") == [(0,)], "batches were buried"
        finally:
            stack.query(mends)
        stack.wait_until_ready()

    return act


@scenario("schema ahead", final=True, store=POSTGRESQL)
def schema_is_ahead(trial: Trial) -> None:
    """A column of the log store has another name than the workers know: everything waits, nothing is buried."""
    _store_fault("schema ahead", STANDSTILL_SECONDS)(trial)


@scenario("schema behind", final=True)
def schema_is_behind(trial: Trial) -> None:
    """The table of usage lacks a column that the workers write: everything waits, nothing is buried."""
    _store_fault("schema behind", 5)(trial)


@scenario("corrupt page", final=True, store=POSTGRESQL)
def page_is_corrupt(trial: Trial) -> None:
    """Every write of an entry fails as on a corrupt page: everything waits, nothing is buried."""
    _store_fault("corrupt page", 5)(trial)


@scenario("missing partition", final=True, store=POSTGRESQL)
def partition_is_missing(trial: Trial) -> None:
    """Today's partition is gone and cannot be made: everything waits, nothing is buried."""
    _store_fault("missing partition", 5)(trial)


@scenario("ids given out again", final=True)
def ids_are_reused(trial: Trial) -> None:
    """Ids of batches begin anew, as after a restore: those in use are stored by others, without anybody's help."""
    trial.run_on()
    trial.stack.query("SELECT setval('ingest_batch_id', 1, false)")
    trial.stack.restart("web")  # what it has of its block is forgotten
    log = trial.stack.logs / "worker.log"
    wait_until(lambda: "IntegrityError 23505" in log.read_text(errors="replace"), seconds=FIRE_SECONDS)
    trial.note("ids given out again")
    trial.stack.wait_until_ready()
    trial.run_on()


@scenario("beat's clock set back", final=True, skip=clocks.why_not)
def clock_of_beat_is_set_back(trial: Trial) -> None:
    """Beat's clock runs an hour ahead and is set back: what it sends goes on within seconds."""
    stack, setting = trial.stack, trial.stack.folder / "clock_of_beat"
    clocks.set_to(setting, "+1h")
    stack.restart("beat", **clocks.environment_from(setting))
    try:
        wait_until(partial(_has_a_wrong_clock, stack, "beat"), seconds=FIRE_SECONDS)
        _wait_for_beat(stack)
        clocks.set_to(setting, "+0")
        trial.note("beat's clock set back")
        _wait_for_beat(stack)
    finally:
        stack.restart("beat")


@scenario("PostgreSQL's clock -1h", "PostgreSQL's clock set right", skip=clocks.why_not)
def clock_of_postgresql_is_set(trial: Trial) -> None:
    """PostgreSQL's clock is an hour slow, then right again: what it has dated refuses nobody as too old."""
    trial.run_on()
    trial.stack.restart("postgres", **clocks.environment("-1h"))
    trial.note("PostgreSQL's clock -1h")
    trial.stack.wait_until_ready()
    trial.run_on(3, 4)
    with trial.stack.halted("worker"):  # batches of that clock wait
        trial.run_on()
        trial.stack.restart("postgres")
        trial.note("PostgreSQL's clock set right")
        wait_until(lambda: "postgresql" not in trial.stack.failed_checks(), seconds=FIRE_SECONDS)
        trial.run_on(6, 7)  # a look at the spool, at least
        assert "spool_age" not in trial.stack.failed_checks(), "batches are taken for an hour old"
    trial.stack.wait_until_ready()


def _wait_for_beat(stack: Stack) -> None:
    """Wait until a task that only beat sends has run."""
    client = stack.valkey_client()
    client.delete("ll:beat")
    wait_until(lambda: client.exists("ll:beat"), what=stack.tail_of_logs, seconds=FIRE_SECONDS)
    client.close()


CLOCKS = (("web", "+1h"), ("web", "-1h"), ("worker", "+1h"), ("worker", "-1h"), ("valkey", "+1h"), ("valkey", "-1h"))


@scenario(*(f"{name}'s clock {offset}" for name, offset in CLOCKS), final=True, skip=clocks.why_not)
def clocks_are_wrong(trial: Trial) -> None:
    """The clocks of web, worker and Valkey are an hour fast, then an hour slow."""
    for offset in ("+1h", "-1h"):
        for name in ("web", "worker", "valkey"):
            trial.stack.restart(name, **clocks.environment(offset))
            wait_until(partial(_has_a_wrong_clock, trial.stack, name), seconds=FIRE_SECONDS)
            trial.note(f"{name}'s clock {offset}")
        trial.stack.wait_until_ready()
        trial.run_on(1.5, 2.5)
    for name in ("web", "worker", "valkey"):
        trial.stack.restart(name)
    trial.stack.wait_until_ready()


@scenario("no space for data", needs_disks=True, final=True, skip=disks.why_not)
def data_disk_is_full(trial: Trial) -> None:
    """The disk of PostgreSQL's data is filled to the last byte for six seconds."""
    trial.run_on()
    trial.stack.disks["data"].fill()
    trial.note("no space for data")
    trial.run_on(6, 7)
    trial.stack.disks["data"].free()


@scenario("no space for the log", "PostgreSQL panicked", needs_disks=True, skip=disks.why_not)
def log_disk_is_full(trial: Trial) -> None:
    """The disk of the write-ahead log is full until PostgreSQL dies of it, and cannot start for a while."""
    trial.run_on()
    trial.stack.disks["wal"].fill()
    trial.note("no space for the log")
    wait_until(lambda: _has_panicked(trial.stack), what=trial.stack.tail_of_logs, seconds=FIRE_SECONDS)
    trial.note("PostgreSQL panicked")
    trial.run_on(3, 4)
    trial.stack.disks["wal"].free()


def _has_fired(links: Iterable[Link], what: Cut | Mode, *, times: int = 1) -> bool:
    return all(link.fired[what.name.lower()] >= times for link in links)


def _has_a_wrong_clock(stack: Stack, name: str) -> bool:
    return clocks.is_wrong(stack.pid(name))


def _kill_backend(trial: Trial) -> None:
    """Kill one session of the web server's, as soon as it has one that stays."""
    sessions = wait_until(lambda: list(_sessions(trial.stack)), what=trial.stack.tail_of_logs, seconds=FIRE_SECONDS)
    pid = trial.rng.choice(sessions)
    assert pid in trial.stack.processes("postgres")
    os.kill(pid, signal.SIGKILL)
    trial.note("kill a backend")


def _sessions(stack: Stack) -> list[int]:
    """Return the web server's sessions but for those that look at the spool for a moment only."""
    rows = stack.query(
        "SELECT pid FROM pg_stat_activity WHERE application_name = 'web' AND backend_type = 'client backend'"
        " AND backend_start < now() - interval '0.5 seconds'"
    )
    return [pid for (pid,) in rows]


def _has_panicked(stack: Stack) -> bool:
    """Ask for segment after segment of the log until there is no space for one."""
    with contextlib.suppress(psycopg.Error):
        stack.query("SELECT pg_switch_wal()")
    return "PANIC" in (stack.logs / "postgres.log").read_text(errors="replace")


def _oldest_batch_seconds(stack: Stack) -> float:
    age = "coalesce(extract(epoch FROM now() - min(received_at)), 0)::float"
    [(seconds,)] = stack.query(f"SELECT {age} FROM ingest_spooledbatch")
    return float(seconds)


def _today(stack: Stack) -> date:
    [(today,)] = stack.query("SELECT (now() AT TIME ZONE 'UTC')::date")
    return today  # type: ignore[no-any-return]


def _exists(stack: Stack, table: str) -> bool:
    return stack.query("SELECT to_regclass(%s) IS NOT NULL", table) == [(True,)]


def _is_partition(stack: Stack, table: str) -> bool:
    return stack.query("SELECT 1 FROM pg_class WHERE relname = %s AND relispartition", table) == [(1,)]
