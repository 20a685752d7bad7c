"""Fields that an organisation's entries are known to have, by the names to ask for them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from explore.fields import name_of_key
from explore.summary import Field
from storage.fields import reading

MOST = 500
#: Entries of a time may have been received a little before it, by our clock.
SLACK = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Known:
    """A field that `percent` of the entries have had lately whose messages have it at all."""

    name: str
    types: list[str]
    percent: int


def known_beside(found: Sequence[Field], organisation_id: int, *, since: datetime) -> list[Known]:
    """Return the fields that were seen since then and are none of `found`, the most frequent first."""
    there = {one.name for one in found}
    known = (
        Known(name_of_key(one.path), [*one.types], one.percent)
        for one in reading.known(organisation_id, since=since - SLACK)
        if one.types != ("object",)
    )
    return [one for one in known if one.name not in there][:MOST]
