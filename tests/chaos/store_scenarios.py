"""What is broken where entries are in ClickHouse, which shares no transaction with PostgreSQL."""

import random
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import requests

from tests.chaos.entries import CLICKHOUSE
from tests.chaos.invariants import EARLIEST, LATEST
from tests.chaos.proxy import Cut, Mode
from tests.chaos.scenarios import MODES, WEB_FAILURES, WEB_POINTS
from tests.chaos.stack import Stack
from tests.chaos.tenants import Tenant
from tests.chaos.trial import FIRE_SECONDS, Trial, scenario
from tests.waiting import wait_until, wait_until_none

#: Where a claim is on its way into a store that does not join the transaction.
STORE_POINTS = ("before_store_write", "after_store_write", "after_verify", "before_drain_commit")
DRAIN_POINTS = (*STORE_POINTS, "after_delete", "after_drain_commit")
VICTIMS = ("clickhouse", "worker", "postgres")
#: For so long a worker stays at a point while somebody else is killed.
HALTED_SECONDS = 2
READS = (200, 503)


@scenario(*(f"{point}=kill" for point in (*WEB_POINTS, *DRAIN_POINTS)), final=True, store=CLICKHOUSE)
def relay_points_kill(trial: Trial) -> None:
    """The web server is killed at each point of a request, and the worker at each point of a claim's way."""
    web, worker = (",".join(f"{point}=kill:n1" for point in points) for points in (WEB_POINTS, DRAIN_POINTS))
    trial.run_armed(web=web, worker=worker)


RELAY_FAILURES = (
    "before_store_write=bug", "after_store_write=bug", "after_store_write=stop", "after_verify=raise",
    "after_delete=raise", "before_drain_commit=bug", "before_drain_commit=stop", "after_drain_commit=raise",
)  # fmt: skip


@scenario(*WEB_FAILURES, *RELAY_FAILURES, final=True, store=CLICKHOUSE)
def relay_points_fail(trial: Trial) -> None:
    """Outages and bugs at the points of a request and of a claim's way, and workers halted for three seconds."""
    web = ",".join(f"{rule}:n2" for rule in WEB_FAILURES)
    worker = ",".join(f"{rule.replace('stop', 'stop:3')}:p0.5:n1" for rule in RELAY_FAILURES)
    trial.run_armed(web=web, worker=worker)


@scenario(*(f"kill {victim} at {point}" for victim in ("clickhouse", "postgres") for point in STORE_POINTS),
          store=CLICKHOUSE)  # fmt: skip
def servers_die_at_points(trial: Trial) -> None:
    """ClickHouse, then PostgreSQL, is killed while a worker is halted at each point of a claim's way."""
    trials = [(victim, point) for victim in ("clickhouse", "postgres") for point in STORE_POINTS]
    for victim, point in trial.rng.sample(trials, len(trials)):
        earlier = trial.stack.firings().count(f"{point}=stop")
        trial.stack.arm(worker=f"{point}=stop:{HALTED_SECONDS}:n{earlier + 1}")
        wait_until(
            lambda point=point, earlier=earlier: trial.stack.firings().count(f"{point}=stop") > earlier,  # type: ignore[misc]
            what=trial.stack.tail_of_logs,
            seconds=FIRE_SECONDS,
        )
        trial.stack.signal(victim, signal.SIGKILL)
        trial.note(f"kill {victim} at {point}")
        trial.stack.wait_until_ready()
    trial.stack.disarm()


@scenario(*(f"kill {victim} in an insert" for victim in VICTIMS), store=CLICKHOUSE)
def processes_die_in_an_insert(trial: Trial) -> None:
    """ClickHouse, the worker and PostgreSQL are killed with half of an INSERT sent; the rest comes too late or not."""
    link = trial.stack.links["worker-clickhouse"]
    for victim in trial.rng.sample(VICTIMS, len(VICTIMS)) * 2:
        link.fired.pop("held", None)
        link.hold_inserts()
        wait_until(lambda: link.fired["held"], what=trial.stack.tail_of_logs, seconds=FIRE_SECONDS)
        trial.stack.signal(victim, signal.SIGKILL)
        trial.note(f"kill {victim} in an insert")
        trial.run_on(0.2, 1.0)
        link.let_go()
        trial.stack.wait_until_ready()
        trial.run_on(0.5, 1.0)


