"""The questions of the search benchmark, asked as the API asks them."""

import math
import re
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

from django.db import connections

from accounts.models import Organisation
from explore import aggregates, search
from explore.dashboards import answers, overview, sparing
from explore.dashboards.asked import GRAIN, Asked
from explore.parameters import Parameters
from explore.patterns import patterns
from explore.query import parse
from explore.search import Search
from explore.top_values import top_values
from storage.errors import Unavailable
from storage.wall import ALIAS, ENTRIES
from tests.benchmarks.search_entries import END, RARE_DURATION, RARE_WORD, START, trace_id

ORGANISATION = 1
TEN_FIELDS = [
    "project", "environment", "level", "error.type", "status", "path", "region", "userId", "duration_ms",
    "request.method",
]  # fmt: skip
NODE = re.compile(r"->|Rows Removed|Heap Fetches|Execution Time")
ALIAS_OF_PARTITION = re.compile(r" storage_entry_\d{1,3}  ")
ESTIMATE = re.compile(r"\(cost=[^)]*\) ")


@dataclass(frozen=True)
class Case:
    """A question, how long it may take, and how it is asked."""

    name: str
    limit_seconds: float
    ask: Callable[[], Any]
    #: In ClickHouse; None where any time will do.
    limit_there: float | None = None


def _week(query: str) -> Search:
    return Search(ORGANISATION, parse(query), START, END)


def _page(query: str) -> Callable[[], Any]:
    return lambda: search.find(_week(query), limit=100)


def _day(query: str) -> Callable[[], Any]:
    return lambda: search.histogram(_last_day(query), step_seconds=1800)


def _last_day(query: str) -> Search:
    return Search(ORGANISATION, parse(query), END - timedelta(days=1), END)


def _figures(measure: str, *, by: str) -> Callable[[], Any]:
    asked = aggregates.read_asked(Parameters({"measure": measure, "by": by}))
    return lambda: aggregates.aggregated(_last_day(""), asked.aggregate)


def _overview(*, is_warm: bool) -> Callable[[], Any]:
    """Answer every panel of the default dashboard, one after the other; the quota is no question to the store."""
    organisation = Organisation(pk=ORGANISATION, name="Acme", slug="acme")
    asked = Asked(END - timedelta(days=1), END, GRAIN)

    def ask() -> None:
        if not is_warm:
            aggregates.forget_answers()
            overview.forget()
            sparing.forget()
        for panel in overview.overview(ORGANISATION, now=END).panels:
            if panel.kind != "quota":
                make = partial(answers.answer, panel, asked, organisation)
                sparing.spared((ORGANISATION, panel, asked), make, owner=ORGANISATION, seconds=600)

    return ask


CASES = (
    Case("newest 100", 0.05, _page(""), 0.1),
    Case("a rare `key:value`: `coupon:RARE-7`", 0.3, _page("coupon:RARE-7"), 0.6),
    Case("a user: `userId:4711`", 0.3, _page("userId:4711")),
    Case("a common `key:value`: `status:200`", 0.3, _page("status:200")),
    Case("a value that is nowhere: `userId:none`", 0.3, _page("userId:none")),
    Case("a nested key: `request.method:POST level:>=error`", 0.3, _page("request.method:POST level:>=error")),
    Case("`level:fatal`", 0.3, _page("level:fatal")),
    Case("`error.type:PaymentError`", 0.3, _page("error.type:PaymentError")),
    Case("a number: `duration_ms:>1998`", 0.3, _page("duration_ms:>1998")),
    Case(f"a rare number: `duration_ms:>{RARE_DURATION - 1}`", 1.5, _page(f"duration_ms:>{RARE_DURATION - 1}")),
    Case(f"a rare word in the message over 7 days: `{RARE_WORD}`", 1.5, _page(RARE_WORD), 0.6),
    Case("a rare word in metadata: `RARE-7`", 1.5, _page("RARE-7"), 1.5),
    Case("a common word in the message: `payment`", 1.5, _page("payment")),
    Case("histogram of 24 h", 0.06, _day(""), 0.06),
    Case("histogram of 24 h of `level:>=error`", 0.06, _day("level:>=error"), 0.06),
    Case("histogram of 24 h of `status:500`", 0.5, _day("status:500")),
    Case("a trace", 0.05, lambda: search.trace(ORGANISATION, trace_id(4242), start=START, end=END), 0.06),
    Case("top values of 10 fields, 24 h", 1, lambda: top_values(_last_day(""), TEN_FIELDS, limit=5)),
    Case("count by one field, 24 h: `status`", 1, _figures("count", by="status")),
    Case("95th percentile of a number by project, 24 h", 2, _figures("p95:duration_ms", by="project")),
    Case("patterns of 10,000 entries", 0.5, lambda: patterns(_last_day(""), limit=100)),
    Case("the default dashboard, 24 h, cold", 3, _overview(is_warm=False)),
    Case("the default dashboard, 24 h, warm", 0.3, _overview(is_warm=True)),
    Case("fields of 1,000 entries", 0.5, lambda: search.fields(_week(""))),
)


