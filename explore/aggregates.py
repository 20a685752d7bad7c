"""Figures of what a search finds: the question as it is written in an address, and its answer in JSON."""

import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from msgspec import Raw, json

from explore.fields import field_of
from explore.parameters import Parameters
from explore.search import MAX_STEPS
from explore.shape import as_text
from explore.steps import Ruler
from explore.syntax import QueryError
from foundation.expiring import Expiring
from foundation.levels import Level
from foundation.refusals import Refusal
from storage.aggregates import Aggregate, Aggregated, Column, Field, Figure, Function, Series, Value
from storage.search import Search
from storage.store import store

MOST_BY = 2
DEFAULT_ROWS, MOST_ROWS = 20, 1_000
#: Of all series of an answer.
MOST_POINTS = 40_000
LEVEL: Field = (Column("level"),)
#: A step so long that everything falls into one.
NO_STEP = timedelta(days=3_650)
#: Beyond it, JSON's readers make other numbers of whole ones.
WHOLE = 2**53
LARGEST = Decimal("1.7976931348623157e308")

#: A range that has ended so long ago is closed: an answer about it is good for a while.
CLOSED_AFTER, KEPT_SECONDS = timedelta(minutes=2), 30
MOST_KEPT_BYTES = 64 * 1024
_answered: Expiring[tuple[Search, "Asked"], bytes] = Expiring(capacity=256)


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, and the names in which it was asked."""

    measure: str
    by: tuple[str, ...]
    aggregate: Aggregate

    @property
    def words(self) -> str:
        """The question, for people."""
        return " by ".join([self.measure, *([", ".join(self.by)] if self.by else [])])


def read_asked(parameters: Parameters) -> Asked:
    """Return what is asked for. Raises: `Refusal`."""
    step = parameters.number("step", default=0, lowest=1, highest=31 * 86400) or None
    limit = parameters.number("limit", default=DEFAULT_ROWS, lowest=1, highest=MOST_ROWS)
    names = tuple(parameters.texts("by"))
    return ask(parameters.text("measure") or "count", names, step_seconds=step, limit=limit)


def ask(measure: str, names: tuple[str, ...], *, step_seconds: int | None, limit: int) -> Asked:
    """Return a measure by fields with these names as a question. Raises: `Refusal`."""
    if len(names) > MOST_BY or len(set(names)) < len(names):
        raise Refusal("invalid_parameter", "by may be given up to twice, with a field each.")
    function, field = _measure(measure)
    by = tuple(_field("by", name) for name in names)
    step = timedelta(seconds=step_seconds) if step_seconds else None
    return Asked(measure, names, Aggregate(function, field, by, step, limit=limit))


def answer(search: Search, asked: Asked) -> bytes:
    """Return the figures in JSON; of a range that is closed, those of up to `KEPT_SECONDS` ago. Raises: `Refusal`."""
    _refuse_too_many(search, asked.aggregate)
    now = datetime.now(UTC)
    if now - search.end < CLOSED_AFTER:
        return _answer(search, asked, now)
    kept = _answered.get((search, asked))
    if kept is None:
        kept = _answer(search, asked, now)
        if len(kept) <= MOST_KEPT_BYTES:
            _answered.put((search, asked), kept, until=time.monotonic() + KEPT_SECONDS)
    return kept


def forget_answers() -> None:
    """Forget what was answered about closed ranges."""
    _answered.clear()


def aggregated(search: Search, asked: Aggregate) -> Aggregated:
    """Make figures: from rollups where those tell, or else from entries. Raises: `Refusal`."""
    if asked.function is Function.COUNT and asked.by in ((), (LEVEL,)):
        return _counted_by_level(search, asked)
    return store().reader.aggregate(search, asked)


def _counted_by_level(search: Search, asked: Aggregate) -> Aggregated:
    """Count as the chart does; level by level only if that is asked for."""
    totals: Counter[tuple[Value, ...]] = Counter()
    points: Counter[tuple[tuple[Value, ...], datetime]] = Counter()
    for one in store().reader.level_counts(search, step=asked.step or NO_STEP, origin=asked.origin):
        by: tuple[Value, ...] = (int(one.level),) if asked.by else ()
        totals[by] += one.count
        points[by, one.start] += one.count
    ranked = sorted(totals, key=lambda by: (-totals[by], by))
    series = [
        Series(by, totals[by], {start: n for (of, start), n in points.items() if of == by} if asked.step else {})
        for by in ranked
    ]
    rest = series[asked.limit :]
    others = _together(rest) if rest else None
    return Aggregated(series[: asked.limit], others, len(rest), totals.total(), is_exact=True)


def _together(series: Iterable[Series]) -> Series:
    value, points = 0, Counter[datetime]()
    for one in series:
        value += int(one.value or 0)
        points.update({start: int(count) for start, count in one.points.items()})
    return Series((), value, dict(points))


def _measure(text: str) -> tuple[Function, Field]:
    name, colon, field = text.partition(":")
    functions = [function.value for function in Function]
    if name not in functions or bool(colon) == (name == Function.COUNT):
        words = ", ".join(one if one == Function.COUNT else f"{one}:FIELD" for one in functions)
        raise Refusal("invalid_parameter", f"measure must be one of {words}.")
    return Function(name), _field("measure", field) if colon else ()


def _field(parameter: str, name: str) -> Field:
    try:
        return field_of(name)
    except QueryError as error:
        raise Refusal("invalid_parameter", f"{parameter}: {error.message}") from error


def _refuse_too_many(search: Search, asked: Aggregate) -> None:
    if asked.step is None:
        return
    steps = (search.end - search.start) / asked.step
    if steps > MAX_STEPS:
        raise Refusal("invalid_parameter", f"step would make more than {MAX_STEPS:,} steps.")
    if asked.by and steps * asked.limit > MOST_POINTS:
        raise Refusal("invalid_parameter", f"limit and step would make more than {MOST_POINTS:,} points.")


def _answer(search: Search, asked: Asked, now: datetime) -> bytes:
    found = aggregated(search, asked.aggregate)
    steps = Ruler(search.start, search.end, asked.aggregate.step).starts() if asked.aggregate.step else None
    rows = found.rows or ([] if asked.by else [Series((), _of_nothing(asked.aggregate))])
    members = {
        "measure": asked.measure,
        "by": asked.by,
        **({"step_seconds": int(asked.aggregate.step.total_seconds())} if asked.aggregate.step else {}),
        "rows": [{"by": _shown(row, asked.aggregate), **_figures(row, asked.aggregate, steps)} for row in rows],
        "others": found.others and {"groups": found.other_groups, **_figures(found.others, asked.aggregate, steps)},
        "scanned": found.scanned,
        "exact": found.is_exact,
        "computed_at": as_text(now),
    }
    return json.encode(members)


def _shown(row: Series, asked: Aggregate) -> list[Any]:
    return [
        Level(int(value)).label if field == LEVEL and value is not None else as_number(value)
        for value, field in zip(row.by, asked.by, strict=True)
    ]


def _figures(row: Series, asked: Aggregate, steps: list[datetime] | None) -> dict[str, Any]:
    value = {"value": as_number(row.value)}
    if steps is None:
        return value
    nothing = _of_nothing(asked)
    return value | {"points": [(as_text(start), as_number(row.points.get(start, nothing))) for start in steps]}


def _of_nothing(asked: Aggregate) -> Figure | None:
    return 0 if asked.function in (Function.COUNT, Function.DISTINCT) else None


def as_number(value: Value | Figure) -> Any:
    """Return a number as JSON is to write it: whole ones with all their digits, others as floats."""
    if isinstance(value, Decimal):
        return float(min(max(value, -LARGEST), LARGEST))
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > WHOLE:
        return Raw(str(value).encode())
    return value
