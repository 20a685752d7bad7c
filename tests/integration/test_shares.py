"""Shared request limits on real Valkey: the scripts against their definition, and an edge's asking against a core's."""

import random
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.http import HttpRequest
from msgspec import json

from accounts.caller import Caller
from accounts.models import Organisation
from edges import life
from foundation import valkey
from foundation.core_link import CoreLink, LinkError
from foundation.refusals import Refusal
from operations.doctor import edges as doctor
from quotas import shares, throttling
from quotas.buckets import TOKEN, Shared
from quotas.metrics import SHARES_HELD, SHARES_SECONDS
from quotas.throttling import decide, peek, refused_for_sure, settle
from tests.edges import Sender, at_an_edge
from tests.fakes.core import Answer, Core, says
from tests.organisations import make_api_key
from tests.shares import Model, Scripts, World, most_beyond
from tests.waiting import DEADLINE_SECONDS

MakeCaller = Callable[..., Caller]
EDGES = 4


@pytest.fixture
def at(db: None, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Core]:
    """Be an edge of a core: what it said stands, and the link is patient, for as long as a busy machine may take."""
    for name in ("AGAIN_SECONDS", "WORD_SECONDS", "LENT_SECONDS"):
        monkeypatch.setattr(shares, name, 600.0)
    monkeypatch.setattr(throttling, "MAX_AGE_OF_A_REFUSAL_SECONDS", 600.0)
    monkeypatch.setattr(shares._link, "_seconds", DEADLINE_SECONDS)
    with at_an_edge(settings, tmp_path) as server:
        yield server


@pytest.mark.parametrize("seed", range(3))
def test_a_thousand_random_steps_of_the_scripts_come_to_what_the_definition_says(seed: int) -> None:
    dice = random.Random(seed)
    per_minute, capacity, rate = dice.randint(30, 600), dice.randint(5, 300), dice.randint(0, 20) * 1_000
    model = World(Model(per_minute, capacity, EDGES), random.Random(seed), EDGES, rate=rate)
    script = Scripts(per_minute=per_minute, capacity=capacity, name=uuid4().hex)
    world = World(script, random.Random(seed), EDGES, rate=rate)
    for number in range(1_000):
        expected, came = model.step(), world.step()
        assert came == expected, f"step {number}"
    assert world.accepted == model.accepted
    if not rate:
        assert most_beyond([at for at, _ in world.accepted], per_minute=per_minute, capacity=capacity) == 0


