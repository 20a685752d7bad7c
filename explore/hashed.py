"""Values that an organisation keeps as hashes: who searches for one finds it, as it was sent and as it is kept."""

from collections.abc import Callable
from functools import partial

from foundation.refusals import Refusal
from privacy.effort import TooMuch
from privacy.policies import scrubber_of
from privacy.scrubbing import Scrubber

#: How a value of a field, or without one a text of the message, is kept, if it is hashed.
Hashed = Callable[[str, str | None], str | None]


def hashed_by(organisation_id: int) -> Hashed:
    """Return how an organisation's rules hash what is searched for. Raises: `OperationalError`."""
    return partial(_hashed, scrubber_of(organisation_id))


def _hashed(scrubber: Scrubber, text: str, field: str | None) -> str | None:
    try:
        return scrubber.hashed(text, field=(field or "").rpartition(".")[2])
    except TooMuch as error:
        raise Refusal("invalid_query", "The query holds too much that is hashed.") from error
