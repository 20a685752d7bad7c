"""What this room keeps: evidence of error groups, what was asked of a model, and recordings.

Rows of a group have a foreign key in the database alone, by which they go with it (`migrations/0001_explanations.py`).
"""

from assist.models.asking import Answer, Call, Setting, Spending, Verdict
from assist.models.evidence import Forgotten, Snapshot
from assist.models.recording import Recording

__all__ = ["Answer", "Call", "Forgotten", "Recording", "Setting", "Snapshot", "Spending", "Verdict"]
