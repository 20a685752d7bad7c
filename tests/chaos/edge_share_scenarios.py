"""A limit on requests that core and edge share holds while they are connected; in a cut its bound does."""

import json
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

import requests

from tests.chaos.edge_stack import LINE
from tests.chaos.proxy import Mode
from tests.chaos.stack import Stack
from tests.chaos.trial import FIRE_SECONDS, Trial, scenario
from tests.waiting import wait_until

A_MINUTE, BURST = 600, 20
#: Each of two clients asks for more than all may have together.
PAUSE_SECONDS, PATIENCE_SECONDS = 0.06, 60
CONNECTED_SECONDS, HEALED_SECONDS = 12.0, 6.0
#: Longer than a share is lent: from then on the edge goes on by itself.
CUT_SECONDS = 25.0
BODY = {"logs": [{"timestamp": "2026-01-26T14:30:00Z", "level": "info", "message": "of paced"}]}
MAKE_PLAN = f"""
INSERT INTO quotas_plan (name, slug, requests_per_minute, burst_requests, monthly_bytes, retention_days)
VALUES ('Paced', 'paced', {A_MINUTE}, {BURST}, 1000000000000, 30)
"""


@dataclass(frozen=True, slots=True)
class Taken:
    """A request that was answered 200: its token was taken at some moment between these two."""

    sent_at: float
    answered_at: float


class Pacer(threading.Thread):
    """Sends to one address, faster than the limit allows, and remembers what was taken."""

    def __init__(self, stack: Stack, api_key: str) -> None:
        super().__init__(name="pacer")
        self.taken: list[Taken] = []
        self.refused = self.unheard = 0
        self._url, self._headers = f"{stack.direct_url}/v1/logs", {"x-api-key": api_key}
        self._session, self._is_over = requests.Session(), threading.Event()

    def __enter__(self) -> "Pacer":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self.join()

    def run(self) -> None:
        while not self._is_over.wait(PAUSE_SECONDS):
            self.post()

    def post(self) -> int:
        """Send an entry; return the status of the answer, 0 without one."""
        sent_at = time.monotonic()
        try:
            answer = self._session.post(self._url, json=BODY, headers=self._headers, timeout=PATIENCE_SECONDS)
        except requests.RequestException:
            self.unheard += 1
            return 0
        if answer.ok:
            self.taken.append(Taken(sent_at, time.monotonic()))
        self.refused += not answer.ok
        return answer.status_code


@dataclass(frozen=True, kw_only=True)
class Bound:
    """What may be taken: by the limit; by an edge that is cut off, at its rate; by processes that limit by themselves,
    because Valkey did not answer in time, as on a busy machine."""

    cut_at: float = 0.0
    a_second: float = 0.0
    fallbacks: float = 0.0

    def most(self, *, begin: float, end: float) -> float:
        """Return how many requests of a stretch of time may be taken."""
        cut_off = max(0.0, end - self.cut_at) * self.a_second
        return BURST + A_MINUTE / 60 * (end - begin) + cut_off + self.fallbacks


@scenario(f"{LINE} cut", "taken by the edge while it was cut off", needs_edge=True)
def edge_shares_hold(trial: Trial) -> None:
    """Core and edge are sent more than one limit allows, connected and cut off: the limit holds, and the bound."""
    core, edge, link = trial.stack, trial.edge, trial.edge.links[LINE]
    organisation_id, api_key = _make_paced(core)
    pacers = [Pacer(stack, api_key) for stack in (core, edge)]
    wait_until(lambda: pacers[1].post() == 200, what="a mirror with the new key", seconds=FIRE_SECONDS)
    before = _fallbacks(trial.stacks)
    with pacers[0], pacers[1]:
        time.sleep(CONNECTED_SECONDS)
        cut_at = time.monotonic()
        link.become(Mode.CUT)
        time.sleep(CUT_SECONDS)
        rate, healed_at = _rate_of_share(edge, organisation_id), time.monotonic()
        link.become(Mode.PASS)
        time.sleep(HEALED_SECONDS)
    trial.note(f"{LINE} cut", link.fired.pop("cut"))
    alone = sum(cut_at <= one.sent_at and one.answered_at <= healed_at for one in pacers[1].taken)
    trial.note("taken by the edge while it was cut off", alone)
    fallbacks = _fallbacks(trial.stacks) - before
    taken = [one for pacer in pacers for one in pacer.taken]
    _hold_against(taken, Bound(cut_at=cut_at, a_second=rate, fallbacks=fallbacks))
    _forget(core, len(taken), unheard=sum(pacer.unheard for pacer in pacers))


