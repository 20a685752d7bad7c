"""What every log store answers about entries; who keeps and takes them out is in `storage.store`."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

from storage.aggregates import Aggregate, Aggregated, Field, Said, Values
from storage.arrivals import Arrival, FoundOf
from storage.conditions import EVERYTHING, Condition
from storage.found import FoundEntry, Portion, Sampled
from storage.search import EPOCH, PORTION_BYTES, LevelCount, Position, Search
from storage.wall import State


class EntryReader(Protocol):
    """Answers one organisation at a time. All methods raise `Unavailable`; `Refusal` when too much is asked at once."""

    def page(
        self,
        search: Search,
        *,
        limit: int,
        most_bytes: int = PORTION_BYTES,
        after: Position | None = None,
        newest_first: bool = True,
        seconds: float | None = None,
    ) -> Portion:
        """Return the first `limit` entries in the order of time, and of ids within a microsecond, after a position.

        Fewer when they hold `most_bytes`. Whatever is stored, one entry more than is returned is in memory at a time.
        `seconds` at most, or as long as reading may take.
        """

    def sample(
        self,
        search: Search,
        *,
        but: Condition = EVERYTHING,
        limit: int,
        most_bytes: int = PORTION_BYTES,
        among: int,
        seconds: float,
    ) -> Sampled:
        """Look at the newest `among` entries of a search, and pick up to `limit` of those that fulfil `but`.

        Which ones is as good as chance, and always the same; fewer when they hold `most_bytes`. `seconds` at most.
        """

    def entry(self, organisation_id: int, entry_id: int) -> FoundEntry | None:
        """Return one entry of the organisation."""

    def batch(self, arrival: Arrival, *, after: int = 0, most_bytes: int = PORTION_BYTES) -> Portion:
        """Return the entries of a batch with an id beyond `after`, in the order of ids; fewer as `page`."""

    def found_in(
        self, arrivals: Sequence[Arrival], conditions: Sequence[Condition], *, seconds: float
    ) -> list[FoundOf]:
        """Count the entries of batches of one organisation that fulfil each condition; nothing found is left out.

        Raises: `Unavailable` `query_timeout` when it takes longer than `seconds`.
        """

    def level_counts(self, search: Search, *, step: timedelta, origin: datetime = EPOCH) -> list[LevelCount]:
        """Count by level and step; steps begin at multiples of it around `origin`, empty ones are left out.

        `origin` is at a whole minute.
        """

    def aggregate(self, search: Search, asked: Aggregate, *, seconds: float | None = None) -> Aggregated:
        """Make figures of the entries that a search finds; what is asked and answered, `storage.aggregates` says.

        `seconds` at most, or as long as reading may take. Raises: `Unavailable` `query_timeout`.
        """

    def values(self, search: Search, fields: Sequence[Field], *, among: int, most: int, seconds: float) -> Values:
        """Count the values of fields in the newest `among` entries of a search; of each field the `most` frequent.

        The most frequent first, equally frequent ones by their values as JSON. `seconds` at most.
        """

    def messages(self, search: Search, *, among: int, most_characters: int, seconds: float) -> list[Said]:
        """Return what the newest `among` entries of a search say, cut; the newest first. `seconds` at most."""

    def lower(self, text: str) -> str:
        """Write `text` in small letters, exactly as a search in any case does here."""

    def wall(self) -> State:
        """Tell how much keeps a query that forgets its organisation from finding a stranger's entries."""
