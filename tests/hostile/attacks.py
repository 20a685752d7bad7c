"""Requests whose framing is wrong, or can be read in two ways, with what must not come of them."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.hostile.site import Site, batch

CHUNKED = "Transfer-Encoding: chunked"
#: Sizes that overflow 16 hex digits, or a signed or unsigned word, to something small.
CHUNK_SIZES = [
    b"-5", b"+5", b"0x5", b" 5", b"5 ", b"5\t", b"5;", b"5;a=b", b'5;a="\n"', b"5;a\rb", b"5\0", b"", b"g", b"5,5",
    b"10000000000000005", b"ffffffffffffffff", b"8000000000000005", b"7fffffffffffffff", b"0" * 70_000 + b"5",
    b"5;" + b"a" * 10_000, b"5" * 70_000, "５".encode(),
]  # fmt: skip
#: These are well-formed, or nearly so: every parser reads a 5.
FINE_SIZES = {b"5 ", b"5\t", b"5;", b"5;a=b", b"0" * 70_000 + b"5", b"5;" + b"a" * 10_000}
TRANSFER_CODINGS = [
    "xchunked", "chunked, identity", "identity, chunked", "chunked, chunked", "gzip, chunked", "chunked;q=1",
    '"chunked"', "identity", "gzip", "", "\x0bchunked", "chunked\x0b", "\xa0chunked", "chunked\0", "Chunked ",
    "chunked,", ",chunked",
]  # fmt: skip
LENGTHS = [
    "", "+5", "-5", "0x5", "5 5", "5,5", "5, 6", "5;", "5.0", "5e0", "０", "5\0", "\x0b5", "18446744073709551621",
    "9" * 400, "0" * 400 + "5", "5\t", "05",
]  # fmt: skip


@dataclass(frozen=True)
class Attack:
    """Bytes to send on one connection. What follows the first request in them must never be taken for a request."""

    name: str
    build: Callable[[Site, str], bytes]
    holds_two: bool = False  # RFC 9112 leaves no doubt that there are two requests

    def __str__(self) -> str:
        return self.name


def visible(site: Site, mark: str) -> str:
    """Return the first line of the request that may be seen."""
    return f"POST /v1/logs?{mark} HTTP/1.1"


def hidden(site: Site, mark: str) -> bytes:
    """Return the request that must not be seen: with a good key, and a valid batch."""
    body = batch(f"smuggled by {mark}")
    return site.head(f"Content-Length: {len(body)}", start=f"POST /v1/logs?{mark}-smuggled HTTP/1.1") + body


def in_chunks(body: bytes) -> bytes:
    """Return `body` as one chunk and the last one."""
    return b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)


def framed(
    name: str,
    *lines: str | bytes,
    body: Callable[[bytes, bytes], bytes],
    version: str = "1.1",
    holds_two: bool = False,
) -> Attack:
    """Return an attack with these header lines; `body` gets the batch of the first request, and the hidden request.

    {n} in a line is the length of the batch, {m} that of the batch and the hidden request.
    """

    def build(site: Site, mark: str) -> bytes:
        first, second = batch(f"sent by {mark}"), hidden(site, mark)
        sizes = {"{n}": str(len(first)), "{m}": str(len(first + second)), "{chunks}": str(len(in_chunks(first)))}
        given = [line.encode("utf-8") if isinstance(line, str) else line for line in lines]
        for place, size in sizes.items():
            given = [line.replace(place.encode(), size.encode()) for line in given]
        start = visible(site, mark).replace("1.1", version)
        return site.head(*given, start=start) + body(first, second)

    return Attack(name, build, holds_two)


def plain(first: bytes, second: bytes) -> bytes:
    return first + second


def chunks(first: bytes, second: bytes) -> bytes:
    return in_chunks(first) + second


def ends_at_once(_first: bytes, second: bytes) -> bytes:
    return b"0\r\n\r\n" + second


def lines_of_two() -> list[Attack]:
    """Two lengths, or a length beside chunks."""
    both = [CHUNKED, "Content-Length: {chunks}"]
    return [
        framed("two lengths, the second longer", "Content-Length: {n}", "Content-Length: {m}", body=plain),
        framed("two lengths, the second shorter", "Content-Length: {m}", "Content-Length: {n}", body=plain),
        framed("length list, longer last", "Content-Length: {n}, {m}", body=plain),
        framed("length list, shorter last", "Content-Length: {m}, {n}", body=plain),
        framed("length of zero and length", "Content-Length: 0", "Content-Length: {m}", body=plain),
        framed("chunks and a length for all", *both, body=chunks),
        framed("a length for all and chunks", *reversed(both), body=chunks),
        framed("chunks and a length of zero", CHUNKED, "Content-Length: 0", body=chunks),
        framed("chunks that end at once, and a length", "Content-Length: {m}", CHUNKED, body=ends_at_once),
        framed("a bad length beside chunks", CHUNKED, "Content-Length: -1", body=chunks),
        framed("chunks twice", CHUNKED, CHUNKED, body=chunks),
        framed("chunks and identity", CHUNKED, "Transfer-Encoding: identity", body=ends_at_once),
        framed("identity and chunks", "Transfer-Encoding: identity", CHUNKED, "Content-Length: {m}", body=ends_at_once),
        framed("chunks in HTTP/1.0", CHUNKED, "Content-Length: {m}", body=ends_at_once, version="1.0"),
        framed("chunks in HTTP/1.0 without a length", CHUNKED, body=chunks, version="1.0"),
    ]


def names_and_folds() -> list[Attack]:
    """Names and line ends that one parser may take for the header, and another not."""
    lines: list[tuple[str, str | bytes]] = [
        ("space before the colon", "Transfer-Encoding : chunked"),
        ("tab before the colon", "Transfer-Encoding\t: chunked"),
        ("folded value", "Transfer-Encoding:\r\n chunked"),
        ("folded value by a tab", "Transfer-Encoding:\r\n\tchunked"),
        ("fold of another header", "X-Other: a\r\n Transfer-Encoding: chunked"),
        ("bare line feed in a value", "X-Other: a\nTransfer-Encoding: chunked"),
        ("bare carriage return in a value", "X-Other: a\rTransfer-Encoding: chunked"),
        ("NUL in a name", "Transfer\0-Encoding: chunked"),
        ("NUL after a name", "Transfer-Encoding\0: chunked"),
        ("underscore for hyphen", "Transfer_Encoding: chunked"),
        ("leading space", " Transfer-Encoding: chunked"),
        ("no colon", "Transfer-Encoding chunked"),
        ("long s in a name", "Tranſfer-Encoding: chunked"),
        ("a name that is a request line", "GET /v1/logs HTTP/1.1\r\nTransfer-Encoding: chunked"),
    ]
    return [framed(name, line, "Content-Length: {m}", body=ends_at_once) for name, line in lines]


def chunk_sizes() -> list[Attack]:
    """Chunk sizes that are none, or overflow."""

    def body(size: bytes) -> Callable[[bytes, bytes], bytes]:
        return lambda _, second: size + b"\r\n" + b"     \r\n0\r\n\r\n" + second

    return [
        framed(f"chunk size {size[:20]!r}", CHUNKED, body=body(size), holds_two=size in FINE_SIZES)
        for size in CHUNK_SIZES
    ]


def chunk_ends() -> list[Attack]:
    """Chunks with other line ends, without an end, and trailers that repeat the framing."""
    bodies: list[tuple[str, Callable[[bytes, bytes], bytes]]] = [
        ("line feeds only", lambda first, second: in_chunks(first).replace(b"\r\n", b"\n") + second),
        ("carriage returns only", lambda first, second: in_chunks(first).replace(b"\r\n", b"\r") + second),
        ("nothing between chunk and size", lambda first, second: b"%x\r\n%b0\r\n\r\n" % (len(first), first) + second),
        ("two bytes too many", lambda first, second: b"%x\r\n%bxx\r\n0\r\n\r\n" % (len(first), first) + second),
        ("no last line", lambda first, second: in_chunks(first)[:-2] + second),
        ("only the last chunk's first line", lambda first, second: in_chunks(first)[:-4] + second),
        ("trailer names a length", lambda first, _: in_chunks(first)[:-2] + b"Content-Length: 5\r\n\r\n"),
        ("trailer names a key", lambda first, _: in_chunks(first)[:-2] + b"x-api-key: ll_0\r\n\r\n"),
        ("trailer is a line of NULs", lambda first, _: in_chunks(first)[:-2] + b"\0\0\0\r\n\r\n"),
        ("1,000 trailers", lambda first, _: in_chunks(first)[:-2] + b"a: b\r\n" * 1_000 + b"\r\n"),
        ("trailer of 1 MB", lambda first, _: in_chunks(first)[:-2] + b"a: " + b"b" * 2**20 + b"\r\n\r\n"),
        ("a thousand extensions", lambda first, _: in_chunks(first).replace(b"\r\n", b";a" * 1_000 + b"\r\n", 1)),
    ]
    return [framed(f"chunks: {name}", CHUNKED, body=body) for name, body in bodies]


def single_values() -> list[Attack]:
    """Strange values of the two headers by themselves."""
    codings = [
        framed(
            f"coding {value!r}", f"Transfer-Encoding: {value}", body=ends_at_once, holds_two=value.strip() == "Chunked"
        )
        for value in TRANSFER_CODINGS
    ]
    beside = [
        framed(f"coding {value!r} and length", f"Transfer-Encoding: {value}", "Content-Length: {m}", body=ends_at_once)
        for value in TRANSFER_CODINGS
    ]
    lengths = [framed(f"length {value[:30]!r}", f"Content-Length: {value}", body=plain) for value in LENGTHS]
    return codings + beside + lengths


ATTACKS = [*lines_of_two(), *names_and_folds(), *chunk_sizes(), *chunk_ends(), *single_values()]