def _hold_against(taken: Sequence[Taken], bound: Bound) -> None:
    connected = [one for one in taken if one.answered_at < bound.cut_at]
    above, above_in_all = beyond(connected, Bound(fallbacks=bound.fallbacks)), beyond(taken, bound)
    print(
        f"  of {A_MINUTE} requests a minute, {BURST} at once: {len(connected)} taken while connected,"
        f" {above:+.1f} beside the limit; {len(taken)} in all, {above_in_all:+.1f} beside the bound of a cut of"
        f" {CUT_SECONDS:g} s with {bound.a_second:.1f} a second; {bound.fallbacks:.0f} were limited without Valkey"
    )
    assert len(connected) > BURST, "nothing was limited"
    assert above <= 0, "more was accepted than capacity + rate * time, although all were connected"
    assert above_in_all <= 0, "more was accepted than the bound of an edge that is cut off"


def beyond(taken: Sequence[Taken], bound: Bound) -> float:
    """Return by how many requests a stretch of time had more than it may, the worst of all; less than 0: it had fewer.

    A request counts where it lay wholly in the stretch: its token was taken in there, whenever that was.
    """
    ends = sorted(taken, key=lambda one: one.answered_at)
    worst = -float(BURST)
    for first in taken:
        within = (one for one in ends if one.sent_at >= first.sent_at)
        for number, last in enumerate(within, 1):
            worst = max(worst, number - bound.most(begin=first.sent_at, end=last.answered_at))
    return worst


def _make_paced(core: Stack) -> tuple[int, str]:
    core.query(MAKE_PLAN)
    core.manage("create_org", "paced", "--plan", "paced", "--project", "shop")
    made = json.loads(core.manage("create_key", "paced", "shop", "--name", "chaos", "--environment", "test", "--json"))
    [(organisation_id,)] = core.query("SELECT id FROM accounts_organisation WHERE slug = 'paced'")
    return organisation_id, made["api_key"]


def _rate_of_share(edge: Stack, organisation_id: int) -> float:
    """Return at how many requests a second an edge goes on by itself (`quotas/bucket.lua`)."""
    client = edge.valkey_client()
    rates = [client.hget(key, "rate") or 0 for key in client.scan_iter(match=f"*share:{{{organisation_id}}}")]
    client.close()
    return max(map(int, rates), default=0) / 60_000  # thousandths a minute


def _fallbacks(stacks: Sequence[Stack]) -> float:
    """Return how many requests processes have limited by themselves."""
    return sum(one.metric("luminalog_limiter_fallbacks_total") for one in stacks)


def _forget(core: Stack, taken: int, *, unheard: int) -> None:
    """Wait until all that was answered is stored, once; then take it out of the run's sums."""

    def stored() -> int:
        return sum(1 for _ in core.entries.beginning_with("of paced"))

    wait_until(lambda: stored() >= taken, what=core.tail_of_logs, seconds=FIRE_SECONDS)
    assert taken <= stored() <= taken + unheard, f"{taken} were answered, {unheard} were not, {stored()} are stored"
    core.manage("erase", "--organisation=paced", "message:paced", "--yes")
    assert not stored()
