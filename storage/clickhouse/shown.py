"""Which entries are shown while some are being moved here from PostgreSQL: those of runs that are not over are not."""

from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Shown:
    """What is stored here at first, and what these runs have brought; everything, where nothing is being moved."""

    runs: Collection[int] | None = None

    @property
    def tests(self) -> list[str]:
        """The test of an entry, as SQL, or none."""
        return [] if self.runs is None else [f"moved IN ({', '.join(map(str, sorted({0, *map(int, self.runs)})))})"]

    @property
    def also(self) -> str:
        """The same, to stand behind other tests."""
        return "".join(f" AND {test}" for test in self.tests)


ALL_SHOWN = Shown()
