"""How an organisation's errors are grouped, ready for work: from this process's memory for some seconds."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

import re2

from foundation.postgres import fetch_all
from foundation.read_ahead import ReadAhead
from issues.ours import NO_PREFIXES, Prefixes
from privacy.expressions import Expression

#: After a change errors are looked up by their former fingerprints, too: none makes a second group.
TRANSITION = timedelta(days=30)
KNOWN_SECONDS = 8
AHEAD_SECONDS = 3
CAPACITY = 50_000
READ = """
SELECT organisation_id, release_key, ours, not_ours, edition, former_ours, former_not_ours, former_edition, changed_at,
       filters_extensions, filters_crawlers, filtered_messages
  FROM issues_setting WHERE organisation_id = ANY (%s::bigint[])
"""


@dataclass(frozen=True, slots=True)
class Rules:
    """What an organisation has set. `former` are the prefixes of before `changed_at`."""

    release_key: str = ""
    prefixes: Prefixes = NO_PREFIXES
    former: Prefixes | None = None
    changed_at: datetime | None = None
    filters_extensions: bool = False
    filters_crawlers: bool = False
    filtered_messages: Sequence[Expression] = ()

    @property
    def filters(self) -> bool:
        """Whether anything is left out."""
        return self.filters_extensions or self.filters_crawlers or bool(self.filtered_messages)

    def former_at(self, now: datetime) -> Prefixes | None:
        """Return the former prefixes as long as they are looked at."""
        return self.former if self.former and self.changed_at and now - self.changed_at < TRANSITION else None


DEFAULTS = Rules()


def rules_of(organisation_id: int) -> Rules:
    """Return an organisation's rules, at most `KNOWN_SECONDS` old. Raises: `OperationalError`."""
    return _known.recall(organisation_id) or _known.read(organisation_id) or DEFAULTS


def forget() -> None:
    """Forget all rules."""
    _known.clear()


def is_expression(pattern: str) -> bool:
    """Tell whether RE2 reads `pattern`, and it fits no empty text."""
    try:
        return not Expression(pattern, is_text=True).fits(b"")
    except re2.error:
        return False


def _read(organisation_ids: Collection[int]) -> dict[int, Rules]:
    found = {row[0]: _rules(*row[1:]) for row in fetch_all(READ, [list(organisation_ids)])}
    return {one: found.get(one, DEFAULTS) for one in organisation_ids}


_known = ReadAhead(_read, most_seconds=KNOWN_SECONDS, ahead_seconds=AHEAD_SECONDS, capacity=CAPACITY)


def _rules(release_key: str, *row: Any) -> Rules:
    ours, not_ours, edition, former_ours, former_not_ours, former_edition, changed_at, extensions, crawlers, texts = row
    return Rules(
        release_key=release_key,
        prefixes=Prefixes(tuple(ours), tuple(not_ours), edition),
        former=Prefixes(tuple(former_ours), tuple(former_not_ours), former_edition) if changed_at else None,
        changed_at=changed_at,
        filters_extensions=extensions,
        filters_crawlers=crawlers,
        filtered_messages=tuple(_expression(text) for text in texts if is_expression(text)),
    )


@lru_cache(1_024)
def _expression(pattern: str) -> Expression:
    return Expression(pattern, is_text=True)
