"""Messages of a stream of syslog, however it comes in pieces."""

from hypothesis import given
from hypothesis import strategies as st

from ingest.syslog.framing import MOST_BYTES, Framing

texts = st.binary(min_size=1, max_size=40).map(lambda text: b"<13>" + text)
#: How a message is sent, and whether it may hold any octet so.
counted = texts.map(lambda text: (text.rstrip(b"\r\n\0"), b"%d %b" % (len(text), text)))
ended = st.tuples(texts, st.sampled_from([b"\n", b"\0", b"\r\n"])).map(lambda pair: _ended(*pair))


def _ended(text: bytes, end: bytes) -> tuple[bytes, bytes]:
    plain = text.replace(b"\n", b"").replace(b"\0", b"").replace(b"\r", b"")
    return plain, plain + end


@given(st.lists(counted | ended, max_size=8), st.integers(1, 30))
def test_messages_come_out_as_they_went_in_whatever_the_pieces(sent: list[tuple[bytes, bytes]], size: int) -> None:
    framing = Framing()
    stream = b"".join(wire for _, wire in sent)
    found = [one for at in range(0, len(stream), size) for one in framing.feed(stream[at : at + size])]
    assert found + framing.end() == [text for text, _ in sent]
    assert framing.cut == 0


@given(st.binary(max_size=300), st.integers(1, 20))
def test_any_octets_are_read_without_harm(stream: bytes, size: int) -> None:
    framing = Framing()
    found = [one for at in range(0, len(stream), size) for one in framing.feed(stream[at : at + size])]
    assert all(b"\n" not in one or stream.count(b"<") for one in found + framing.end())


def test_count_of_a_syslog_daemon_includes_its_line_end() -> None:
    assert Framing().feed(b"9 <13>one\n\n9 <13>two\n\n") == [b"<13>one", b"<13>two"]


def test_what_is_too_long_is_cut_and_the_next_is_whole() -> None:
    long = b"<13>" + b"x" * (3 * MOST_BYTES)
    for wire in (long + b"\n", b"%d %b" % (len(long), long)):
        framing = Framing()
        found = []
        for at in range(0, len(wire), 50_000):
            found += framing.feed(wire[at : at + 50_000])
            assert len(framing._buffer) <= 2 * MOST_BYTES + 50_000
        found += framing.feed(b"<13>next\n")
        assert found == [long[:MOST_BYTES], b"<13>next"]
        assert framing.cut == 1


def test_what_a_closed_connection_leaves_is_a_message() -> None:
    framing = Framing()
    assert framing.feed(b"<13>half") == []
    assert framing.end() == [b"<13>half"]
    framing = Framing()
    assert framing.feed(b"20 <13>half") == []
    assert framing.end() == [b"<13>half"]
