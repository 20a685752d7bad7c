"""Fields as a sample shows them, and when they have drifted: held to a model that keeps all that was ever seen."""

from collections import Counter
from datetime import UTC, date, datetime
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.batch import Batch, entry_id
from storage.fields.contract import DAY, MOST_FIELDS, MOST_TEMPLATES, Contract, Drift
from storage.fields.sampling import ONE_IN, Sample, samples_of, template_of

START = 20_000 * DAY
SECONDS = DAY // 40
#: A run of samples: how many, of which of two messages, and with which type if they have the field at all.
RUNS = st.lists(
    st.tuples(
        st.sampled_from([1, 2, 3, 5, 6, 60, 99, 100, 120, 199, 200, 210, 300]),
        st.sampled_from([1, 2]),
        st.sampled_from(["t", "n", "n", "o", "0", ""]),
    ),
    min_size=1,
    max_size=12,
)


def batch(entries: list[dict[str, Any]], *, batch_id: int = 7, project: str = "shop") -> Batch:
    lines = [
        msgspec.json.encode({"timestamp": "2026-01-26T14:30:00Z", "level": "info", "message": "paid 17"} | one)
        for one in entries
    ]
    return Batch(
        batch_id=batch_id, organisation_id=1, api_key_id=1, project=project, environment="eu",
        received_at=datetime(2026, 1, 26, 14, 30, tzinfo=UTC), period=date(2026, 1, 1),
        lines=lines, indexes=range(len(lines)),
    )  # fmt: skip


def sample(number: int, types: dict[str, str], *, template: int = 1) -> Sample:
    return Sample("shop", "eu", number, START + number * SECONDS, template, types)


