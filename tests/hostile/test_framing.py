"""One request is never read as two: framing that lies, is said twice, or that two parsers could read in two ways."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.hostile.attacks import ATTACKS, Attack
from tests.hostile.site import DOCUMENTED, Exchange, Site
from tests.waiting import wait_until

Outcomes = dict[Attack, Exchange]
MARKS = {attack: f"attack-{number}." for number, attack in enumerate(ATTACKS)}


@pytest.fixture(scope="module")
def outcomes(site: Site, kept: Callable[[], list[bytes]]) -> Outcomes:
    """Make every attack once, each on a connection of its own."""
    with ThreadPoolExecutor(16) as threads:
        made = threads.map(lambda attack: site.exchange(attack.build(site, MARKS[attack])), ATTACKS)
        return dict(zip(ATTACKS, made, strict=True))


def test_every_answer_is_a_documented_one(outcomes):
    strange = {str(attack): one.statuses for attack, one in outcomes.items() if not set(one.statuses) <= DOCUMENTED}
    assert strange == {}


def test_the_hidden_request_is_not_seen(site, outcomes):
    """Behind nginx it is enough that both hops read the same: it takes a bare line feed for a line's end."""
    seen = "\n".join(site.seen())
    smuggled = [str(attack) for attack, mark in MARKS.items() if f"{mark}-smuggled" in seen and not attack.holds_two]
    assert smuggled == [] if site.nginx is None else ["chunks: line feeds only"]


def test_both_hops_count_the_same_requests(site, outcomes):
    def differing():
        passed_on = site.nginx.passed_on() if site.nginx else site.seen()
        by_nginx = Counter(line.removesuffix(" HTTP/1.1").removesuffix(" HTTP/1.0") for line in passed_on)
        by_app = Counter(site.seen())
        return {mark: (by_nginx[mark], by_app[mark]) for mark in by_nginx | by_app if by_nginx[mark] != by_app[mark]}

    wait_until(lambda: not differing(), what=differing)  # each writes its line when it has time
    assert sum("attack-" in line for line in site.seen()) > 10


def test_kept_is_what_was_answered_200_and_nothing_else(outcomes, kept):
    expected: Counter[str] = Counter()
    for attack, exchange in outcomes.items():
        if not attack.holds_two:
            expected[f"sent by {MARKS[attack]}"] += 200 in exchange.statuses[:1]
        expected[f"smuggled by {MARKS[attack]}"] += 200 in exchange.statuses[1:]
    found = Counter(line.split(b'"message":"')[1].split(b'"')[0].decode() for line in kept())
    assert {message: n for message, n in found.items() if "attack-" in message} == +expected


def test_what_holds_two_is_answered_twice(outcomes):
    assert [str(attack) for attack, one in outcomes.items() if attack.holds_two and len(one.answers) != 2] == []
