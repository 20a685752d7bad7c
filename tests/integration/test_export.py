"""Exports: everything, streamed, and harmless in a spreadsheet."""

import csv
import io
import json
from dataclasses import replace
from datetime import timedelta

import pytest

from explore import export
from explore.cells import disarmed
from explore.export import COLUMNS, Export
from explore.query import parse
from explore.search import Search
from foundation.refusals import Refusal
from tests.entries import NOW, store_entries

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "reads"])

FORMULAS = [
    '=HYPERLINK("http://evil")',
    "+1+cmd|' /C calc'!A0",
    "@SUM(1)",
    "\t=1",
    "-2+3",
    "\r=1",
    "\n=1",
    " =1",
    "\ufeff=1",
    "＝1",
]


def everything() -> Search:
    return Search(1, parse(""), NOW - timedelta(days=1), NOW + timedelta(days=1))


@pytest.fixture
def _small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "PAGE_ENTRIES", 3)


@pytest.mark.usefixtures("_small_pages")
def test_ndjson_holds_every_entry_exactly() -> None:
    messages = [*FORMULAS, "line\nbreak\r\n", 'quote " and \\', "ünïcode 😀  ", "\x1b[31mred"]
    store_entries(
        {"message": text, "metadata": {text: text}, "timestamp": NOW + timedelta(seconds=n)}
        for n, text in enumerate(messages)
    )
    lines = b"".join(Export(everything(), newest_first=False)).decode().split("\n")
    assert lines.pop() == ""
    entries = [json.loads(line) for line in lines]
    assert [entry["message"] for entry in entries] == messages
    assert [entry["metadata"] for entry in entries] == [{text: text} for text in messages]


@pytest.mark.usefixtures("_small_pages")
@pytest.mark.parametrize("column", ["message", "environment", "project", "trace_id", "span_id", "parent_span_id"])
def test_csv_has_no_cell_that_is_a_formula(column: str) -> None:
    store_entries({column: text, "metadata": {text: text}, "error": {"type": text}} for text in FORMULAS)
    text = b"".join(Export(everything(), format_name="csv")).decode()
    head, *rows = csv.reader(io.StringIO(text, newline=""))
    assert tuple(head) == COLUMNS
    assert len(rows) == len(FORMULAS)
    assert {row[COLUMNS.index(column)] for row in rows} == {"'" + formula for formula in FORMULAS}
    for row in rows:
        assert all(cell == disarmed(cell) for cell in row)
        assert json.loads(row[COLUMNS.index("metadata")])


def test_few_exports_run_at_once_and_each_gives_its_place_back() -> None:
    unread, read = (Export(everything()) for _ in range(export.EXPORTS_PER_ORGANISATION))
    with pytest.raises(Refusal, match="too_many_queries"):
        Export(everything())
    others = [Export(replace(everything(), organisation_id=2)) for _ in range(export.EXPORTS_PER_ORGANISATION)]
    with pytest.raises(Refusal, match="too_many_queries"):
        Export(replace(everything(), organisation_id=3))
    unread.response().close()
    unread.close()
    assert b"".join(read) == b""
    others += [Export(everything()) for _ in range(export.EXPORTS_PER_ORGANISATION)]
    with pytest.raises(Refusal, match="too_many_queries"):
        Export(everything())
    for other in others:
        other.response().close()


def test_pages_of_large_entries_end_early_and_leave_nothing_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "PAGE_BYTES", 3_000)
    store_entries({"message": f"{n} " + "x" * 1_000, "timestamp": NOW + timedelta(seconds=n)} for n in range(20))
    chunks = list(Export(everything(), newest_first=False))
    assert max(map(len, chunks)) < 6_000
    messages = [json.loads(line)["message"].split()[0] for line in b"".join(chunks).splitlines()]
    assert messages == [str(n) for n in range(20)]