INSERT_CUTS = (Cut.MID_INSERT, Cut.AFTER_INSERT)


@scenario(*(f"worker-clickhouse {cut.name.lower()}" for cut in INSERT_CUTS), store=CLICKHOUSE)
def inserts_are_cut(trial: Trial) -> None:
    """The link to ClickHouse is cut in the middle of an INSERT, and before its answer is heard, again and again."""
    link = trial.stack.links["worker-clickhouse"]
    for cut in INSERT_CUTS:
        name = cut.name.lower()
        link.plan(cut, times=4)
        wait_until(lambda name=name: link.fired[name] >= 4, what=link.fired.__repr__, seconds=FIRE_SECONDS)  # type: ignore[misc]
        link.unplan()
        trial.note(f"worker-clickhouse {name}", link.fired.pop(name))


@scenario("kill clickhouse", "halt clickhouse", store=CLICKHOUSE)
def clickhouse_dies_and_halts(trial: Trial) -> None:
    """ClickHouse is killed, and stopped in its tracks for six seconds; who reads then is answered, or told to wait."""
    with _reading(trial):
        for _ in range(2):
            trial.run_on()
            trial.stack.signal("clickhouse", signal.SIGKILL)
            trial.note("kill clickhouse")
            trial.stack.wait_until_ready()
        trial.run_on()
        with trial.stack.halted("clickhouse"):
            trial.note("halt clickhouse")
            time.sleep(6)
        trial.run_on()


@scenario(
    *(f"{side}-clickhouse {mode.name.lower()}" for side in ("web", "worker") for mode, *_ in MODES), store=CLICKHOUSE
)
def links_to_clickhouse_break(trial: Trial) -> None:
    """The links to ClickHouse are cut, slow, narrow, and swallow everything, for seconds each."""
    with _reading(trial):
        for side in trial.rng.sample(("web", "worker"), 2):
            link = trial.stack.links[f"{side}-clickhouse"]
            for mode, amount, seconds in trial.rng.sample(MODES, len(MODES)):
                link.become(mode, amount)
                time.sleep(seconds)
                wait_until(partial(_has_fired, link.fired, mode), what=link.fired.__repr__, seconds=FIRE_SECONDS)
                link.become(Mode.PASS)
                trial.note(f"{link.name} {mode.name.lower()}", link.fired.pop(mode.name.lower(), 0))
                trial.run_on(0.2, 0.5)


#: Where whoever moves a day is on its way.
MOVE_POINTS = ("after_moved_write", "before_day_let_go", "before_move_commit")
IN_POSTGRESQL = {"STORE_URL": "", "STORE_READ_URL": ""}
IN_BOTH = {"STORE_MOVES_FROM": "postgresql:"}


@scenario(*(f"kill {victim} at {point}" for victim in ("mover", "clickhouse") for point in MOVE_POINTS),
          store=CLICKHOUSE)  # fmt: skip
def entries_move(trial: Trial) -> None:
    """Entries of PostgreSQL move while more come; who moves, and ClickHouse, are killed at each point of the way."""
    stack = trial.stack
    stack.manage("partitions", "--make", **IN_POSTGRESQL)
    _leave_clickhouse(trial)
    wait_until(lambda: stack.query("SELECT count(*) > 500 FROM storage_entry") == [(True,)], what=stack.tail_of_logs)
    _store_in(trial, IN_BOTH)
    brought, *between, let_go = MOVE_POINTS
    later = [("mover", let_go), *((victim, point) for victim in ("mover", "clickhouse") for point in between)]
    with _reading(trial):  # who is killed before it has noted what it brought, brings it again; who commits has ended
        _kill_while_moving(trial, "mover", brought)
        _kill_while_moving(trial, "clickhouse", brought)
        for victim, point in trial.rng.sample(later, len(later)):
            _kill_while_moving(trial, victim, point)
        _kill_while_moving(trial, "clickhouse", let_go)
        assert "All is moved" in stack.manage("move_store", **IN_BOTH)
    assert stack.query("SELECT count(*) FROM storage_entry") == [(0,)]
    _store_in(trial, {})


