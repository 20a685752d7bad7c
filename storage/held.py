"""What this room holds of values that clients sent, beside entries: the names of fields."""

from foundation.holdings import register
from storage.fields.forgetting import FIELDS, NAMES

register(NAMES, FIELDS)
