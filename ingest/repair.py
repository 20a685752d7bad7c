"""Make the text of a body such that PostgreSQL can store every string in it, without parsing it."""

import codecs
import re

from foundation.refusals import Refusal

BOM = b"\xef\xbb\xbf"
CHUNK_BYTES = 2**20
BACKSLASH = b"\\"
ESCAPED_NUL = rb"\u0000"
ESCAPED_REPLACEMENT = rb"\ufffd"
#: Stands for an escaped backslash while others are looked at. Raw U+0000 is never valid in JSON, so it is free.
MARK = b"\0\0"
HIGH = rb"\\u[dD][89abAB][0-9a-fA-F]{2}"
LOW = rb"\\u[dD][c-fC-F][0-9a-fA-F]{2}"
LONE_SURROGATE = re.compile(rb"%b(?!%b)|(?<!%b)%b" % (HIGH, LOW, HIGH, LOW))


def without_bom(body: bytes) -> bytes:
    """Return `body` without a leading byte order mark."""
    return body.removeprefix(BOM)


def require_utf8(body: bytes) -> None:
    """Refuse anything but strict UTF-8, whole body: parsers skip what they need not read.

    Raises: Refusal `invalid_encoding`.
    """
    if body.isascii():
        return
    decoder = codecs.getincrementaldecoder("utf-8")()
    view = memoryview(body)
    try:
        for start in range(0, len(body), CHUNK_BYTES):
            decoder.decode(view[start : start + CHUNK_BYTES])
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        raise Refusal("invalid_encoding") from error


def replace_unstorable(body: bytes) -> bytes:
    r"""Turn the escapes of U+0000 and of lone surrogates into `\ufffd`, in strings and names alike."""
    if BACKSLASH not in body or b"\0" in body:  # a raw U+0000 is not JSON: the parser will say so
        return body
    marked = body.replace(rb"\\", MARK).replace(ESCAPED_NUL, ESCAPED_REPLACEMENT)
    if LONE_SURROGATE.search(marked):
        marked = _without_lone_surrogates(marked)
    return marked.replace(MARK, rb"\\")


def _without_lone_surrogates(marked: bytes) -> bytes:
    """Replace them in place: `sub` would take 13 times the size of a body that is full of them."""
    repaired = bytearray(marked)
    for lone in LONE_SURROGATE.finditer(marked):
        repaired[lone.start() : lone.end()] = ESCAPED_REPLACEMENT
    return bytes(repaired)
