"""Messages of syslog as entries: by RFC 5424, and what passes for RFC 3164."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foundation.refusals import Refusal
from ingest.canonical import canonical_lines
from ingest.protocol import Head, Wishes
from ingest.protocols.syslog import SYSLOG, Heard, body_of, entry_of, key_of
from storage.entry import Entry

NOW = datetime(2026, 11, 27, 17, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")
AT_NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)
KEY = "ll_" + "a" * 48
LOCAL4, AUTH, USER = ({"facility": name} for name in ("local4", "auth", "user"))


def read(message: bytes, **options: Any) -> Entry:
    return entry_of(message, source="10.1.1.1", **{"now": NOW} | options)


@pytest.mark.parametrize(
    ("said", "level", "moment", "message", "metadata"),
    [
        # The examples of RFC 5424, section 6.5.
        (b"<34>1 2003-10-11T22:14:15.003Z mymachine.example.com su - ID47 - \xef\xbb\xbf'su root' failed", "fatal",
         datetime(2003, 10, 11, 22, 14, 15, 3000, UTC), "'su root' failed",
         AUTH | {"severity": "crit", "host": "mymachine.example.com", "app": "su", "msgid": "ID47"}),
        (b"<165>1 2003-08-24T05:14:15.000003-07:00 192.0.2.1 myproc 8710 - - %% It's time", "info",
         datetime(2003, 8, 24, 12, 14, 15, 3, UTC), "%% It's time",
         LOCAL4 | {"severity": "notice", "host": "192.0.2.1", "app": "myproc", "pid": "8710"}),
        (b'<165>1 - h a - ID47 [x@1 iut="3" e="A\\"p\\]p\\\\"][y@2] An event', "info", NOW, "An event",
         LOCAL4 | {"severity": "notice", "host": "h", "app": "a", "msgid": "ID47",
                   "sd": {"x@1": {"iut": "3", "e": 'A"p]p\\'}, "y@2": {}}}),
        (b'<165>1 - h a - - [x@1 iut="3"', "info", NOW, '[x@1 iut="3"',
         LOCAL4 | {"severity": "notice", "host": "h", "app": "a"}),
        (b'<13>1 - h a - - [luminalog@1 key="ll_x" team="b"][luminalog@2 key="ll_y"] said', "info", NOW, "said",
         USER | {"severity": "notice", "host": "h", "app": "a", "sd": {"luminalog@1": {"team": "b"}}}),
        # RFC 3164, and those that are near it.
        (b"<34>Oct 11 22:14:15 mymachine su: 'su root' failed for lonvick", "fatal",
         datetime(2026, 10, 11, 22, 14, 15, 0, UTC), "'su root' failed for lonvick",
         AUTH | {"severity": "crit", "host": "mymachine", "app": "su"}),
        (b"<13>Nov 27 12:00:00 10.0.0.99 Use the BFG!", "info", AT_NOON, "Use the BFG!",
         USER | {"severity": "notice", "host": "10.0.0.99"}),
        (b"<11>Nov 27 12:00:00 su[12]: no host", "error", AT_NOON, "no host",
         USER | {"severity": "err", "host": "10.1.1.1", "app": "su", "pid": "12"}),
        (b"<12>Nov 27 12:00:00 in doubt it is text", "warn", AT_NOON, "in doubt it is text",
         USER | {"severity": "warning", "host": "10.1.1.1"}),
        (b"<15>2026-11-27T13:00:00.000000+01:00 web app[1]: as rsyslog forwards", "debug", AT_NOON,
         "as rsyslog forwards", USER | {"severity": "debug", "host": "web", "app": "app", "pid": "1"}),
        (b"<13>2026-11-27 13:00:00,5 h a: without a zone", "info", datetime(2026, 11, 27, 13, 0, 0, 500_000, UTC),
         "without a zone", USER | {"severity": "notice", "host": "h", "app": "a"}),
        (b"<13>Nov 27 12:00:00 h kernel: [  12.3] usb: x", "info", AT_NOON, "[  12.3] usb: x",
         USER | {"severity": "notice", "host": "h", "app": "kernel"}),
        (b"Nov 27 12:00:00 h cron[1]: no priority", "info", AT_NOON, "no priority",
         {"host": "h", "app": "cron", "pid": "1"}),
        (b"<164>45: *Nov 27 12:00:00.000: %LINEPROTO-5-UPDOWN: Line", "warn", AT_NOON, "%LINEPROTO-5-UPDOWN: Line",
         LOCAL4 | {"severity": "warning", "host": "10.1.1.1"}),
        (b"<166>Nov 27 2026 12:00:00 fw1 : %ASA-6-302013: Built", "info", AT_NOON, "%ASA-6-302013: Built",
         LOCAL4 | {"severity": "info", "host": "fw1"}),
        (b"<14>app[33]: without a time", "info", NOW, "without a time",
         USER | {"severity": "info", "host": "10.1.1.1", "app": "app", "pid": "33"}),
        (b"<14>Traceback: it is text", "info", NOW, "Traceback: it is text",
         USER | {"severity": "info", "host": "10.1.1.1"}),
        (b"<13>Feb 30 12:00:00 h a: no such day", "info", NOW, "Feb 30 12:00:00 h a: no such day",
         USER | {"severity": "notice", "host": "10.1.1.1"}),
        (b"<999>text", "info", NOW, "<999>text", {"host": "10.1.1.1"}),
        (b"<13>", "info", NOW, "<13>", USER | {"severity": "notice", "host": "10.1.1.1"}),
        (b"\xff\xfe odd", "info", NOW, "\ufffd\ufffd odd", {"host": "10.1.1.1"}),
    ],
)  # fmt: skip
def test_message_is_an_entry(said: bytes, level: str, moment: datetime, message: str, metadata: dict[str, Any]) -> None:
    assert read(said) == Entry(moment, level, message, metadata=metadata)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("now", "said", "year"),
    [
        (NOW, b"Jan  1 00:00:00", 2027),
        (NOW, b"Jul  1 00:00:00", 2026),
        (datetime(2027, 1, 1, tzinfo=UTC), b"Dec 31 23:59:59", 2026),
        (datetime(2028, 1, 31, tzinfo=UTC), b"Feb 29 12:00:00", 2028),
        (datetime(2027, 2, 1, tzinfo=UTC), b"Feb 29 12:00:00", 2028),
    ],
)
def test_time_without_a_year_is_in_the_nearest(now: datetime, said: bytes, year: int) -> None:
    assert read(b"<13>%b h a: x" % said, now=now).timestamp.year == year


def test_time_without_a_zone_is_in_the_listener_s() -> None:
    assert read(b"<13>Nov 27 12:00:00 h a: x", zone=BERLIN).timestamp == datetime(2026, 11, 27, 11, tzinfo=UTC)
    assert read(b"<13>2026-11-27 12:00:00 h a: x", zone=BERLIN).timestamp == datetime(2026, 11, 27, 11, tzinfo=UTC)
    assert read(b"<13>2026-11-27T12:00:00Z h a: x", zone=BERLIN).timestamp == AT_NOON
    assert read(b"<13>Nov 27 12:00:00 UTC: x", zone=BERLIN).timestamp == AT_NOON
    wishes = Wishes(head=Head(parameters={"zone": "Europe/Berlin"}))
    [line] = SYSLOG.read(body_of([Heard("::1", b"<13>Jul  1 12:00:00 h a: x")]), wishes).entries
    assert b"-07-01T10:00:00Z" in line


@pytest.mark.parametrize(
    ("message", "key"),
    [
        (f'<13>1 - - - - - [luminalog@1 key="{KEY}"] x', KEY),
        (f'<13>1 - - - - - [a b="c"][luminalog@1 x="\\"y" key="{KEY}"] x', KEY),
        (f'<13>1 - - - - - [a@1 key="{KEY}"] x', None),
        (f"<13>1 - - - - - - {KEY}", None),
        (f'<13>1 - - - - - - said: [luminalog@1 key="{KEY}"]', None),
        (f'<13>Nov 27 12:00:00 h a: [luminalog@1 key="{KEY}"]', None),
    ],
)
def test_key_is_found_in_our_element_only(message: str, key: str | None) -> None:
    assert key_of(message.encode()) == key


@pytest.mark.parametrize("rest", ['"]', '"] said', '" x="y"] said', '"', '" and it does not end', '"][x@1 a="b"]'])
def test_key_beside_our_element_is_never_kept(rest: str) -> None:
    entry = read(f'<13>1 - h a - - [luminalog@1 key="{KEY}{rest}'.encode())
    [line] = canonical_lines([entry])
    assert KEY.encode() not in line


@given(st.lists(st.tuples(st.sampled_from(["10.0.0.1", "::1", "fe80::1"]), st.binary(max_size=60)), max_size=8))
def test_body_is_read_as_it_was_made(pairs: list[tuple[str, bytes]]) -> None:
    body = body_of([Heard(*pair) for pair in pairs])
    found = SYSLOG.drafts(body, Wishes(), None)
    assert [one.message for one in found if isinstance(one, Entry)] == [read(said).message for _, said in pairs]


@pytest.mark.parametrize("body", [b"", b"x", b"\x91\x91\xa1a", body_of([Heard("a", b"b")])[:-1]])
def test_what_is_no_body_is_refused(body: bytes) -> None:
    with pytest.raises(Refusal, match="malformed_json"):
        SYSLOG.read(body, Wishes())


pieces = st.sampled_from(
    ["<13>", "<191>", "1 ", "- ", "2026-11-27T12:00:00Z ", "Nov 27 12:00:00 ", "12: *", "host ", "app[1]: ",
     "%ASA-1-2: ", "[x@1 ", 'a="', '\\"', '"] ', "]", "[luminalog@1 key=", "\ufeff", "\0", "\n", ": ", "UTC: "]
)  # fmt: skip


@given(st.lists(pieces | st.text(max_size=5), max_size=14).map("".join))
def test_whatever_is_said_is_an_entry_and_no_text_is_lost(said: str) -> None:
    entry = read(said.encode(errors="replace"))
    canonical_lines([entry])
    assert entry.message in said or "\ufffd" in entry.message or said.encode(errors="ignore").decode() != said
