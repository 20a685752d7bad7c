"""The odd things that clients send: each accepted, repaired or refused as the contract says."""

import json
from typing import Any

import pytest

from foundation.refusals import CODES, Refusal
from ingest.protocols.luminalog.wire import parse_batch
from tests.effort import cpu_seconds

ENTRY = {"timestamp": "2026-01-26T14:30:00Z", "level": "info", "message": "m"}
HEAD = b'{"logs":[{"timestamp":"2026-01-26T14:30:00Z","level":"info","message":"m",'


def line_of(payload: bytes) -> dict[str, Any]:
    [line] = parse_batch(payload, lenient=False).entries
    found: dict[str, Any] = json.loads(line)
    return found


def refusal(payload: bytes) -> Refusal:
    with pytest.raises(Refusal) as caught:
        parse_batch(payload, lenient=False)
    return caught.value


def with_metadata(value: bytes) -> bytes:
    return HEAD + b'"metadata":{"k":' + value + b"}}]}"


# --- numbers --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (b"0", b"0"),
        (b"-0", b"0"),
        (b"-0.0", b"-0.0"),
        (b"1.0", b"1.0"),
        (b"1E5", b"100000.0"),
        (b"1e-400", b"0.0"),
        (b"9007199254740993", b"9007199254740993"),
        (b"18446744073709551616", b"18446744073709551616"),
        (b"-9223372036854775809", b"-9223372036854775809"),
        (b"9" * 4300, b"9" * 4300),
        (b"1.7976931348623157e308", b"1.7976931348623157e308"),
    ],
)
def test_number_is_kept(sent, kept):
    [line] = parse_batch(with_metadata(sent), lenient=False).entries
    assert line.endswith(b'"metadata":{"k":' + kept + b"}}")


@pytest.mark.parametrize("sent", [b"1e400", b"-1e400", b"1.8e308", b"9" * 4301, b"1e99999999999999999999"])
@pytest.mark.parametrize("nest", [b"%b", b"[%b]", b'{"deep":[{"er":%b}]}'])
def test_number_out_of_range_is_refused(sent, nest):
    error = refusal(with_metadata(nest % sent))
    assert (error.code, error.errors[0].pointer) == ("number_out_of_range", "/logs/0/metadata")


@pytest.mark.parametrize("sent", [b"NaN", b"Infinity", b"-Infinity", b"01", b"1.", b".5", b"+1", b"0x1", b"1e", b"-"])
def test_what_json_calls_no_number_is_malformed(sent):
    assert refusal(with_metadata(sent)).code == "malformed_json"
    assert refusal(with_metadata(b"1").replace(b'"metadata":{"k":1}', b'"unknown":' + sent)).code == "malformed_json"


# --- strings --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (rb"\u0000", "\ufffd"),
        (rb"a\u0000b\u0000", "a\ufffdb\ufffd"),
        (rb"\\u0000", "\\u0000"),
        (rb"\\\u0000", "\\\ufffd"),
        (rb"\\\\u0000", "\\\\u0000"),
        (rb"\ud83d", "\ufffd"),
        (rb"\uD83D x", "\ufffd x"),
        (rb"\ude00", "\ufffd"),
        (rb"\udc00\ud800", "\ufffd\ufffd"),
        (rb"\ud83d\ud83d\ude00", "\ufffd😀"),
        (rb"\ud83d\ude00\ude00", "😀\ufffd"),
        (rb"\ud83d\\ude00", "\ufffd\\ude00"),
        (rb"\\ud83d\ude00", "\\ud83d\ufffd"),
        (rb"\ud83d\u0041", "\ufffdA"),
        (rb"\ud83d\n\ude00", "\ufffd\n\ufffd"),
        (rb"\ud83d\ude00\u0000", "😀\ufffd"),
        (rb"\ufffe\uffff\u001f\u007f", "\ufffe\uffff\x1f\x7f"),
    ],
)
def test_what_postgresql_cannot_store_becomes_a_replacement_character(sent, kept):
    text = b'"' + sent + b'"'
    entry = line_of(
        HEAD.replace(b'"m"', text)
        + (b'"environment":%b,"metadata":{%b:[%b,{"k":%b}]},' % (text, text, text, text))
        + (b'"unknown":%b,"error":{"type":%b,"stack_trace":[%b],"context":{%b:%b}}}]}' % (text, text, text, text, text))
    )
    assert entry["message"] == entry["environment"] == kept
    assert entry["metadata"] == {kept: [kept, {"k": kept}]}
    assert entry["error"] == {"type": kept, "stack_trace": [kept], "context": {kept: kept}}


def test_one_lone_surrogate_of_a_thousand_entries_harms_none():
    entries = [json.dumps(ENTRY)] * 999 + [json.dumps(ENTRY | {"message": "\ud83d"})]
    payload = ('{"logs":[' + ",".join(entries) + "]}").encode()
    assert len(parse_batch(payload, lenient=False).entries) == 1_000


