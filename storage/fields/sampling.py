"""Which metadata keys a sample of entries has, and of what types: pure. Names only; no value is even decoded."""

from collections.abc import Iterator, Mapping, Sequence
from zlib import crc32

import msgspec
from msgspec import Raw, Struct

from storage.batch import Batch, entry_id

#: One entry in so many, by the id of its batch; so of a batch of as many at least one.
ONE_IN = 64
#: Of an organisation in a drain's transaction; of an entry; longer names, and what lies deeper, are passed over.
MOST_SAMPLES, MOST_PATHS, MOST_CHARACTERS = 512, 200, 200
#: Longer lines are not looked into.
MOST_BYTES = 2**16
#: Of a message, what tells which of its program's messages it is.
MOST_OF_MESSAGE = 120
TEXT, NUMBER, BOOLEAN, LIST, OBJECT, NULL = "tnblo0"
#: What JSON's values begin with; anything else is a number.
_BEGINNINGS = {ord('"'): TEXT, ord("{"): OBJECT, ord("["): LIST, ord("t"): BOOLEAN, ord("f"): BOOLEAN, ord("n"): NULL}
_SPREAD, _BITS = 0x9E3779B97F4A7C15, 2**64 - 1


class Sample(Struct, frozen=True, array_like=True, gc=False):
    """An entry's keys, by path, with a letter for the type of each. `at` are seconds since 1970, of receipt."""

    project: str
    environment: str
    entry_id: int
    at: int
    template: int
    types: dict[str, str]


class _Line(Struct, gc=False):
    message: str = ""
    environment: str | None = None
    project_id: str | None = None
    metadata: dict[str, Raw] | None = None


_line = msgspec.json.Decoder(_Line).decode
_object = msgspec.json.Decoder(dict[str, Raw]).decode


def samples_of(batches: Sequence[Batch]) -> dict[int, list[Sample]]:
    """Return what a sample of these entries looks like, by organisation; of those with metadata."""
    found: dict[int, list[Sample]] = {}
    for batch in batches:
        first = ((batch.batch_id * _SPREAD) & _BITS) * ONE_IN >> 64
        for place in range(first, len(batch.lines), ONE_IN):
            kept = found.setdefault(batch.organisation_id, [])
            if len(kept) < MOST_SAMPLES and (sample := _sample(batch, place)):
                kept.append(sample)
    return {owner: samples for owner, samples in found.items() if samples}


def template_of(message: str) -> int:
    """Return a number that messages share which differ in words with digits or signs only: cheap, and not exact."""
    return crc32(" ".join(filter(str.isalpha, message[:MOST_OF_MESSAGE].split())).encode()) >> 1


def types_of(metadata: Mapping[str, Raw]) -> dict[str, str]:
    """Return the type of each key of two levels, as far as names are short and there are not too many."""
    found: dict[str, str] = {}
    for path, kind in _paths(metadata):
        if len(found) == MOST_PATHS:
            break
        if len(path) <= MOST_CHARACTERS and "\0" not in path:
            found.setdefault(path, kind)
    return found


def _sample(batch: Batch, place: int) -> Sample | None:
    line = batch.lines[place]
    if len(line) > MOST_BYTES:
        return None
    try:
        read = _line(line)
        types = types_of(read.metadata) if read.metadata else None
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None  # the store will say what is wrong with it
    if not types:
        return None
    return Sample(
        batch.project if read.project_id is None else read.project_id,
        batch.environment if read.environment is None else read.environment,
        entry_id(batch.batch_id, batch.indexes[place]),
        int(batch.received_at.timestamp()),
        template_of(read.message),
        types,
    )


def _paths(metadata: Mapping[str, Raw]) -> Iterator[tuple[str, str]]:
    for key, value in metadata.items():
        kind = _type_of(value)
        yield key, kind
        if kind == OBJECT:
            yield from ((f"{key}.{inner}", _type_of(one)) for inner, one in _object(value).items())


def _type_of(value: Raw) -> str:
    return _BEGINNINGS.get(bytes(memoryview(value)[:1])[0], NUMBER)
