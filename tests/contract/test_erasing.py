"""Entries are found, erased and rewritten where they lie, in one organisation and on one day, and nowhere else."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import transaction
from msgspec import Raw

from explore.query import parse
from storage.batch import entry_id
from storage.conditions import EVERYTHING, Mentions
from storage.store import Place, Store
from tests.contract.batches import NOW, arrival_of, batch_of

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "reads"])

YESTERDAY = NOW - timedelta(days=1)
DAY = NOW.date()
#: Their ids are more than ClickHouse takes as one value.
MANY = 12_000


def test_what_is_erased_or_rewritten_is_that_and_nothing_else(store: Store, organisation_id: int) -> None:
    mine = batch_of({"metadata": {"userId": 7}}, {"message": "stays"}, organisation_id=organisation_id)
    old = batch_of({"metadata": {"userId": 7}}, organisation_id=organisation_id, received_at=YESTERDAY)
    theirs = batch_of({"metadata": {"userId": 7}}, organisation_id=organisation_id + 500)
    with transaction.atomic():
        store.writer.write([mine, old, theirs])
    query, eraser = parse("userId:7 OR message:nothing"), store.eraser

    assert eraser.holding(organisation_id, query, day=DAY) == [Place(mine.batch_id, NOW)]
    assert eraser.holding(organisation_id, EVERYTHING, day=DAY - timedelta(days=1)) == [Place(old.batch_id, YESTERDAY)]
    places = [Place(one.batch_id, one.received_at) for one in (mine, old, theirs)]
    with transaction.atomic():
        found = list(eraser.found_in(organisation_id, places, query))
        assert {entry.id for entry in found} == {entry_id(mine.batch_id, 0), entry_id(old.batch_id, 0)}
        strange = (entry_id(theirs.batch_id, 0), NOW)
        assert eraser.erase(organisation_id, [(entry_id(mine.batch_id, 0), NOW), strange]) == {
            entry_id(mine.batch_id, 0)
        }
        [other] = eraser.found_in(organisation_id, [Place(old.batch_id, YESTERDAY)], EVERYTHING)
        new = replace(other, message="new", metadata=Raw(b'{"a":1}'), environment="lab", size_bytes=5)
        if eraser.can_rewrite:
            assert eraser.rewrite(organisation_id, [new, replace(new, id=strange[0])]) == {other.id}
    assert [entry.message for entry in store.reader.batch(arrival_of(mine))] == ["stays"]
    [changed] = store.reader.batch(arrival_of(old))
    assert changed == (new if eraser.can_rewrite else other)
    [kept] = store.reader.batch(arrival_of(theirs))
    assert (kept.message, bytes(kept.metadata or b"")) == ("hello", b'{"userId":7}')


def test_however_many_entries_are_erased_and_batches_kept_at_once(store: Store, organisation_id: int) -> None:
    many = [batch_of(*[{}] * 1000, organisation_id=organisation_id) for _ in range(MANY // 1000)]
    kept = batch_of({"message": "stays"}, organisation_id=organisation_id)
    ids = {entry_id(batch.batch_id, index) for batch in many for index in range(1000)}
    with transaction.atomic():
        store.writer.write([*many, kept])
    with transaction.atomic():
        assert store.eraser.erase(organisation_id, [(one, NOW) for one in sorted(ids)]) == ids
    but = range(kept.batch_id, kept.batch_id + MANY)
    with transaction.atomic():
        assert store.writer.delete(organisation_id, before=NOW + timedelta(hours=1), limit=MANY, but=but) == 0
    assert [entry.message for batch in [*many, kept] for entry in store.reader.batch(arrival_of(batch))] == ["stays"]


def test_text_is_mentioned_in_names_too(store: Store, organisation_id: int) -> None:
    texts = ["bob@example.com", 'say "hi"', "Grün\n"]
    entries = [
        member
        for text in texts
        for member in ({"message": f"x {text}"}, {"metadata": {text.upper(): 1}}, {"error": {"context": {"a": [text]}}})
    ]
    batch = batch_of(*entries, {"message": "bob"}, organisation_id=organisation_id)
    with transaction.atomic():
        store.writer.write([batch])
    place = Place(batch.batch_id, NOW)
    with transaction.atomic():
        for number, text in enumerate(texts):
            found = {one.id for one in store.eraser.found_in(organisation_id, [place], Mentions(text))}
            assert found == {entry_id(batch.batch_id, 3 * number + n) for n in range(3)}, text
