"""ClickHouse's HTTP as spoken by the product, as much as it takes to see an INSERT half sent, and answered."""

INSERT_MARK = b"INSERT+INTO+entry"
END_OF_HEAD = b"\r\n\r\n"


class Inserts:
    """Watches one connection: where the middle of an INSERT's body lies, and which answer is an INSERT's."""

    def __init__(self) -> None:
        self._awaits_body = False
        self.is_answer_due = False

    def middle_of(self, data: bytes) -> int | None:
        """Return where, in what the client sends now, the first piece of an INSERT's body is half over; else None."""
        begin = 0
        if data.startswith((b"POST ", b"GET ")):
            head, end, _ = data.partition(END_OF_HEAD)
            self._awaits_body = self.is_answer_due = INSERT_MARK in head.partition(b"\r\n")[0]
            begin = len(head) + len(end)
        if not self._awaits_body or len(data) - begin < 2:
            return None
        self._awaits_body = False
        return (begin + len(data)) // 2
