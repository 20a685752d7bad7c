"""Rules, the incidents that they find, silences, and what is counted for rules alone.

Rows that a round of the evaluator writes have no foreign keys to organisations: it locks none.
"""

from alerts.models.bounds import MOST_CHANNELS, MOST_COUNT, MOST_MINUTES, MOST_NAME, MOST_QUERY
from alerts.models.counted import Cursor, Minute, Round, Seen
from alerts.models.incidents import Incident, Silence
from alerts.models.rules import Rule

__all__ = [
    "MOST_CHANNELS",
    "MOST_COUNT",
    "MOST_MINUTES",
    "MOST_NAME",
    "MOST_QUERY",
    "Cursor",
    "Incident",
    "Minute",
    "Round",
    "Rule",
    "Seen",
    "Silence",
]
