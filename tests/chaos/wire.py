"""PostgreSQL's wire protocol, as much as it takes to see a batch being committed (PostgreSQL manual, chapter 54)."""

from collections.abc import Iterator

ACCEPT_MARKS = (b"INSERT INTO ingest_spooledbatch", b"quotas_monthlyusage")
LENGTH_BYTES = 4


class Messages:
    """Splits one direction of a connection into messages: type and body."""

    def __init__(self, *, begins_untyped: bool) -> None:
        self._buffer = bytearray()
        self._is_untyped = begins_untyped  # the client's first message has no type

    def feed(self, data: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Add what has arrived; yield the messages that are complete."""
        self._buffer += data
        while True:
            prefix = 0 if self._is_untyped else 1
            if len(self._buffer) < prefix + LENGTH_BYTES:
                return
            end = prefix + int.from_bytes(self._buffer[prefix : prefix + LENGTH_BYTES])
            if len(self._buffer) < end:
                return
            kind, body = bytes(self._buffer[:prefix]), bytes(self._buffer[prefix + LENGTH_BYTES : end])
            del self._buffer[:end]
            self._is_untyped = False
            yield kind, body


class Commits:
    """Watches both directions of a connection and tells when a transaction is about to be, and has been, committed."""

    def __init__(self) -> None:
        self._client = Messages(begins_untyped=True)
        self._server = Messages(begins_untyped=False)
        self._accepts: set[bytes] = set()  # names of prepared statements
        self._is_in_transaction = False

    def sees_commit(self, data: bytes) -> bool:
        """Take what the client sends; tell whether it asks to commit."""
        asked = [self._asks_to_commit(kind, body) for kind, body in self._client.feed(data)]  # all: they have effects
        return any(asked)

    def sees_answer(self, data: bytes) -> bool:
        """Take what the server sends; tell whether it is ready for the next query."""
        ready = False
        for kind, body in self._server.feed(data):
            if kind == b"Z":
                ready, self._is_in_transaction = True, body != b"I"
        return ready

    def _asks_to_commit(self, kind: bytes, body: bytes) -> bool:
        match kind:
            case b"P":
                name, query = body.split(b"\0", 2)[:2]
                if all(mark in query for mark in ACCEPT_MARKS):
                    self._accepts.add(name)
            case b"B":  # the accept statement is a transaction by itself, unless it is within one
                return body.split(b"\0", 2)[1] in self._accepts and not self._is_in_transaction
            case b"Q":
                return body.rstrip(b"\0; ").upper() == b"COMMIT"
        return False
