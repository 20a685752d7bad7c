"""What others send becomes entries of ours: levels, times, names, and everything made to fit."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foundation.refusals import Refusal
from ingest.canonical import MAX_ERROR_BYTES, MAX_MESSAGE_BYTES, MAX_METADATA_BYTES, canonical_lines, encode, excesses
from ingest.fields import ORIGINAL_TIME, Overrides, entry_of
from ingest.fitting import CUT, fit, shortened
from ingest.objects import BROKEN, elements, lines_of, object_of, readable
from ingest.protocol import Head, Wishes
from ingest.protocols.ndjson import FORM, NDJSON
from ingest.severities import severity_of
from ingest.timestamps import EPOCH, moment_of, of_nanoseconds
from storage.entry import Entry, EntryError

NOW = datetime(2026, 11, 27, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "level", "text"),
    [
        ("TRACE", "debug", "TRACE"),
        ("dbg", "debug", None), ("Information", "info", None), ("notice", "info", "notice"),
        ("WARNING", "warn", None), ("err", "error", None), ("SEVERE", "error", None), (" Crit ", "fatal", None),
        ("emerg", "fatal", "emerg"), ("panic", "panic", None), ("c", "fatal", None), (10, "debug", None),
        (30, "info", None), (40, "warn", None), (60, "fatal", None), (0, "fatal", None), (3, "error", None),
        (6, "info", None), ("4", "warn", None), ("50", "error", None), (35, "info", "35"), ("loud", "info", "loud"),
    ],
)  # fmt: skip
def test_levels_are_read_by_text_and_number(value: Any, level: str, text: str | None):
    assert severity_of(value) == (level, text)


@pytest.mark.parametrize("value", ["", None, True, [], {}])
def test_what_is_no_level_is_none(value: Any):
    assert severity_of(value) is None


@pytest.mark.parametrize(
    "value",
    [
        "2026-11-27T10:00:00Z", "2026-11-27t11:00:00+01:00", "2026-11-27 10:00:00,000", "2026-11-27 10:00:00.0",
        1795773600, 1795773600.0, 1795773600_000, 1795773600_000_000, 1795773600_000_000_000, "1795773600",
        "1795773600000000000", "1795773600.000", " 2026-11-27T10:00:00.000000000Z ",
    ],
)  # fmt: skip
def test_times_are_read_in_every_form_and_unit(value: Any):
    assert moment_of(value) == NOW


def test_fractions_of_time_are_kept():
    assert moment_of(1795773600.123456) == NOW.replace(microsecond=123456)
    assert moment_of(1795773600_123_456_789) == NOW.replace(microsecond=123456)
    assert moment_of("2016-12-31T23:59:60Z") == datetime(2016, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)


@pytest.mark.parametrize(
    "value", ["yesterday", "", None, True, 10**30, -(10**30), float("nan"), float("inf"), [], "9" * 5000]
)
def test_what_is_no_time_is_none(value: Any):
    assert moment_of(value) is None


def read(fields: dict[str, Any], **overrides: str) -> dict[str, Any]:
    entry = entry_of(fields, now=NOW, overrides=Overrides(**overrides))
    return dict(json.loads(canonical_lines([entry])[0]))


FRAME = {"timestamp": "2026-11-27T10:00:00Z", "level": "info"}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"msg": "a"}, {"message": "a"}),
        ({"log": "a", "message": "b"}, {"message": "b", "metadata": {"log": "a"}}),
        ({"message": {"a": 1}}, {"message": '{"a":1}'}),
        ({"a": 1}, {"message": '{"a":1}', "metadata": {"a": 1}}),
        ({"msg": "a", "level": None, "time": None}, {"message": "a"}),
        ({"msg": "a", "time": "noon"}, {"message": "a", "metadata": {"luminalog.original_time": "noon"}}),
        ({"msg": "a", "level": "notice"}, {"message": "a", "metadata": {"severity_text": "notice"}}),
        ({"msg": "a", "metadata": {"b": 1}, "c": 2}, {"message": "a", "metadata": {"b": 1, "c": 2}}),
        ({"msg": "a", "metadata": "text"}, {"message": "a", "metadata": {"metadata": "text"}}),
        ({"msg": "a", "trace_id": 7}, {"message": "a", "metadata": {"trace_id": 7}}),
        ({"msg": "a", "traceId": "t", "span.id": "s"}, {"message": "a", "trace_id": "t", "span_id": "s"}),
        ({"msg": "a", "log": {"level": "info", "logger": "x"}}, {"message": "a", "metadata": {"log": {"logger": "x"}}}),
        (
            {"msg": "a", "trace": {"id": "t"}, "service": {"environment": "qa"}},
            {"message": "a", "trace_id": "t", "environment": "qa"},
        ),
        ({"event": {"original": "raw", "kind": "k"}}, {"message": "raw", "metadata": {"event": {"kind": "k"}}}),
        (
            {"msg": "a", "err": {"type": "E", "message": "m", "stack": "E\n at x", "code": 5}},
            {
                "message": "a",
                "error": {"type": "E", "message": "m", "stack_trace": ["E", " at x"], "context": {"code": 5}},
            },
        ),
        ({"error": {"message": "only here"}}, {"message": "only here", "error": {"message": "only here"}}),
        ({"msg": "a", "error": "boom"}, {"message": "a", "metadata": {"error": "boom"}}),
        (
            {"msg": "a", "error.type": "E", "error.stack_trace": "x\ny"},
            {"message": "a", "error": {"type": "E", "stack_trace": ["x", "y"]}},
        ),
        (
            {"msg": "a", "exc_info": "Traceback (most recent call last):\n  File\nValueError: bad"},
            {
                "message": "a",
                "error": {
                    "type": "ValueError",
                    "message": "bad",
                    "stack_trace": ["Traceback (most recent call last):", "  File", "ValueError: bad"],
                },
            },
        ),
        (
            {"msg": "a", "stack": "TypeError: bad\n    at pay (app.js:3:1)"},
            {
                "message": "a",
                "error": {
                    "type": "TypeError",
                    "message": "bad",
                    "stack_trace": ["TypeError: bad", "    at pay (app.js:3:1)"],
                },
            },
        ),
        (
            {"msg": "a", "stack": "production\nblue"},
            {"message": "a", "metadata": {"stack": "production\nblue"}},
        ),
        ({"msg": "a", "stack": ["    at"]}, {"message": "a", "metadata": {"stack": ["    at"]}}),
        ({"msg": "a", "privacy_mode": True}, {"message": "a", "privacy_mode": True}),
        ({"msg": "a", "error": {}}, {"message": "a", "metadata": {"error": {}}}),
        (
            {"log": {}, "exception": {}},
            {"message": '{"log":{},"exception":{}}', "metadata": {"log": {}, "exception": {}}},
        ),
    ],
)
def test_names_in_use_are_understood(fields: dict[str, Any], expected: dict[str, Any]):
    assert read(fields) == FRAME | expected


@given(st.integers(min_value=-(2**62), max_value=2**63))
def test_moments_are_exact_to_the_microsecond(nanoseconds: int):
    moment = EPOCH + timedelta(microseconds=nanoseconds // 1_000)
    assert of_nanoseconds(nanoseconds) == moment
    seconds = abs(nanoseconds) % 10**18 / 10**9
    assert moment_of(seconds) == EPOCH + timedelta(seconds=seconds)


def test_names_can_be_given():
    fields = {"when": 1795773600, "what": "a", "how": "warn", "message": "b"}
    found = read(fields, time="when", message="what", level="how")
    assert found == FRAME | {"level": "warn", "message": "a", "metadata": {"message": "b"}}


def test_what_a_form_of_python_has_no_value_for_is_absent():
    form = b"msg=a&levelname=ERROR&created=1795773600.1&exc_info=None&exc_text=None&lineno=7"
    [line] = NDJSON.read(form, Wishes(head=Head(media_type=FORM))).entries
    found = json.loads(line)
    assert (found["message"], found["level"], found["metadata"]) == ("a", "error", {"lineno": "7"})
    assert "error" not in found


NAMES = ("message", "time", "level", "error", "error.type", "trace_id", "metadata", "other")


@pytest.mark.parametrize("name", NAMES)
def test_given_name_stands_for_one_thing(name: str):
    fields = dict.fromkeys(
        ("message", "time", "level", "error", "error.type", "trace_id", "metadata", "other"), "fatal"
    )
    assert read({**fields}, level=name)["level"] == "fatal"
    assert read({**fields}, time=name)["metadata"][ORIGINAL_TIME] == "fatal"
    assert read({**fields}, level=name, time=name, message=name)["message"] == "fatal"


def test_object_is_read_whatever_its_numbers_and_bytes_are():
    assert object_of(b'{"a": NaN, "b": -Infinity, "c": 1e999, "d": "x\ty"}', now=NOW) == {
        "a": None, "b": None, "c": None, "d": "x\ty",
    }  # fmt: skip
    assert object_of(rb'{"a": "\ud800"}', now=NOW) == {"a": "�"}
    assert object_of(readable(b'\xef\xbb\xbf{"a": "\xff"}'), now=NOW) == {"a": "�"}
    assert object_of(b"{", now=NOW) == BROKEN
    for text in (b'{"a":' * 100_000, b'{"a": "' + b"x" * 3 * 2**20 + b'"}'):
        found = object_of(text, now=NOW)
        assert isinstance(found, Entry)
        assert (found.message[:5], found.metadata) == ('{"a":', {CUT: {"entry": len(text)}})


def entry(**fields: Any) -> Entry:
    given: dict[str, Any] = {"timestamp": NOW, "level": "info", "message": "m", **fields}
    return Entry(**given)


def deep(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = {"a": value}
    return value


@pytest.mark.parametrize(
    ("too_large", "parts"),
    [
        (entry(message="ü" * 6_000), ["message"]),
        (entry(message="x" * 200_000, metadata={"a": "x" * 90_000}), ["message"]),
        (entry(environment="é" * 100, trace_id="t" * 129), ["environment", "trace_id"]),
        (entry(metadata={"a": "x" * 200_000, "b": ["y" * 50_000] * 3}), ["metadata"]),
        (entry(metadata={str(number): number for number in range(20_000)}), ["metadata"]),
        (entry(metadata={"n" * 200_000: 1}), ["metadata"]),
        (entry(metadata={"a": "\x01" * 90_000}), ["metadata"]),
        (entry(metadata={"\x01" * 120 + str(number): "x" * 6_000 for number in range(40)}), ["metadata"]),
        (entry(metadata=deep(100)), ["depth"]),
        (entry(error=EntryError(context=deep(100))), ["depth"]),
        (entry(error=EntryError(type="E", message="m" * 300_000)), ["error"]),
        (entry(error=EntryError(type="E", stack_trace=[f"line {n} " + "x" * 900 for n in range(1_000)])), ["error"]),
        (entry(error=EntryError(type="\x01" * 300_000, stack_trace=["\x01" * 5_000] * 1_000)), ["error"]),
    ],
)
def test_excess_is_cut_and_said(too_large: Entry, parts: list[str]):
    assert fit(too_large) == parts
    assert list(excesses(too_large)) == []
    assert too_large.metadata
    assert sorted(too_large.metadata[CUT]) == parts
    assert len(too_large.message.encode()) <= MAX_MESSAGE_BYTES
    assert len(encode(too_large.metadata)) <= MAX_METADATA_BYTES
    assert len(encode(too_large.error)) <= MAX_ERROR_BYTES
    json.loads(canonical_lines([too_large])[0])


def test_cut_message_tells_how_much_and_keeps_its_rest_where_there_is_room():
    whole = "ü" * 6_000
    one = entry(message=whole)
    fit(one)
    assert one.metadata
    lost = one.metadata[CUT]["message"]
    assert one.message.endswith(f"… [+{lost} bytes]")
    assert one.message.rpartition("…")[0] + one.metadata["message.rest"] == whole
    assert shortened("short", 100) == "short"


def test_longest_values_are_cut_first_and_shared_ones_only_here():
    shared = {"long": "x" * 150_000}
    one, other = entry(metadata={"resource": shared, "short": "y" * 900}), {"resource": shared}
    fit(one)
    assert one.metadata
    assert one.metadata["short"] == "y" * 900
    assert one.metadata[CUT] == {"metadata": ["resource"]}
    assert len(one.metadata["resource"]["long"]) <= 1_024
    assert len(other["resource"]["long"]) == 150_000


def test_first_and_last_lines_of_a_stack_are_kept():
    lines = [f"{number} " + "x" * 2_000 for number in range(500)]
    one = entry(error=EntryError(type="E", message="m", stack_trace=lines))
    fit(one)
    assert one.error
    kept = one.error.stack_trace or []
    assert [line.split()[0] for line in kept[:20]] == [str(number) for number in range(20)]
    assert kept[-1].startswith("499 ")
    assert (one.error.type, one.error.message) == ("E", "m")


def test_lines_beyond_the_bound_are_refused_and_never_dropped():
    assert list(lines_of(b" a \r\n\n b", at_most=3)) == [b"a", b"b"]
    assert list(lines_of(b"\n" * 100, at_most=10)) == []
    with pytest.raises(Refusal, match="body_too_large"):
        list(lines_of(b"a\n" + b"\n" * 100, at_most=10))
    with pytest.raises(Refusal, match="body_too_large"):
        elements(b"[" + b"1," * 100_000 + b"1]", at_most=100_000)