@pytest.mark.django_db
def test_what_a_core_lends_it_has_no_more_and_what_comes_back_it_has_again(make_caller: MakeCaller) -> None:
    caller = make_caller(requests_per_minute=1, burst_requests=10)
    sender = Sender(caller)
    asked = {"organisation_id": caller.organisation_id, "wanted": 8 * TOKEN, "needed": 8 * TOKEN}

    answers = [sender.ask_tokens(asked).json()["shares"] for _ in range(2)]  # the first was lost, say
    assert [one["lent"] for [one] in answers] == [8 * TOKEN] * 2
    assert left(caller) == 2
    assert (
        lent(sender.ask_tokens(asked | {"spent": 8 * TOKEN, "wanted": 12 * TOKEN, "needed": 12 * TOKEN})) == 8 * TOKEN
    )
    other = Sender(caller)
    assert lent(other.ask_tokens(asked | {"needed": 0})) in range(TOKEN // 2, TOKEN)  # a part of what is left
    other.ask_tokens(asked | {"lent": TOKEN, "returned": TOKEN, "wanted": 0, "needed": 0})
    assert left(caller) == 2


@pytest.mark.django_db
def test_strangers_and_retiring_edges_are_lent_no_tokens(make_caller: MakeCaller) -> None:
    caller, stranger = make_caller(), make_caller()
    key, _ = make_api_key(Organisation.objects.get(pk=caller.organisation_id), requests_per_minute=5)
    foreign, _ = make_api_key(Organisation.objects.get(pk=stranger.organisation_id), requests_per_minute=5)
    sender = Sender(caller)
    wants = {"wanted": TOKEN, "needed": TOKEN}
    own = {"organisation_id": caller.organisation_id} | wants

    answers = sender.ask_tokens(
        own,
        own | {"api_key_id": key.pk},
        own | {"api_key_id": caller.api_key_id},  # has no limit of its own
        own | {"api_key_id": foreign.pk},
        {"organisation_id": stranger.organisation_id} | wants,
        {"organisation_id": 10**9} | wants,
    ).json()["shares"]
    assert [(one["organisation_id"], one["api_key_id"], one["lent"]) for one in answers] == [
        (caller.organisation_id, 0, TOKEN),
        (caller.organisation_id, key.pk, TOKEN),
        (stranger.organisation_id, 0, 0),
    ]
    assert sender.ask_tokens(own | {"generation": "x"}).status_code == 400
    assert sender.ask_tokens(own | {"spent": -1}).status_code == 400
    life.begin_to_retire(sender.edge.pk)
    assert lent(sender.ask_tokens(own | {"wanted": 5 * TOKEN})) == TOKEN


@pytest.mark.django_db
def test_an_edge_asks_once_for_many_requests_and_tells_what_it_used(at: Core, make_caller: MakeCaller) -> None:
    caller = make_caller(requests_per_minute=60)
    at.answers = [lends(40 * TOKEN)]
    assert [decide(caller, area="ingest").allowed for _ in range(17)] == [True] * 17
    assert len(at.bodies) == 1
    assert decide(caller, area="ingest").remaining == 40 + 20 - 18  # what it holds, and what is left at the core

    with closing(CoreLink()) as link:
        shares.sync(link)
        assert json.decode(at.bodies[-1])["shares"][0]["spent"] == 18 * TOKEN
        use = shares._uses[Shared(caller.organisation_id)]
        use.used_at -= shares.IDLE_SECONDS + 1
        shares.sync(link)
        told = json.decode(at.bodies[-1])["shares"][0]
        assert told["returned"] == told["lent"] - told["spent"] > 0
        use.used_at -= shares.FORGOTTEN_AFTER_SECONDS
        shares.sync(link)
        asked = len(at.bodies)
        shares.sync(link)
    assert len(at.bodies) == asked


@pytest.mark.django_db
def test_who_spends_a_share_at_once_asks_for_twice_as_much(at: Core, make_caller: MakeCaller) -> None:
    caller = make_caller(requests_per_minute=600_000)
    at.answers = [lends_what_is_wanted]
    for _ in range(200):
        assert decide(caller, area="ingest").allowed
    asked = [json.decode(body)["shares"][0] for body in at.bodies]
    ahead = [(one["wanted"] - one["needed"]) // TOKEN for one in asked]
    assert ahead == [16, 32, 64, 128]  # 17 + 33 + 65 + 129 are more than 200


@pytest.mark.django_db
def test_doctor_at_an_edge_tells_of_shares_that_the_core_has_not_lent_anew(at: Core, make_caller: MakeCaller) -> None:
    def said() -> list[tuple[str, str]]:
        return [(one.level, one.what) for one in doctor.of_edge() if one.subject == "shares"]

    assert said() == []
    callers = [make_caller(requests_per_minute=60) for _ in range(2)]
    at.answers = [lends(40 * TOKEN)]
    for caller in callers:
        decide(caller, area="ingest")
    assert said() == [("ok", "2 shares of request limits are lent.")]

    key = shares.key_of(Shared(callers[0].organisation_id))
    valkey.client().hset(key, "until", 1)  # as long after the last word of the core
    [(level, what)] = said()
    assert (level, what.partition(":")[0]) == (
        "warning", "1 of 2 shares of request limits were not lent anew, nor given back"
    )  # fmt: skip
    before = SHARES_SECONDS._value.get()
    with closing(CoreLink()) as link:
        at.answers = [says(503)]
        with pytest.raises(LinkError):
            shares.sync(link)
        assert (SHARES_HELD._value.get(), SHARES_SECONDS._value.get()) == (2, before)
        at.answers = [lends(40 * TOKEN)]
        shares.sync(link)
    assert SHARES_SECONDS._value.get() > before
    assert said() == [("ok", "2 shares of request limits are lent.")]


@pytest.mark.django_db
def test_a_limit_is_reached_when_the_core_says_so_and_not_when_it_is_away(at: Core, make_caller: MakeCaller) -> None:
    caller = make_caller(requests_per_minute=60)
    at.answers = [lends(0)]
    verdict = decide(caller, area="ingest")
    assert (verdict.allowed, verdict.level.scope) == (False, "organisation")
    refused = refused_for_sure(caller, verdict, area="ingest")
    assert refused is not None
    assert refused.code == "rate_limited"
    assert not decide(caller, area="ingest").allowed
    assert len(at.bodies) == 1  # what it said stands for a moment
    assert decide(caller, area="ingest", overflow=True).deferred_ms > 0

    shares.begin_anew()
    at.answers = [says(503)]
    assert refused_for_sure(caller, verdict, area="ingest") is None
    for _ in range(2):
        with pytest.raises(Refusal) as away:
            decide(caller, area="ingest")
        assert away.value.code == "storage_unavailable"
    assert len(at.bodies) == 2


@pytest.mark.django_db
def test_what_is_settled_later_is_the_shares_debt_or_comes_back(at: Core, make_caller: MakeCaller) -> None:
    caller = make_caller(requests_per_minute=60)
    at.answers = [lends(10 * TOKEN)]
    decide(caller, area="ingest")
    request = HttpRequest()
    settle(request, caller, area="ingest", paid=TOKEN, cost=TOKEN // 10)
    settle(request, caller, area="ingest", paid=TOKEN, cost=20 * TOKEN)
    with closing(CoreLink()) as link:
        shares.sync(link)
    [told] = json.decode(at.bodies[-1])["shares"]
    assert told["spent"] == TOKEN // 10 + 19 * TOKEN
    assert not decide(caller, area="ingest").allowed


def lends_what_is_wanted(body: bytes) -> tuple[int, Any]:
    """Lend each share all that it wants."""
    told = json.decode(body)["shares"]
    names = ("organisation_id", "api_key_id", "generation")
    return 200, {"shares": [{name: one[name] for name in names} | {"lent": one["wanted"], "left": 0} for one in told]}


def lends(amount: int) -> Answer:
    """Lend so much in all of each bucket, of which 20 tokens are left."""

    def answer(body: bytes) -> tuple[int, Any]:
        told = json.decode(body)["shares"]
        names = ("organisation_id", "api_key_id", "generation")
        return 200, {
            "shares": [{name: one[name] for name in names} | {"lent": amount, "left": 20 * TOKEN} for one in told]
        }

    return answer


def lent(answer: Any) -> int:
    [one] = answer.json()["shares"]
    return int(one["lent"])


def left(caller: Caller) -> int:
    verdict = peek(caller, area="ingest")
    assert verdict
    return verdict.remaining
