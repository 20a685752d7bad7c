"""Error groups, what they are made of, and what became of them. Counts hang on fingerprints, never on groups.

So who merges or splits groups moves fingerprints from one to another, and no count.
"""

from issues.models.counts import OTHERS, Filtered, Hour, Minute, Person, Release
from issues.models.fingerprint import MOST_SAMPLES, Allowance, Fingerprint
from issues.models.group import Group, Turn
from issues.models.setting import Setting

__all__ = [
    "MOST_SAMPLES",
    "OTHERS",
    "Allowance",
    "Filtered",
    "Fingerprint",
    "Group",
    "Hour",
    "Minute",
    "Person",
    "Release",
    "Setting",
    "Turn",
]
