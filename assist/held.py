"""What this room holds of what clients sent: evidence, answers about it, and the texts that were sent to a model."""

from assist import forgetting
from foundation.holdings import Belongings, Holding, Wanted, register


def _count(wanted: Wanted) -> int:
    return forgetting.count(wanted.organisation_id)


def _erase(wanted: Wanted) -> int:
    return forgetting.forget(wanted.organisation_id)


#: All of an organisation's go, whatever is sought: they are made of entries, and are made again.
MADE_OF_ENTRIES = Holding(name="explanations", count=_count, erase=_erase)

EXPLAINED = Belongings(name="recordings and explanations", forget=forgetting.forget_organisation)

register(MADE_OF_ENTRIES, EXPLAINED)
