"""Which installation this is: a number of its own, made once, by which a core tells an edge from its copy."""

from uuid import UUID, uuid4

from foundation.once import once
from foundation.postgres import execute, fetch_all

MAKE = "INSERT INTO quotas_installation (id, number) VALUES (1, %s) ON CONFLICT (id) DO NOTHING"
READ = "SELECT number FROM quotas_installation WHERE id = 1"


@once
def own() -> UUID:
    """Return this installation's number. Raises: `OperationalError`."""
    execute(MAKE, [uuid4()])
    [(number,)] = fetch_all(READ)
    assert isinstance(number, UUID)
    return number
