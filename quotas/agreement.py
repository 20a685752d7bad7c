"""What a loan of bytes becomes by what an edge asks for. Pure."""

from dataclasses import dataclass
from datetime import date

#: Beyond what the asking batch needs an edge gets at most this part of what is left: 5 %.
SHARE_OF_THE_REST = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Ask:
    """What an edge says of its loan of an organisation's month: all in bytes, all totals since the month began.

    `wanted_bytes` is how much it wants to have been lent; with `needed_bytes` at least it could take what waits.
    """

    organisation_id: int
    period: date
    wanted_bytes: int
    needed_bytes: int = 0
    returned_bytes: int = 0


@dataclass(slots=True)
class Month:
    """An organisation's month while its row is held."""

    limit_bytes: int
    used_bytes: int
    lent_bytes: int
    is_called_back: bool = False


@dataclass(frozen=True, slots=True)
class Totals:
    """A loan's totals."""

    lent_bytes: int = 0
    returned_bytes: int = 0
    settled_bytes: int = 0

    @property
    def unspent_bytes(self) -> int:
        return self.lent_bytes - self.returned_bytes - self.settled_bytes


def agreed(month: Month, loan: Totals, ask: Ask) -> Totals:
    """Return what a loan becomes by what an edge asks for. Pure, and the same again when it is repeated.

    Nothing comes back that was not lent, or is settled.
    """
    returned = max(loan.returned_bytes, min(ask.returned_bytes, loan.lent_bytes - loan.settled_bytes))
    rest = month.limit_bytes - month.used_bytes - (month.lent_bytes - (returned - loan.returned_bytes))
    return Totals(loan.lent_bytes + _more(loan, ask, rest=rest), returned, loan.settled_bytes)


def _more(loan: Totals, ask: Ask, *, rest: int) -> int:
    needed, wanted = ask.needed_bytes - loan.lent_bytes, ask.wanted_bytes - loan.lent_bytes
    if wanted <= 0 or rest <= 0 or needed > rest:
        return 0
    return min(wanted, max(needed, rest // SHARE_OF_THE_REST))
