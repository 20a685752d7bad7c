"""From the bytes of a body to canonical lines."""

import json

import pytest

from foundation.refusals import Refusal
from ingest.canonical import encode_entries
from ingest.protocols.luminalog.wire import legacy_api_key, parse_batch
from privacy.rules import Rules
from privacy.scrubbing import Scrubber

ENTRY = {"timestamp": "2026-01-26T14:30:00Z", "level": "info", "message": "hello"}


def body(*entries: object) -> bytes:
    return json.dumps({"logs": list(entries)}).encode()


def refusal(payload: bytes) -> Refusal:
    with pytest.raises(Refusal) as caught:
        parse_batch(payload, lenient=False)
    return caught.value


def test_entry_is_kept_in_canonical_form():
    batch = parse_batch(
        body({"message": "hello", "level": "info", "timestamp": "2026-01-26T15:30:00+01:00"}), lenient=False
    )
    assert batch.entries == [b'{"timestamp":"2026-01-26T14:30:00Z","level":"info","message":"hello"}']


def test_last_of_duplicate_names_wins():
    payload = b'{"logs":3,"logs":[{"level":"bad","level":"info","message":"m","timestamp":"2026-01-26T14:30:00Z"}]}'
    assert len(parse_batch(payload, lenient=False).entries) == 1


def test_errors_point_to_their_place():
    error = refusal(body(ENTRY, ENTRY | {"level": "bad", "error": {"stack_trace": [1]}}))
    assert error.code == "invalid_level"
    assert error.detail == "logs[1].level must be one of debug, info, warn, error, fatal, panic."
    assert [(e.pointer, e.code) for e in error.errors] == [
        ("/logs/1/level", "invalid_level"),
        ("/logs/1/error/stack_trace", "invalid_type"),
    ]


def test_lenient_mode_keeps_valid_entries():
    batch = parse_batch(body(ENTRY, {"level": "info"}, ENTRY), lenient=True)
    assert (len(batch.entries), batch.rejected) == (2, 1)
    assert [e.pointer for e in batch.errors] == ["/logs/1/timestamp", "/logs/1/message"]


def test_lenient_mode_refuses_a_batch_without_a_valid_entry():
    with pytest.raises(Refusal, match="field_required"):
        parse_batch(body({}), lenient=True)


def test_nul_and_lone_surrogates_become_replacement_characters():
    entry = rb'{"timestamp":"2026-01-26T14:30:00Z","level":"info","message":"\u0000 \ud83d \\u0000 \ud83d\ude00"}'
    [line] = parse_batch(b'{"logs":[' + entry + b"]}", lenient=False).entries
    assert json.loads(line)["message"] == "\ufffd \ufffd \\u0000 😀"


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        (b"", "malformed_json"),
        (b'{"logs":[', "malformed_json"),
        (b"[]", "invalid_payload"),
        (b"{}", "field_required"),
        (b'{"logs":{}}', "invalid_payload"),
        (b'{"logs":[]}', "empty_batch"),
        (b'{"logs":[3]}', "invalid_type"),
        (b'{"logs":[], "x": "\xff"}', "invalid_encoding"),
        (b'{"logs":' + b"[" * 100_000, "nesting_too_deep"),
        (body(*[ENTRY] * 1_001), "too_many_entries"),
        (body(ENTRY | {"message": "x" * 10_241}), "field_too_large"),
        (body(ENTRY | {"environment": "é" * 65}), "field_too_large"),
        (body(ENTRY | {"metadata": {"x": "x" * 102_400}}), "field_too_large"),
    ],
)
def test_bad_body_is_refused(payload, code):
    assert refusal(payload).code == code


def test_legacy_key_is_found_behind_the_entries():
    assert legacy_api_key(body(ENTRY)[:-1] + b', "api_key": "ll_x"}') == "ll_x"


@pytest.mark.parametrize("payload", [b"", b"{", b"[]", b"{}", b'{"api_key":3}', b'{"api_key":null}', b"[" * 100_000])
def test_body_without_a_legacy_key_has_none(payload):
    assert legacy_api_key(payload) is None


def test_large_batches_are_encoded_in_parts():
    batch = parse_batch(body(*[ENTRY | {"metadata": {"x": "x" * 100_000}}] * 200), lenient=False)
    parts = list(encode_entries(batch.entries, Scrubber(Rules())))
    assert len(parts) == 3
    assert b"\n".join(part.payload for part in parts).split(b"\n") == batch.entries
    assert sum(part.size_bytes for part in parts) == sum(map(len, batch.entries))
    assert sum(part.entries for part in parts) == 200
