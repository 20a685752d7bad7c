"""What this room holds of values that clients sent: titles of groups, what they are grouped by, comments, people."""

from foundation.holdings import Belongings, Holding, Wanted, register
from issues import erasing, forgetting


def _count(wanted: Wanted) -> int:
    return erasing.count_texts(wanted.organisation_id, wanted.is_in)


def _erase(wanted: Wanted) -> int:
    return erasing.erase_texts(wanted.organisation_id, wanted.cut_from)


def _count_people(wanted: Wanted) -> int:
    return sum(erasing.count_person(wanted.organisation_id, value) for value in wanted.values)


def _erase_people(wanted: Wanted) -> int:
    return sum(erasing.forget_person(wanted.organisation_id, value) for value in wanted.values)


TEXTS = Holding(name="error groups", count=_count, erase=_erase)
PEOPLE = Holding(name="people who met errors", count=_count_people, erase=_erase_people)

GROUPS = Belongings(name="error groups", forget=forgetting.forget_organisation)

register(TEXTS, PEOPLE, GROUPS)