def table(times: int, elsewhere: Callable[[], AbstractContextManager[None]] | None = None) -> str:
    """Ask every case so many times, once warm; return the rows. With `elsewhere`, ask it there, too: ClickHouse."""
    columns = ["question", "limit", "median", "p95"]
    if elsewhere:
        columns = ["question", "limit", "PostgreSQL, median", "p95", "limit", "ClickHouse, median", "p95"]
    rows = [_row(columns), _row(["---", *["---:"] * (len(columns) - 1)])]
    for case in CASES:
        cells = [case.name, _limit(case.limit_seconds), *_measured(case.ask, times, case.limit_seconds)]
        if elsewhere:
            with elsewhere():
                cells += [_limit(case.limit_there), *_measured(case.ask, times, case.limit_there)]
        rows.append(_row(cells))
    return "\n".join(rows)


def plans() -> str:
    """Return EXPLAIN (ANALYZE, BUFFERS) of every statement of every case, without the parts that found nothing."""
    return "\n\n".join(f"{case.name}\n\n" + "\n\n".join(map(_abridged, _explain(case))) for case in CASES)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _limit(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds * 1000:,.0f} ms"


def _measured(ask: Callable[[], Any], times: int, limit_seconds: float | None) -> tuple[str, str]:
    """Return median and 95th percentile, and whether that is beyond the limit."""
    try:
        ask()
        seconds = sorted(_seconds(ask) for _ in range(times))
    except Unavailable as refusal:
        return refusal.code, "**missed**"
    p95 = seconds[math.ceil(times * 0.95) - 1]
    verdict = " **missed**" if limit_seconds is not None and p95 > limit_seconds else ""
    return f"{seconds[times // 2] * 1000:,.1f} ms", f"{p95 * 1000:,.1f} ms{verdict}"


def _seconds(ask: Callable[[], Any]) -> float:
    began = time.perf_counter()
    ask()
    return time.perf_counter() - began


def _abridged(plan: str) -> str:
    """Leave out estimates, conditions, and partitions without a row."""
    kept: list[str] = []
    empty_below: int | None = None
    for line in plan.splitlines():
        depth = len(line) - len(line.lstrip())
        if empty_below is not None and depth > empty_below:
            continue
        empty_below = None
        if "->" in line and "rows=0.00" in line:
            empty_below = depth
        elif kept == [] or NODE.search(line):
            kept.append(ESTIMATE.sub("", line))
    return ALIAS_OF_PARTITION.sub(" ", "\n".join(kept)).replace("storage_entry_", "")


def _explain(case: Case) -> list[str]:
    explained: list[str] = []

    def explain(execute: Any, sql: str, parameters: Any, many: bool, context: Any) -> Any:
        if ENTRIES in sql:
            execute(f"EXPLAIN (ANALYZE, BUFFERS) {sql}", parameters, many, context)
            explained.append("\n".join(line for (line,) in context["cursor"].fetchall()))
        return execute(sql, parameters, many, context)

    with connections[ALIAS].execute_wrapper(explain), suppress(Unavailable):
        case.ask()
    return explained
