"""What staff type, as it may be written down."""

from privacy.effort import TooMuch
from privacy.policies import scrubber_of


def as_recorded(text: str, organisation_id: int) -> str:
    """Return a query as it may be written down: what would be replaced in an entry is replaced in it."""
    try:
        return scrubber_of(organisation_id).scrub_text(text)[0] if text else text
    except TooMuch:
        return "[withheld]"