def _store_in(trial: Trial, environ: dict[str, str]) -> None:
    """Have entries be stored elsewhere from now on; readers come first."""
    for name in ("web", "tail", "worker", "beat"):
        trial.stack.restart(name, **environ)
    trial.stack.wait_until_ready()


def _leave_clickhouse(trial: Trial) -> None:
    """Store in PostgreSQL from now on, as long as nothing comes and all of what came is where it was to be.

    Nobody goes this way but us: a claim that is half driven would be stored in both.
    """
    link = trial.stack.links["client-web"]
    link.become(Mode.CUT)
    wait_until_none(trial.stack.spooled, what=trial.stack.tail_of_logs)
    wait_until(lambda: trial.stack.query("SELECT count(*) FROM ingest_drainclaim") == [(0,)])
    _store_in(trial, IN_POSTGRESQL)
    link.become(Mode.PASS)


def _kill_while_moving(trial: Trial, victim: str, point: str) -> None:
    """Kill who moves at a point, or ClickHouse while it is halted there: it goes on, and dies before its commit.

    Only the last point is of one that commits.
    """
    stack, firing = trial.stack, f"{point}={'kill' if victim == 'mover' else 'stop'}"
    earlier = stack.firings().count(firing)
    plan = firing if victim == "mover" else f"{firing}:{HALTED_SECONDS}:n{earlier + 1}"
    if point != MOVE_POINTS[-1]:
        plan += f",{MOVE_POINTS[-1]}=kill"
    mover = stack.begin("move_store", **IN_BOTH, LUMINALOG_FAULTS=plan, LUMINALOG_FAULTS_RECORD=f"{stack.fault_record}")
    wait_until(
        lambda: stack.firings().count(firing) > earlier or mover.poll() is not None,
        what=stack.tail_of_logs,
        seconds=FIRE_SECONDS,
    )
    if stack.firings().count(firing) > earlier and victim == "clickhouse":
        stack.signal("clickhouse", signal.SIGKILL)
    mover.wait(FIRE_SECONDS)
    assert stack.firings().count(firing) > earlier, f"nobody came to {point}"
    trial.note(f"kill {victim} at {point}")
    stack.wait_until_ready()


def _has_fired(fired: dict[str, int], mode: Mode) -> bool:
    return fired[mode.name.lower()] > 0


@contextmanager
def _reading(trial: Trial) -> Iterator[None]:
    """Have one organisation read while things break: what it is answered is its own, or a refusal that says why."""
    ends, wrong = threading.Event(), list[str]()
    tenants = [client.tenant for client in trial.crowd.clients]
    reader = threading.Thread(target=_read, args=(trial.stack, tenants, random.Random(trial.rng.random()), ends, wrong))
    reader.start()
    try:
        yield
    finally:
        ends.set()
        reader.join()
    assert not wrong, wrong[:5]


def _read(stack: Stack, tenants: list[Tenant], rng: random.Random, ends: threading.Event, wrong: list[str]) -> None:
    while not ends.wait(0.2):
        tenant = rng.choice(tenants)
        answer = requests.get(
            f"{stack.direct_url}/v1/logs",
            params={"query": f't:"{tenant.marker}"', "from": EARLIEST, "to": LATEST},
            headers={"x-api-key": tenant.api_key},
            timeout=60,
        )
        if answer.status_code not in READS:
            wrong.append(f"{answer.status_code} {answer.text[:200]}")
        elif answer.status_code == 200 and not all(
            one["metadata"]["t"] == tenant.marker for one in answer.json()["logs"]
        ):
            wrong.append(f"{tenant.slug} reads a stranger's entries")
