"""How many tails may be open at once."""

import pytest

from explore.tail import places
from explore.tail.listener import Listener
from explore.tail.places import STREAMS_A_PROCESS, STREAMS_AN_ORGANISATION, STREAMS_AN_OWNER, Places
from foundation.refusals import Refusal


def tail(owner: str = "key 1", organisation_id: int = 1) -> Listener:
    return Listener(owner=owner, organisation_id=organisation_id, query="")


def code_of(taken: Places, listener: Listener) -> str | None:
    try:
        taken.take(listener)
    except Refusal as refusal:
        return refusal.code
    return None


def test_a_key_has_its_places_and_gets_back_what_it_leaves() -> None:
    taken, listeners = Places(), [tail() for _ in range(STREAMS_AN_OWNER)]
    assert {code_of(taken, one) for one in listeners} == {None}
    assert code_of(taken, tail()) == "too_many_streams"
    assert code_of(taken, tail("key 2")) is None
    taken.leave(listeners[0])
    assert code_of(taken, tail()) is None


def test_keys_of_an_organisation_share_its_places_and_keep_out_neither_staff_nor_strangers() -> None:
    taken = Places()
    for number in range(STREAMS_AN_ORGANISATION):
        taken.take(tail(f"key {number}"))
    assert code_of(taken, tail("key 1000")) == "too_many_streams"
    assert code_of(taken, tail("user 1")) is None
    assert code_of(taken, tail("key 2000", organisation_id=2)) is None


def test_one_organisation_cannot_fill_a_process() -> None:
    assert STREAMS_AN_ORGANISATION * 2 <= STREAMS_A_PROCESS


def test_full_process_refuses_everybody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "STREAMS_A_PROCESS", 2)
    taken = Places()
    taken.take(tail())
    taken.take(tail(organisation_id=2))
    assert code_of(taken, tail(organisation_id=3)) == "overloaded"
