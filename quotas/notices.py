"""Which notices the usage rows call for; giving and sending them is `notify`'s."""

from foundation import statements
from foundation.postgres import fetch_all
from notify.notices import Due, give

DUE = statements.read(__file__, "due_notices")


def raise_due() -> int:
    """Raise the notices that are due, each once a period; return how many were new."""
    return give([Due(*row) for row in fetch_all(DUE)])
