"""What a client knows: each batch before it is sent, each answer when it comes, on disk.

It is the only witness of what was promised, so it outlives the client.
"""

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.chaos.batches import SentBatch

#: PostgreSQL could not be asked whether the batch had been kept: it may have been.
IN_DOUBT = "storage_unavailable"
FAILED = "internal_error"
#: A bucket is empty: said before anybody looks whether the batch was kept by an earlier attempt.
LIMITED = {"rate_limited", "too_many_requests"}


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came back of one attempt; `status` is None when nothing did."""

    status: int | None
    code: str = ""
    bytes_used: int = 0
    processed: int = 0
    is_replay: bool = False
    started_at: float = 0.0
    seconds: float = 0.0


@dataclass(kw_only=True)
class JournalledBatch:
    """What the journals say of one batch."""

    name: str
    organisation_id: int
    idempotency_key: str | None
    digests: list[str]
    size_bytes: int
    is_valid: bool
    is_503_final: bool = False
    attempts: int = 0
    answers: list[Answer] = field(default_factory=list)

    @property
    def is_acknowledged(self) -> bool:
        return any(answer.status == 200 for answer in self.answers)

    @property
    def is_in_doubt(self) -> bool:
        """Tell whether it may have been kept though nobody said so: a lost answer that no later one has settled.

        With an Idempotency-Key the last answer speaks for all attempts. `is_503_final` where PostgreSQL could be asked.
        """
        if self.is_acknowledged:
            return False
        open_codes = {FAILED} if self.is_503_final else {FAILED, IN_DOUBT}
        telling = [answer for answer in self.answers if answer.code not in LIMITED]
        settled = [bool(answer.status) and answer.code not in open_codes for answer in telling]
        if self.attempts > len(self.answers):
            settled.append(False)
        return not all(settled[-1:] if self.idempotency_key else settled)


class Journal:
    """One client's file: a line an event, flushed to disk before the client goes on."""

    def __init__(self, path: Path, *, organisation_id: int) -> None:
        self._file = path.open("a")
        self._organisation_id = organisation_id

    def sends(self, batch: SentBatch) -> None:
        """Note a batch before its first attempt."""
        self._write(
            event="batch",
            name=batch.name,
            organisation_id=self._organisation_id,
            idempotency_key=batch.idempotency_key,
            digests=batch.digests,
            size_bytes=batch.size_bytes,
            is_valid=batch.is_valid,
        )

    def tries(self, batch: SentBatch) -> None:
        """Note an attempt before it is made."""
        self._write(event="attempt", name=batch.name)

    def hears(self, batch: SentBatch, answer: Answer) -> None:
        """Note what came of the attempt."""
        self._write(event="answer", name=batch.name, **vars(answer))

    def close(self) -> None:
        self._file.close()

    def _write(self, **line: Any) -> None:
        self._file.write(json.dumps(line) + "\n")
        self._file.flush()
        os.fsync(self._file.fileno())


def read_journals(paths: Iterable[Path]) -> dict[str, JournalledBatch]:
    """Return what the journals say, by the batches' names."""
    batches: dict[str, JournalledBatch] = {}
    for event, line in _lines(paths):
        match event:
            case "batch":
                batches[line["name"]] = JournalledBatch(**line)
            case "attempt":
                batches[line["name"]].attempts += 1
            case "answer":
                batches[line.pop("name")].answers.append(Answer(**line))
    return batches


def _lines(paths: Iterable[Path]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path in paths:
        for text in path.read_text().splitlines():
            line = json.loads(text)
            yield line.pop("event"), line