def test_one_in_64_is_looked_at_and_only_names_and_types_are_kept() -> None:
    entry = {
        "metadata": {"a": "x", "n": 12, "f": -1.5, "b": True, "c": None, "l": [1], "long" * 60: 1,
                     "nul\0": 1, "o": {"in": "secret", "deep": {"er": 1}}},
    }  # fmt: skip
    found = samples_of([batch([entry] * 640, batch_id=number, project="p") for number in range(1, 65)])[1]
    assert len(found) == 512  # of 640
    assert {one.entry_id // 1024 for one in samples_of([batch([entry] * ONE_IN)])[1]} == {7}
    assert found[0].types == {
        "a": "t", "n": "n", "f": "n", "b": "b", "c": "0", "l": "l", "o": "o", "o.in": "t", "o.deep": "o",
    }  # fmt: skip
    assert b"secret" not in msgspec.msgpack.encode(found)
    single = [samples_of([batch([entry], batch_id=number)]) for number in range(1, 64 * 64)]
    assert 40 <= sum(map(bool, single)) <= 90
    one = samples_of([batch([entry] * 70)])[1][0]
    assert (one.project, one.environment, one.at) == ("shop", "eu", 1_769_437_800)
    assert one.entry_id == entry_id(7, one.entry_id % 1024)


def test_what_cannot_be_read_or_is_too_large_is_passed_over() -> None:
    whole = batch([{"metadata": {"a": 1}}] * 64)
    for line in (
        b"",
        b"{",
        b'{"metadata":[1]}',
        b'{"metadata":{"a":{"b":',
        b"\xff",
        b'{"metadata":{"a":"%b"}}' % (b"x" * 2**16),
    ):
        assert samples_of([msgspec.structs.replace(whole, lines=[line] * 64)]) == {}
    wide = samples_of([batch([{"metadata": {f"k{n}": n for n in range(500)}}] * 64)])[1]
    assert {len(one.types) for one in wide} == {200}


def test_messages_that_differ_in_numbers_are_one() -> None:
    assert template_of("order 17 paid in 3ms") == template_of("order 18 paid in 4ms")
    assert template_of("order paid") != template_of("order failed")
    assert 0 <= template_of("x" * 10**6) < 2**31


class Model:
    """The rule of one field, by looking at all that ever came."""

    def __init__(self) -> None:
        self.typed: list[tuple[str, int]] = []
        self.settled: str = ""
        self.settled_from = 0
        self.templates: list[int] = []
        self.counted: list[tuple[int, bool]] = []
        self.run: list[tuple[int, int]] = []
        self.is_missing = False
        self.first_day: int | None = None

    def see(self, one: Sample) -> list[tuple[str, str, str, int]]:
        kind = one.types.get("f")
        return self._present(kind, one) if kind else self._absent(one)

    def _present(self, kind: str, one: Sample) -> list[tuple[str, str, str, int]]:
        self.first_day = one.at if self.first_day is None else self.first_day
        self.counted += [(one.at // DAY, False)] * len(self.run) + [(one.at // DAY, True)]
        self.run, self.is_missing = [], False
        if one.template not in self.templates:
            self.templates.append(one.template)
        if kind == "0":
            return []
        self.typed.append((kind, one.entry_id))
        if not self.settled:
            last = [kind for kind, _ in self.typed[-100:]]
            if len(last) == 100 and len(set(last)) == 1:
                self.settled, self.settled_from = last[0], len(self.typed)
            return []
        window = self.typed[max(self.settled_from, len(self.typed) - 100) :]
        like = [entry for other, entry in window if other == kind]
        if kind == self.settled or len(like) <= 5:
            return []
        was, self.settled = self.settled, ""
        return [("type", was, kind, like[0])]

    def _absent(self, one: Sample) -> list[tuple[str, str, str, int]]:
        if one.template not in self.templates:
            return []
        self.run.append((one.entry_id, one.at))
        if self.is_missing or len(self.run) < 200:
            return []
        days = sorted({day for day, _ in self.counted})[-8:]
        kept = Counter(is_there for day, is_there in self.counted if day in days)
        assert self.first_day is not None
        is_old = self.run[0][1] - self.first_day >= 7 * DAY
        if not is_old or kept[True] < 100 or kept[True] / kept.total() <= 0.95:
            return []
        self.is_missing = True
        return [("missing", self.settled, "", self.run[0][0])]


@given(RUNS)
@settings(max_examples=80, deadline=None)
def test_drift_is_what_the_model_says(runs: list[tuple[int, int, str]]) -> None:
    contract, model, number = Contract({}), Model(), 0
    for length, template, kind in runs:
        for _ in range(length):
            number += 1
            one = sample(number, {"f": kind} if kind else {"other": "t"}, template=template)
            drifts = [drift for drift in contract.learn(one) if drift.path == "f"]
            assert [(one.what, one.was, one.became, one.entry_id) for one in drifts] == model.see(one)


def drifts_of(*runs: tuple[int, dict[str, str]]) -> list[Drift]:
    contract, number, found = Contract({}), 0, []
    for length, types in runs:
        for _ in range(length):
            number += 1
            found += contract.learn(sample(number, types))
    return found


def test_number_that_becomes_a_text_is_told_once_with_its_first_entry() -> None:
    [drift] = drifts_of((150, {"user_id": "n"}), (500, {"user_id": "t"}))
    assert (drift.path, drift.what, drift.was, drift.became, drift.entry_id) == ("user_id", "type", "n", "t", 151)
    assert drift.at == START + 151 * SECONDS
    back = drifts_of((150, {"user_id": "n"}), (150, {"user_id": "t"}), (150, {"user_id": "n"}))
    assert [(one.was, one.became) for one in back] == [("n", "t"), ("t", "n")]
    assert drifts_of((99, {"user_id": "n"}), (200, {"user_id": "t"})) == []
    assert drifts_of((200, {"user_id": "n"}), (200, {"user_id": "0"})) == []
    assert drifts_of(*[(1, {"user_id": "n"}), (1, {"user_id": "t"})] * 300) == []
    assert drifts_of((150, {"user_id": "n"}), *[(1, {"user_id": "t"}), (24, {"user_id": "n"})] * 40) == []


def test_field_that_is_missing_is_told_once_and_not_what_lies_in_it() -> None:
    whole = {"cart": "o", "cart.total": "n", "cart.items": "l", "id": "t"}
    [drift] = drifts_of((400, whole), (600, {"id": "t"}))
    assert (drift.path, drift.what, drift.entry_id) == ("cart", "missing", 401)
    [drift] = drifts_of((400, whole), (600, {"cart": "o", "cart.items": "l", "id": "t"}))
    assert (drift.path, drift.what) == ("cart.total", "missing")
    assert drifts_of((200, whole), (600, {"id": "t"})) == []  # it was not known for a week
    assert drifts_of((400, whole), (199, {"id": "t"}), (1, whole), (199, {"id": "t"})) == []
    of_other = Contract({})
    for number in range(400):
        of_other.learn(sample(number, whole))
    assert [one for number in range(400, 1000) for one in of_other.learn(sample(number, {"id": "t"}, template=2))] == []


def test_project_has_a_bounded_number_of_fields_and_a_field_of_messages() -> None:
    contract = Contract({})
    for number in range(700):
        contract.learn(sample(number, {f"k{number}": "t", "same": "n"}, template=number))
    assert len(contract.fields) == MOST_FIELDS
    assert len(contract.fields["same"].memory.templates) == MOST_TEMPLATES
    assert len(contract.fields["same"].memory.days) == 8
