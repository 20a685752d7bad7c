"""What errors leave behind of a person or a text, and how it goes; and counts of entries that are erased themselves."""

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime

from django.db import transaction
from django.db.models import Q

from foundation.postgres import execute, fetch_all
from issues import numbers, sightings
from issues.models import OTHERS, Fingerprint, Group, Turn
from issues.people import hash_of
from storage.found import FoundEntry

ROWS_AT_ONCE = 1_000

HOLD = """
SELECT FROM issues_fingerprint
 WHERE organisation_id = %s AND key = ANY (%s) ORDER BY organisation_id, key FOR NO KEY UPDATE
"""
KEYS_OF_PERSON = "SELECT key FROM issues_person WHERE organisation_id = %s AND person = %s"
FORGET_PERSON = """
WITH gone AS (
    DELETE FROM issues_person
     WHERE organisation_id = %s AND person = %s AND key = ANY (%s) RETURNING organisation_id, key)
UPDATE issues_fingerprint AS kept SET people = people - 1
  FROM gone WHERE (kept.organisation_id, kept.key) = (gone.organisation_id, gone.key)
"""
#: From the pair that it was counted under; from all others where that is not kept apart.
TAKE_BACK = """
UPDATE {table} SET events = events - %s
 WHERE (organisation_id, key, {moment}, level) = (%s, %s, %s, %s)
   AND (environment, release) = (
       SELECT environment, release FROM {table}
        WHERE (organisation_id, key, {moment}, level) = (%s, %s, %s, %s)
          AND ((environment, release) = (%s, %s) OR (environment, release) = ('{others}', '{others}'))
          AND events >= %s
        ORDER BY environment = '{others}' LIMIT 1)
"""
NOTHING_LEFT = "DELETE FROM {table} WHERE organisation_id = %s AND key = ANY (%s) AND events <= 0"
TABLES = (("issues_minute", "minute"), ("issues_hour", "hour"))
TAKE_FROM_FINGERPRINT = """
UPDATE issues_fingerprint
   SET events = events - %s,
       samples = (SELECT coalesce(array_agg(id ORDER BY place), '{}')
                    FROM unnest(samples) WITH ORDINALITY AS kept(id, place) WHERE id <> ALL (%s)),
       first_sample = CASE WHEN first_sample = ANY (%s) THEN NULL ELSE first_sample END
 WHERE organisation_id = %s AND key = %s
"""


def forget_person(organisation_id: int, user_id: str) -> int:
    """Forget that a user of an organisation's customer met errors; return of how many fingerprints."""
    person = hash_of(organisation_id, user_id)
    with transaction.atomic():
        keys = [key for (key,) in fetch_all(KEYS_OF_PERSON, [organisation_id, person])]
        execute(HOLD, [organisation_id, keys])
        return execute(FORGET_PERSON, [organisation_id, person, keys])


def count_person(organisation_id: int, user_id: str) -> int:
    """Return of how many fingerprints a user met errors."""
    return len(fetch_all(KEYS_OF_PERSON, [organisation_id, hash_of(organisation_id, user_id)]))


def count_texts(organisation_id: int, is_in: Callable[[str], bool]) -> int:
    """Return how many groups and turns hold a text that `is_in` knows."""
    groups = sum(any(map(is_in, texts)) for _, *texts in _texts_of_groups(organisation_id))
    turns = sum(is_in(text) for _, text in _comments(organisation_id))
    return groups + turns + sum(any(map(is_in, basis)) for _, basis in _bases(organisation_id))


def erase_texts(organisation_id: int, cut: Callable[[str], str]) -> int:
    """Replace titles, culprits, what is grouped by, and comments by what `cut` leaves of them; return how many changed.

    In transactions of their own; may be run again. What an error is grouped by stays: its digest.
    """
    changed = 0
    for group_id, title, culprit, type_ in _texts_of_groups(organisation_id):
        left = [cut(text) for text in (title, culprit, type_)]
        if left != [title, culprit, type_]:
            values = dict(zip(("title", "culprit", "type"), left, strict=True))
            changed += Group.objects.filter(pk=group_id).update(**values)
    for key, basis in _bases(organisation_id):
        parts = [cut(part) for part in basis]
        if parts != list(basis):
            changed += Fingerprint.objects.filter(organisation_id=organisation_id, key=key).update(basis=parts)
    for turn_id, text in _comments(organisation_id):
        if cut(text) != text:
            changed += Turn.objects.filter(pk=turn_id).update(details={"text": cut(text)})
    sightings.forget()
    return changed


def take_back(organisation_id: int, entries: Iterable[FoundEntry]) -> int:
    """Take entries that are erased out of the counts; return how many of them were counted: `Erased.errors`.

    In the caller's transaction, which deletes them. Who met them, and when the last was, stays as it was.
    """
    counted = [entry for entry in entries if entry.error_key is not None]
    of_key: dict[int, list[int]] = {}
    minutes: Counter[tuple[int, datetime, int, str, str]] = Counter()
    for entry in counted:
        assert entry.error_key is not None
        of_key.setdefault(entry.error_key, []).append(entry.id)
        minute = entry.received_at.replace(second=0, microsecond=0)
        release = sightings.release_of(organisation_id, entry)
        minutes[entry.error_key, minute, entry.level.value, entry.environment, release] += 1
    execute(HOLD, [organisation_id, sorted(of_key)])
    for (key, minute, level, environment, release), events in sorted(minutes.items()):
        for (table, moment), at in zip(TABLES, (minute, minute.replace(minute=0)), strict=True):
            where = [organisation_id, key, at, level]
            statement = TAKE_BACK.format(table=table, moment=moment, others=OTHERS)
            execute(statement, [events, *where, *where, environment, release, events])
    for table, _ in TABLES:
        execute(NOTHING_LEFT.format(table=table), [organisation_id, sorted(of_key)])
    for key, ids in sorted(of_key.items()):
        execute(TAKE_FROM_FINGERPRINT, [len(ids), ids, ids, organisation_id, key])
    numbers.forget()
    return len(counted)


def _texts_of_groups(organisation_id: int) -> list[tuple[int, str, str, str]]:
    return list(
        Group.objects.filter(organisation_id=organisation_id)
        .order_by("pk")
        .values_list("pk", "title", "culprit", "type")
    )


def _bases(organisation_id: int) -> list[tuple[int, list[str]]]:
    found = Fingerprint.objects.filter(organisation_id=organisation_id).order_by("key")
    return list(found.values_list("key", "basis"))


def _comments(organisation_id: int) -> list[tuple[int, str]]:
    found = Turn.objects.filter(Q(organisation_id=organisation_id) & Q(what=Turn.What.COMMENT)).order_by("pk")
    return [(pk, str(details.get("text", ""))) for pk, details in found.values_list("pk", "details")]
