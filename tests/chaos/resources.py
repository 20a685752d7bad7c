"""What the product's processes hold: after a storm not much more than before it."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.stack import Stack

PAGE_KIB = 4
MORE_DESCRIPTORS = 24
MORE_THREADS = 12
MORE_MIB = 150
MOST_SESSIONS = 24  # of one part: each of eight threads may have one to write and one to read


@dataclass(frozen=True, kw_only=True)
class Held:
    """What a part holds, all its processes together."""

    descriptors: int
    threads: int
    resident_mib: int


def held_by(stack: Stack, name: str) -> Held:
    """Measure a part."""
    descriptors = threads = pages = 0
    for pid in stack.processes(name):
        with contextlib.suppress(OSError):  # a child that ended meanwhile
            process = Path(f"/proc/{pid}")
            descriptors += len(list((process / "fd").iterdir()))
            threads += len(list((process / "task").iterdir()))
            pages += int((process / "statm").read_text().split()[1])
    return Held(descriptors=descriptors, threads=threads, resident_mib=pages * PAGE_KIB // 1024)


@dataclass(frozen=True, kw_only=True)
class Resources:
    """What the whole product holds at a moment of calm."""

    parts: dict[str, Held]
    sessions: dict[str, int]

    @classmethod
    def of(cls, stack: Stack) -> "Resources":
        # Of PostgreSQL, shared memory counts in each backend; ClickHouse's caches grow as they may.
        ours = [name for name in stack.parts if name not in ("postgres", "clickhouse")]
        sessions = stack.query(
            "SELECT application_name, count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' GROUP BY 1"
        )
        return cls(parts={name: held_by(stack, name) for name in ours}, sessions=dict(sessions))

    def check(self, before: "Resources") -> Iterator[str]:
        """Yield what has grown since `before`."""
        for name, now in self.parts.items():
            then = before.parts[name]
            if now.descriptors > then.descriptors + MORE_DESCRIPTORS:
                yield f"{name} holds {now.descriptors} file descriptors, {then.descriptors} before"
            if now.threads > then.threads + MORE_THREADS:
                yield f"{name} runs {now.threads} threads, {then.threads} before"
            if now.resident_mib > then.resident_mib + MORE_MIB:
                yield f"{name} holds {now.resident_mib} MiB, {then.resident_mib} before"
        for name, sessions in self.sessions.items():
            if sessions > MOST_SESSIONS:
                yield f"{name} has {sessions} sessions in PostgreSQL"
