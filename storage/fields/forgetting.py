"""What goes of fields: what was not seen for long, names that hold a value to be erased, all of an organisation."""

from django.db import transaction

from foundation import sweeping
from foundation.holdings import Belongings, Holding, Wanted
from foundation.postgres import execute, fetch_all
from foundation.sweeping import some_of

#: As long as minutes are.
KEPT_DAYS = 32
SWEEPS = [
    some_of(table, f"{moment} < now() - interval '{days} days'")
    for table, moment, days in (
        ("storage_field", "last_at", KEPT_DAYS),
        ("storage_drift", "found_at", KEPT_DAYS),
        ("storage_field_sample", "noted_at", 1),  # nobody has learnt from them
    )
]
TABLES = ("storage_field_sample", "storage_field", "storage_drift")
NAMED = """
SELECT DISTINCT name FROM (SELECT path AS name FROM storage_field WHERE organisation_id = %(owner)s
                           UNION SELECT project FROM storage_field WHERE organisation_id = %(owner)s
                           UNION SELECT unnest(ARRAY[path, project, environment]) FROM storage_drift
                            WHERE organisation_id = %(owner)s) AS named
"""
FORGET = (
    "DELETE FROM storage_field WHERE organisation_id = %(owner)s AND ARRAY[path, project] && %(names)s::text[]",
    "DELETE FROM storage_drift"
    " WHERE organisation_id = %(owner)s AND ARRAY[path, project, environment] && %(names)s::text[]",
)


def sweep() -> None:
    """Delete what is older than it is kept, beside whoever writes."""
    sweeping.sweep(SWEEPS)


@transaction.atomic
def forget_organisation(organisation_id: int) -> int:
    """Delete everything of an organisation's fields; return how many rows that were."""
    return sweeping.forget(organisation_id, TABLES)


def _count(wanted: Wanted) -> int:
    return len(_named(wanted))


def _erase(wanted: Wanted) -> int:
    """Forget what is named so, and what nobody has learnt from yet: it may be named so, too."""
    with transaction.atomic():
        execute("DELETE FROM storage_field_sample WHERE organisation_id = %s", [wanted.organisation_id])
        names = _named(wanted)
        for statement in FORGET:
            execute(statement, {"owner": wanted.organisation_id, "names": names})
    return len(names)


def _named(wanted: Wanted) -> list[str]:
    rows = fetch_all(NAMED, {"owner": wanted.organisation_id})
    return sorted(name for (name,) in rows if name and wanted.is_in(name))


NAMES = Holding(name="names of fields", count=_count, erase=_erase)
FIELDS = Belongings(name="fields", forget=forget_organisation)