@pytest.mark.parametrize("sent", [b'"\0"', b'"\n"', b'"\x1f"', rb'"\x"', rb'"\u12"', rb'"\uZZZZ"', rb'"\ud83d', b"'a'"])
def test_broken_string_is_malformed(sent):
    assert refusal(with_metadata(sent)).code == "malformed_json"


@pytest.mark.parametrize("sent", [b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf5\x80\x80\x80", b"\xe2\x82", b"\x80"])
def test_invalid_utf8_is_refused_wherever_it_is(sent):
    for template in (b'"metadata":{"k":"%b"}}]}', b'"unknown":"%b"}]}', b'"un%bknown":1}]}', b'"a":1}]}%b'):
        assert refusal(HEAD + template % sent).code == "invalid_encoding"


def test_invalid_utf8_is_found_across_chunks():
    filler = "é".encode() * 2**20
    assert len(parse_batch(HEAD + b'"a":1}],"unknown":"x' + filler + b'"}', lenient=False).entries) == 1
    assert refusal(HEAD + b'"a":1}],"unknown":"' + filler + b'\xc3"}').code == "invalid_encoding"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32"])
def test_other_encodings_are_refused(encoding):
    payload = json.dumps({"logs": [ENTRY | {"message": "é"}]}, ensure_ascii=False).encode(encoding)
    assert refusal(payload).code in ("invalid_encoding", "malformed_json")


def test_one_byte_order_mark_is_stripped():
    payload = json.dumps({"logs": [ENTRY]}).encode()
    assert line_of(b"\xef\xbb\xbf" + payload) == ENTRY
    assert refusal(b"\xef\xbb\xbf\xef\xbb\xbf" + payload).code == "malformed_json"
    assert refusal(b" \xef\xbb\xbf" + payload).code == "malformed_json"


# --- shape ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("payload", "code", "pointer"),
    [
        (b"null", "invalid_payload", ""),
        (b"3", "invalid_payload", ""),
        (b'"logs"', "invalid_payload", ""),
        (b"[{}]", "invalid_payload", ""),
        (b"{}", "field_required", "/logs"),
        (b'{"logs":null}', "field_required", "/logs"),
        (b'{"logs":"x"}', "invalid_payload", "/logs"),
        (b'{"logs":{"0":{}}}', "invalid_payload", "/logs"),
        (b'{"logs":[]}', "empty_batch", "/logs"),
        (b'{"logs":[null]}', "invalid_type", "/logs/0"),
        (b'{"logs":[[]]}', "invalid_type", "/logs/0"),
    ],
)
def test_payload_of_another_shape_is_refused(payload, code, pointer):
    error = refusal(payload)
    assert (error.code, [e.pointer for e in error.errors]) == (code, [pointer])


@pytest.mark.parametrize(
    "payload", [b"", b" ", b"{", b"[1,", b'{"logs":[{}]', b'{"logs":[{}]}x', b'{"logs":[{},]}', b"{}{}"]
)
def test_what_is_not_json_is_malformed(payload):
    assert refusal(payload).code == "malformed_json"


@pytest.mark.parametrize(
    ("field", "value", "pointer", "code"),
    [
        ("timestamp", None, "/timestamp", "field_required"),
        ("timestamp", 1769437800, "/timestamp", "invalid_timestamp"),
        ("level", None, "/level", "field_required"),
        ("level", "INFO", "/level", "invalid_level"),
        ("level", "warning", "/level", "invalid_level"),
        ("level", 20, "/level", "invalid_level"),
        ("message", None, "/message", "field_required"),
        ("message", 3, "/message", "invalid_type"),
        ("message", {"a": 1}, "/message", "invalid_type"),
        ("environment", 3, "/environment", "invalid_type"),
        ("privacy_mode", "true", "/privacy_mode", "invalid_type"),
        ("privacy_mode", 1, "/privacy_mode", "invalid_type"),
        ("metadata", [], "/metadata", "invalid_type"),
        ("metadata", "{}", "/metadata", "invalid_type"),
        ("error", "boom", "/error", "invalid_type"),
        ("error", {"type": 3}, "/error/type", "invalid_type"),
        ("error", {"stack_trace": "a"}, "/error/stack_trace", "invalid_type"),
        ("error", {"stack_trace": ["a", None]}, "/error/stack_trace", "invalid_type"),
        ("error", {"context": []}, "/error/context", "invalid_type"),
        ("error", {"fingerprint": {}}, "/error/fingerprint", "invalid_type"),
    ],
)
def test_wrong_value_is_refused_without_being_echoed(field, value, pointer, code):
    error = refusal(json.dumps({"logs": [ENTRY, ENTRY | {field: value}]}).encode())
    assert [(e.pointer, e.code) for e in error.errors] == [(f"/logs/1{pointer}", code)]
    assert error.code == code in CODES
    assert error.detail.startswith("logs[1]" + pointer.replace("/", ".") + " ")
    assert "boom" not in error.detail + error.errors[0].detail


def test_at_most_twenty_errors_are_listed():
    payload = json.dumps({"logs": [{}] * 1_000}).encode()
    assert len(refusal(payload).errors) == 20
    batch = parse_batch(json.dumps({"logs": [ENTRY] + [{}] * 999}).encode(), lenient=True)
    assert (len(batch.entries), batch.rejected, len(batch.errors)) == (1, 999, 20)


def test_null_means_absent():
    names = ["environment", "project_id", "trace_id", "span_id", "parent_span_id", "privacy_mode", "metadata", "error"]
    assert line_of(json.dumps({"logs": [ENTRY | dict.fromkeys(names)]}).encode()) == ENTRY
    nulls = dict.fromkeys(["type", "message", "stack_trace", "context", "fingerprint"])
    assert line_of(json.dumps({"logs": [ENTRY | {"error": nulls}]}).encode()) == ENTRY | {"error": {}}


def test_empty_objects_and_nulls_in_metadata_are_kept():
    entry = ENTRY | {"message": "", "environment": "", "metadata": {"a": None, "b": {}, "c": []}, "error": {}}
    assert line_of(json.dumps({"logs": [entry]}).encode()) == entry
    assert line_of(json.dumps({"logs": [ENTRY | {"metadata": {}}]}).encode()) == ENTRY | {"metadata": {}}


def test_unknown_fields_are_not_kept():
    internal = {
        "id": 1,
        "organisation_id": 2,
        "received_at": "x",
        "size_bytes": 0,
        "batch_id": 3,
        "project": "p",
        "": 1,
    }
    entry = internal | ENTRY | {"error": {"type": "E", "id": 1}}
    payload = {"logs": [entry], "api_key": "ll_x", "organisation_id": 2, "options": {"lenient": True}}
    assert line_of(json.dumps(payload).encode()) == ENTRY | {"error": {"type": "E"}}


@pytest.mark.parametrize(
    ("fields", "is_valid"),
    [
        (b'"level":"bad","level":"info"', True),
        (b'"level":"info","level":"bad"', False),
        (b'"level":"info","level":null', False),
        (b'"level":"info","metadata":3,"metadata":{"a":1,"a":2}', True),
        (b'"level":"info","error":{"type":3},"error":{"message":"x"}', True),
        (b'"level":"info","error":{"type":3,"type":"x"}', True),
        (b'"level":"info","environment":"a","environment":null', True),
    ],
)
def test_last_of_duplicate_names_counts(fields, is_valid):
    payload = b'{"logs":7,"logs":[{"timestamp":"x","timestamp":"2026-01-26T14:30:00Z","message":"m",' + fields + b"}]}"
    if is_valid:
        entry = line_of(payload)
        assert entry["level"] == "info"
        assert entry.get("metadata", {"a": 2}) == {"a": 2}
        assert entry.get("environment") is None
    else:
        assert refusal(payload).errors[0].pointer == "/logs/0/level"


def test_size_depends_neither_on_white_space_nor_order_nor_escapes():
    entry = ENTRY | {"message": "é", "metadata": {"b": 1, "a": [1, 2]}, "error": {"type": "E", "context": {"é": 1}}}
    backwards = dict(reversed(entry.items()))
    ways = [
        json.dumps({"logs": [entry]}),
        json.dumps({"logs": [backwards]}, indent=7),
        json.dumps({"logs": [backwards]}, ensure_ascii=False, separators=(",", ":")),
    ]
    [line] = {parse_batch(way.encode(), lenient=False).entries[0] for way in ways}
    assert line == json.dumps(entry, ensure_ascii=False, separators=(",", ":")).encode()


def test_quieter_entries_are_counted_and_left_out():
    payload = json.dumps({"logs": [ENTRY | {"level": level} for level in ("debug", "info", "warn", "panic")]}).encode()
    batch = parse_batch(payload, lenient=False, minimum_level=30)
    assert ([json.loads(line)["level"] for line in batch.entries], batch.below_level) == (["warn", "panic"], 2)
    mixed = json.dumps({"logs": [{}, ENTRY, ENTRY | {"level": "debug"}]}).encode()
    batch = parse_batch(mixed, lenient=True, minimum_level=20)
    assert (len(batch.entries), batch.below_level, batch.rejected) == (1, 1, 1)
    assert parse_batch(payload, lenient=True, minimum_level=99).entries == []


def test_quieter_entry_must_be_valid_all_the_same():
    payload = json.dumps({"logs": [ENTRY | {"message": "x" * 10_241}]}).encode()
    with pytest.raises(Refusal, match="field_too_large"):
        parse_batch(payload, lenient=False, minimum_level=50)


@pytest.mark.parametrize("unit", [rb"\u0000", rb"\ud83d", rb"\\", rb"\ud83d\ude00", rb"\\u0000"])
def test_repair_takes_time_in_proportion(unit):
    def repair(size_bytes: int) -> None:
        payload = HEAD + b'"a":1}],"unknown":"' + unit * (size_bytes // len(unit)) + rb'\ud83d"}'
        assert len(parse_batch(payload, lenient=False).entries) == 1

    small = cpu_seconds(lambda: repair(2**17))
    assert cpu_seconds(lambda: repair(2**20)) < 24 * small  # 8 in proportion, 64 in its square
