"""Event times: every RFC 3339 form in, UTC out."""

import json
from datetime import UTC, datetime

import pytest

from foundation.refusals import Refusal
from ingest.protocols.luminalog.wire import parse_batch


def batch(timestamp: object) -> bytes:
    return json.dumps({"logs": [{"timestamp": timestamp, "level": "info", "message": ""}]}).encode()


def kept(timestamp: str) -> str:
    [line] = parse_batch(batch(timestamp), lenient=False).entries
    return str(json.loads(line)["timestamp"])


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ("2026-01-26T14:30:00Z", "2026-01-26T14:30:00Z"),
        ("2026-01-26T14:30:00.000Z", "2026-01-26T14:30:00Z"),
        ("2026-01-26t14:30:00z", "2026-01-26T14:30:00Z"),
        ("2026-01-26 14:30:00Z", "2026-01-26T14:30:00Z"),
        ("2026-01-26T14:30:00", "2026-01-26T14:30:00Z"),
        ("2026-01-26 14:30:00.25", "2026-01-26T14:30:00.250000Z"),
        ("2026-01-26T14:30:00+00:00", "2026-01-26T14:30:00Z"),
        ("2026-01-26T14:30:00-00:00", "2026-01-26T14:30:00Z"),
        ("2026-01-26T14:30:00+05:30", "2026-01-26T09:00:00Z"),
        ("2026-01-01T00:30:00+01:00", "2025-12-31T23:30:00Z"),
        ("2026-01-26T14:30:00-23:59", "2026-01-27T14:29:00Z"),
        ("2026-01-26T14:30:00.123456789Z", "2026-01-26T14:30:00.123457Z"),
        ("2026-01-26T14:30:00.1234564999Z", "2026-01-26T14:30:00.123456Z"),
        ("2026-12-31T23:59:59.9999999Z", "2027-01-01T00:00:00Z"),
        ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59.999999Z"),
        ("2016-12-31T23:59:60.5Z", "2016-12-31T23:59:59.999999Z"),
        ("2017-01-01T00:59:60+01:00", "2016-12-31T23:59:59.999999Z"),
        ("2016-12-31T23:59:60", "2016-12-31T23:59:59.999999Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
        ("9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z"),
        ("9999-12-31T23:59:59.9999999Z", "9999-12-31T23:59:59.999999Z"),
        ("2024-02-29T00:00:00Z", "2024-02-29T00:00:00Z"),
        ("1969-12-31T23:59:59Z", "1969-12-31T23:59:59Z"),
    ],
)
def test_date_and_time_is_kept_in_utc(sent, expected):
    assert kept(sent) == expected


@pytest.mark.parametrize("write", [datetime.isoformat, str, lambda now: now.replace(tzinfo=None).isoformat() + "Z"])
def test_what_python_writes_is_accepted(write):
    now = datetime.now(UTC)
    assert datetime.fromisoformat(kept(write(now))) == now


@pytest.mark.parametrize(
    "sent",
    [
        *[
            "",
            " ",
            "now",
            "1769437800",
            "2026-01-26",
            "14:30:00",
            "2026-01-26T14:30Z",
            "2026-01-26T14Z",
            "20260126T143000Z",
        ],
        *["2026-W05-1T14:30:00Z", "2026-026T14:30:00Z", "2026-01-26T14:30:00,5Z", "2026-01-26T14:30:00.Z"],
        *["2026-02-30T14:30:00Z", "2025-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z"],
        *["2026-01-26T24:00:00Z", "2026-01-26T14:60:00Z", "2026-01-26T14:30:61Z", "2026-01-26T14:30:00+24:00"],
        *["2026-01-26T14:30:00+05", "2026-01-26T14:30:00+05:60", "2026-01-26T14:30:00+05:30:15", "2026-01-26T14:60Z"],
        *["0000-01-01T00:00:00Z", "10000-01-01T00:00:00Z", "-2026-01-26T14:30:00Z", "+2026-01-26T14:30:00Z"],
        *["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "9999-12-31T23:59:60-00:01"],
        *["2026-01-26T14:30:00Z ", " 2026-01-26T14:30:00Z", "2026-01-26T14:30:00 Z", "2026-01-26  14:30:00Z"],
        *[
            "２０２６-01-26T14:30:00Z",
            "2026-01-26T14:30:00\u221205:30",
            "2026-01-26T14:30:00Z\0",
            "2026-01-26T14:30:00 UTC",
        ],
        *[1769437800, 1769437800.5, True, {}, [], ["2026-01-26T14:30:00Z"]],
    ],
)
def test_anything_else_is_refused(sent):
    with pytest.raises(Refusal) as caught:
        parse_batch(batch(sent), lenient=False)
    assert [(e.pointer, e.code) for e in caught.value.errors] == [("/logs/0/timestamp", "invalid_timestamp")]
