"""What a dashboard is asked for: a range of time, and the values that its variables are narrowed to."""

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from explore.parameters import Parameters
from explore.search import Search
from foundation.refusals import Refusal
from storage.search import earlier

UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
MOST_RANGE = timedelta(days=400)
#: Ranges that end now are cut to these: so many viewers ask the same, and whole minutes are read from rollups.
GRAIN, GRAIN_OF_SHORT, SHORT = timedelta(minutes=1), timedelta(seconds=15), timedelta(hours=1)
MOST_VALUES, MOST_CHARACTERS = 10, 200
VARIABLE = "var."

Chosen = tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """A range, how often an answer about it can change, and for each field that is narrowed its values."""

    start: datetime
    end: datetime
    grain: timedelta
    chosen: Chosen = ()

    def search(self, organisation_id: int, query: str, *, before: timedelta = timedelta()) -> Search:
        """Return the search for what a panel asks of the range, or of that `before` it. Raises: `Refusal`."""
        node = Parameters({"query": self.narrowed(query)}).query(organisation_id)
        return Search(organisation_id, node, earlier(self.start, by=before), earlier(self.end, by=before))

    def narrowed(self, query: str) -> str:
        """Return a query with the values chosen."""
        terms = [any_of(field, values) for field, values in self.chosen]
        if not terms:
            return query
        return " ".join([f"({query})", *terms] if query.strip() else terms)

    @property
    def words(self) -> str:
        """What was chosen, for the access log."""
        return self.narrowed("")


def read(parameters: Parameters, fields: Mapping[str, str], *, usual: str, now: datetime) -> Asked:
    """Return what is asked for of a dashboard with these variables. Raises: `Refusal`."""
    chosen = tuple(
        (field, _values(parameters, name)) for name, field in fields.items() if parameters.texts(VARIABLE + name)
    )
    start, end = parameters.moment("from"), parameters.moment("to")
    if start is not None:
        end = end or now
        if start >= end:
            raise Refusal("invalid_parameter", "from must be earlier than to.")
        return Asked(start, end, GRAIN, chosen)
    length = _length(parameters.text("range") or usual)
    grain = GRAIN if length >= SHORT else GRAIN_OF_SHORT
    seconds = int(grain.total_seconds())
    end = datetime.fromtimestamp(int(now.timestamp()) // seconds * seconds, UTC)
    return Asked(end - length, end, grain, chosen)


def any_of(field: str, values: Iterable[str]) -> str:
    """Return the term of a query for one of some texts: each is quoted, so none is more than a text."""
    written = " OR ".join(f'"{"".join(map(_in_quotes, value))}"' for value in values)
    return f"{''.join(map(_in_name, field))}:({written})"


def _values(parameters: Parameters, name: str) -> tuple[str, ...]:
    values = tuple(dict.fromkeys(parameters.texts(VARIABLE + name)))
    if len(values) > MOST_VALUES or any(len(value) > MOST_CHARACTERS or "\0" in value for value in values):
        detail = f"{name} may have up to {MOST_VALUES} values of {MOST_CHARACTERS} characters."
        raise Refusal("invalid_parameter", detail)
    return values


def _length(text: str) -> timedelta:
    number, unit = text[:-1], text[-1]
    if not (number.isascii() and number.isdecimal() and len(number) < 5 and unit in UNITS):
        raise Refusal("invalid_parameter", "range must be a number and one of m, h, d, w, like 24h.")
    length = int(number) * UNITS[unit]
    if not timedelta() < length <= MOST_RANGE:
        raise Refusal("invalid_parameter", f"range may be up to {MOST_RANGE.days} days.")
    return length


def _in_quotes(sign: str) -> str:
    return _escaped(sign) if sign in '"\\' or _is_unseen(sign) else sign


def _in_name(sign: str) -> str:
    return sign if sign.isalnum() or sign in "_." else _escaped(sign)


def _escaped(sign: str) -> str:
    return f"\\u{ord(sign):04x}" if _is_unseen(sign) else f"\\{sign}"


def _is_unseen(sign: str) -> bool:
    return sign != " " and ord(sign) < 0x10000 and unicodedata.category(sign)[0] in ("C", "Z")
