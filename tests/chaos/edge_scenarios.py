"""A core and an edge: the line between them is broken, and the processes of both are."""

import signal
import time
from functools import partial

from tests.chaos.edge_stack import LINE
from tests.chaos.proxy import Cut, Link, Mode
from tests.chaos.trial import FIRE_SECONDS, Trial, scenario
from tests.waiting import wait_until

MODES = ((Mode.CUT, 0.0, 4.0), (Mode.DELAY, 0.15, 3.0), (Mode.THROTTLE, 50_000.0, 3.0), (Mode.BLACK_HOLE, 0.0, 4.0))
LOST_ANSWERS = 12


@scenario(*(f"{LINE} {mode.name.lower()}" for mode, *_ in MODES), f"{LINE} {Cut.ANSWER.name.lower()}", needs_edge=True)
def edge_line_breaks(trial: Trial) -> None:
    """The line to the core is cut, slow, narrow, swallows everything for seconds each; answers are lost on it."""
    link = trial.edge.links[LINE]
    for mode, amount, seconds in trial.rng.sample(MODES, len(MODES)):
        link.become(mode, amount)
        time.sleep(seconds)
        _wait_for(link, mode.name.lower())
        link.become(Mode.PASS)
        trial.note(f"{LINE} {mode.name.lower()}", link.fired.pop(mode.name.lower(), 0))
        trial.run_on(0.5, 1)
    lost = Cut.ANSWER.name.lower()
    link.plan(Cut.ANSWER, times=LOST_ANSWERS)
    _wait_for(link, lost, times=LOST_ANSWERS)
    link.unplan()
    trial.note(f"{LINE} {lost}", link.fired.pop(lost))
    trial.run_on()


CORE_POINTS = ("after_edge_rows", "before_edge_commit", "after_edge_commit")
EDGE_POINTS = ("before_forgetting", "after_forgetting")


@scenario(*(f"{point}=kill" for point in (*CORE_POINTS, *EDGE_POINTS)), needs_edge=True)
def edge_points_kill(trial: Trial) -> None:
    """The core is killed before and after it commits what comes, the edge's link before and after it forgets."""
    core, edge = (",".join(f"{point}=kill:n1" for point in points) for points in (CORE_POINTS, EDGE_POINTS))
    trial.stack.arm(web=core)
    trial.edge.arm(link=edge)
    trial.wait_for_firings(f"{core},{edge}")
    trial.stack.disarm()
    trial.edge.disarm()


KILLED = (
    *(("edge", name) for name in ("web", "worker", "link", "valkey", "postgres")),
    *(("core", name) for name in ("web", "worker", "valkey", "postgres")),
)
HALTED = (("edge", "link"), ("core", "web"))


@scenario(
    *(f"kill {name} of the {side}" for side, name in KILLED),
    *(f"halt {name} of the {side}" for side, name in HALTED),
    needs_edge=True,
)
def edge_processes_die(trial: Trial) -> None:
    """Each process of edge and core is killed; the edge's link, and the core's web server, stand still for seconds."""
    stacks = {"core": trial.stack, "edge": trial.edge}
    for side, name in trial.rng.sample(KILLED, len(KILLED)):
        trial.run_on()
        stacks[side].signal(name, signal.SIGKILL)
        trial.note(f"kill {name} of the {side}")
    for stack in stacks.values():
        stack.wait_until_ready()
    for side, name in HALTED:
        trial.run_on()
        with stacks[side].halted(name):
            trial.note(f"halt {name} of the {side}")
            time.sleep(4)
    trial.run_on()


def _wait_for(link: Link, what: str, *, times: int = 1) -> None:
    wait_until(partial(_has_fired, link, what, times), what=link.fired.__repr__, seconds=FIRE_SECONDS)


def _has_fired(link: Link, what: str, times: int) -> bool:
    return link.fired[what] >= times
