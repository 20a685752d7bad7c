"""Every store finds what the oracle finds, whatever the query; and what docs/search.md says, is so."""

import json
import re
from collections.abc import Callable
from datetime import timedelta
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from explore.fields import name_of_key
from explore.query import QueryError, matches, parse
from explore.shape import as_mapping
from storage.clickhouse.bounds import Parameters
from storage.clickhouse.predicates import Compiler
from storage.postgres import walking
from storage.postgres.predicates import compile_condition
from storage.store import Store
from tests.contract.batches import NOW, around_now, batch_of
from tests.contract.queries import entries, escaped, keys_of, queries, quoted

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "reads"])

PAGE = (Path(__file__).parents[2] / "docs/search.md").read_text()


def examples(text: str) -> list[str]:
    """Return the queries of a table's first column; … stands for any value."""
    cells = [line.replace("\\|", "¦").split(" | ")[0] for line in text.splitlines() if line.startswith("| `")]
    return [query.replace("…", "s-1").replace("¦", "|") for cell in cells for query in re.findall(r"`([^`]+)`", cell)]


EXAMPLES = examples(PAGE.partition("### Names")[0])
REFUSED = examples(PAGE.partition("### What is refused")[2].partition("###")[0])
#: For each example something that it finds, and something that it does not.
CORPUS: list[dict[str, Any]] = [
    {"message": "Payment failed", "level": "error", "trace_id": "7f3b0c52", "span_id": "s-1", "parent_span_id": "s-1"},
    {
        "message": "pay and failed later: insufficient",
        "environment": "s-1",
        "project_id": "shop",
        "error_key": 5,
        "edge": "fra1",
    },
    {
        "message": "term a",
        "level": "debug",
        "metadata": {"trace_id": "7f3b0c52", "userId": 123, "tags": ["red", "blue"]},
    },
    {"message": "b", "level": "warn", "metadata": {"userId": "123", "user": {"id": 123}, "items": [{"sku": "A1"}]}},
    {
        "message": "a b",
        "level": "fatal",
        "metadata": {"user.id": 123, "active": True, "parent": None, "duration_ms": 501},
    },
    {"message": "x", "metadata": {"active": "true", "parent": "null", "amount": 10, "path": "/api/x", "status": 502}},
    {"message": "y", "metadata": {"amount": 20.5, "id": "o-2026-1", "status": "500", "key": "there", "level": 7}},
    {"message": "z", "environment": "staging", "project_id": "other", "metadata": {"userId": None, "key": [None]}},
    {
        "message": "w",
        "error_key": 170,
        "error": {
            "type": "PaymentError",
            "message": "Insufficient funds",
            "stack_trace": ["at pay.ts:3"],
            "fingerprint": "s-1",
            "context": {"step": 3},
        },
    },
]


def store_corpus(store: Store, organisation_id: int, corpus: list[dict[str, Any]]) -> None:
    """Store entries a second apart; those that follow each other are a batch if they came by the same edge."""
    timed = [{"timestamp": NOW + timedelta(seconds=n)} | entry for n, entry in enumerate(corpus)]
    by_edge = groupby(timed, key=lambda entry: entry.get("edge"))
    store.writer.write([batch_of(*some, organisation_id=organisation_id, edge=edge) for edge, some in by_edge])


def found(store: Store, organisation_id: int, query: str) -> list[int]:
    return [entry.id for entry in store.reader.page(around_now(organisation_id, query), limit=100)]


def found_by_oracle(store: Store, organisation_id: int, query: str) -> list[int]:
    everything = store.reader.page(around_now(organisation_id), limit=100)
    return [entry.id for entry in everything if matches(parse(query, grouped=keys_of), as_mapping(entry))]


def test_every_row_of_the_language_s_table_finds_what_the_oracle_finds(store: Store, organisation_id: int) -> None:
    assert len(EXAMPLES) > 40
    store_corpus(store, organisation_id, CORPUS)
    for query in EXAMPLES:
        ids = found(store, organisation_id, query)
        assert ids == found_by_oracle(store, organisation_id, query), query
        assert 0 < len(ids) < len(CORPUS), query


@pytest.mark.parametrize("query", REFUSED)
def test_what_belongs_to_other_languages_is_refused_with_its_place(query: str) -> None:
    with pytest.raises(QueryError) as raised:
        parse(query)
    assert raised.value.position is not None
    assert query[raised.value.position :]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("k:1", [{"k": 1}, {"k": 1.0}, {"k": "1"}, {"k": [2, 1]}]),
        ('k:"1"', [{"k": "1"}]),
        ("k:true", [{"k": True}, {"k": "true"}]),
        ("k:red", [{"k": ["red"]}]),
        ("k:*", [{"k": 1}, {"k": 1.0}, {"k": "1"}, {"k": [2, 1]}, {"k": True}, {"k": "true"}, {"k": ["red"]},
                 {"k": [["red"]]}, {"k": 100000000000000000001}, {"k": {}}, {"k": {"x": 1}}]),
        ("k:100000000000000000001", [{"k": 100000000000000000001}]),
        ("k:>1", [{"k": [2, 1]}, {"k": 100000000000000000001}]),
        ("k:>=red", [{"k": "true"}, {"k": ["red"]}]),
        ("k:1*", [{"k": 1}, {"k": "1"}, {"k": [2, 1]}, {"k": 1.0}, {"k": 100000000000000000001}]),
        ("k.x:1", [{"k": {"x": 1}}]),
        ("-k:*", [{}, {"k": None}, {"k": []}, {"k": [None]}]),
        ("has:metadata", "all"),
    ],
)  # fmt: skip
def test_meaning_is_the_language_s(store: Store, organisation_id: int, query: str, expected: Any) -> None:
    documents: list[dict[str, Any]] = [
        {"k": 1}, {"k": 1.0}, {"k": "1"}, {"k": [2, 1]}, {"k": True}, {"k": "true"}, {"k": ["red"]}, {"k": [["red"]]},
        {"k": 100000000000000000001}, {"k": {}}, {"k": {"x": 1}}, {}, {"k": None}, {"k": []}, {"k": [None]},
    ]  # fmt: skip
    store_corpus(store, organisation_id, [{"metadata": document} for document in documents])

    ids = found(store, organisation_id, query)

    by_id = {
        one.id: one.metadata and json.loads(bytes(one.metadata))
        for one in store.reader.page(around_now(organisation_id), limit=100)
    }
    assert sorted(map(repr, (by_id[id_] for id_ in ids))) == sorted(
        map(repr, documents if expected == "all" else expected)
    )
    assert ids == found_by_oracle(store, organisation_id, query)


@pytest.mark.parametrize(
    ("query", "count"), [("über", 2), ("ÜBER", 2), ("straße", 1), ("ДА", 2), ("да", 2), ("日本", 1), ("k:über", 1)]
)
def test_messages_are_found_in_any_case_of_any_script(
    store: Store, organisation_id: int, query: str, count: int
) -> None:
    words = ["über", "ÜBER", "Straße", "да", "ДА", "日本"]
    store_corpus(store, organisation_id, [{"message": f"x {word} y", "metadata": {"k": word}} for word in words])
    assert len(found(store, organisation_id, query)) == count


def test_store_and_oracle_agree(
    request: pytest.FixtureRequest,
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
    new_organisation: Callable[[], int],
) -> None:
    is_slow = request.node.callspec.params["store"] == "clickhouse"  # an insert for each example

    @settings(max_examples=25 if is_slow else 150, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        stored=st.lists(entries, min_size=1, max_size=8),
        asked=st.lists(queries, min_size=1, max_size=12),
        walks=st.booleans(),
    )
    def agree(stored: list[dict[str, Any]], asked: list[str], walks: bool) -> None:
        monkeypatch.setattr(walking, "FIRST", 250 if walks else 1)  # PostgreSQL then looks through everything
        monkeypatch.setattr(walking, "SECOND", 8_000 if walks else 1)
        organisation_id = new_organisation()
        store_corpus(store, organisation_id, [as_sent(entry) for entry in stored])
        assert len(found(store, organisation_id, "")) == len(stored)
        for query in asked:
            assert found(store, organisation_id, query) == found_by_oracle(store, organisation_id, query), query

    agree()


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("insufficient funds", [0]),
        ('"INSUFFICIENT FUNDS"', [0]),
        ("PaymentError", [0]),
        ("pay.ts", [0]),
        ("insufficient*order", []),
        ("user-77", [1]),
        ("deep", [1]),
        ("card", [0, 1]),
        ("card insufficient", [0]),
        ("-card", [2, 3]),
        ("1e16", [2]),
        ("10000000000000000", [3]),
        ("40", [2]),
        ("rue", [2]),
        ("null", []),
        ("amount", []),
        ("status", []),
        (quoted('of "x" and \\'), [3]),
        ("nof", []),
        ("message:user*77", []),
        ("message:card", [0]),
        ("7*0", [2]),
    ],
)
def test_words_are_found_in_all_that_is_shown(
    store: Store, organisation_id: int, query: str, expected: list[int]
) -> None:
    error = {"type": "PaymentError", "message": "Insufficient funds", "stack_trace": ["at pay (pay.ts:45)"],
             "context": {"order": "A-1"}}  # fmt: skip
    metadata = [
        {"level": "x"},
        {"user": "user-77", "cards": ["Card 7", {"status": [["deep"]]}]},
        {"amount": 1e16, "status": 404, "x": [True, None, 70.5]},
        {"amount": 10**16, "text": 'line\nof "x" and \\', "status": [7, 0]},
    ]
    corpus = [{"message": f"m{n}", "metadata": document} for n, document in enumerate(metadata)]
    corpus[0] |= {"message": "card", "error": error}
    store_corpus(store, organisation_id, corpus)
    ids = found(store, organisation_id, query)
    assert sorted(id_ % 1024 for id_ in ids) == expected
    assert ids == found_by_oracle(store, organisation_id, query)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("group:17", [0, 1]),
        ("group:2", [2]),
        ("group:3", []),
        ("group:4", []),
        ("group:(2 OR 17)", [0, 1, 2]),
        ("group:17 group:2", []),
        ("has:group", [0, 1, 2, 3]),
        ("-has:group", [4, 5]),
        ("-group:17", [2, 3, 4, 5]),
        ("group:17 m1", [1]),
        ("group:3 OR error.type:x", [5]),
    ],
)
def test_errors_are_found_by_what_they_were_counted_for(
    store: Store, organisation_id: int, query: str, expected: list[int]
) -> None:
    keys = [170, -(2**63), 2**63 - 1, 5, None, None]
    corpus: list[dict[str, Any]] = [{"message": f"m{n}", "error_key": key} for n, key in enumerate(keys)]
    corpus[5] |= {"error": {"type": "x"}}  # stored while nobody grouped
    store_corpus(store, organisation_id, corpus)
    store_corpus(store, organisation_id + 1_000_000, corpus)
    ids = found(store, organisation_id, query)
    assert sorted(id_ % 1024 for id_ in ids) == expected
    assert ids == found_by_oracle(store, organisation_id, query)


#: Each shows as its name; with arrays on the way, and more dots than a store may write as alternatives.
SHOWN = [
    ("kubernetes.labels.app.kubernetes.io/name", {"kubernetes": {"labels": {"app.kubernetes.io/name": "shop"}}}),
    ("process.thread.name", {"process": {"thread.name": "shop"}}),
    ("a.b.c", {"a.b": {"c": "shop"}}),
    ("a.b.c", {"a": {"b": {"c": "shop"}}}),
    ("a.b.c", {"a.b.c": ["other", "shop"]}),
    ("items.sku.no", {"items": [{"sku.no": "shop"}]}),
    ("a..b", {"a": {"": {"b": "shop"}}}),
    ("a..b", {"a.": {"b": "shop"}}),
    (".", {"": {"": "shop"}}),
    ("", {"": "shop"}),
    ("metadata.a", {"metadata": {"a": "shop"}}),
    ("hosts.10.0.0.1.com.acme.shop.Main", {"hosts": {"10.0.0.1": {"com.acme.shop.Main": "shop"}}}),
    ("1.2.3.4.5.6.7.8.9.", {"1.2": [{"3": [{"4.5.6.7.8.9": {"": "shop"}}, {"4": 1}]}]}),
    (".".join("x" * 300), {".".join("x" * 150): {".".join("x" * 150): "shop"}}),
]


@pytest.mark.parametrize("test", [":shop", ":s*p", ":>=shop", ":[shop TO shop]", ":*", "has"])
def test_key_is_found_by_the_name_that_it_shows(store: Store, organisation_id: int, test: str) -> None:
    store_corpus(store, organisation_id, [{"metadata": document} for _, document in SHOWN])
    entries = store.reader.page(around_now(organisation_id), limit=100)

    for name, document in SHOWN:
        written = re.sub(r"[^\w.]", r"\\\g<0>", name_of_key(name))
        query = f"has:{written}" if test == "has" else written + test
        ids = found(store, organisation_id, query)
        assert (
            next(entry.id for entry in entries if entry.metadata and json.loads(bytes(entry.metadata)) == document)
            in ids
        ), query
        assert ids == found_by_oracle(store, organisation_id, query), query


#: Letters whose case is told in more than one way: by length, by place in the word, by locale, by age; and marks.
LETTERS = st.sampled_from([*"aIiıİſsßẞﬁΣσςΑαǅǆÅåKkЖжԱაႠꭰᏸ𐐀𐐨Éé. :'-", "e\u0301", "i\u0307", "\ufffd", "😀", "\u200d"])
TEXTS = st.lists(LETTERS, max_size=6).map("".join)


def test_store_and_oracle_agree_on_letters_of_any_case(
    request: pytest.FixtureRequest, store: Store, new_organisation: Callable[[], int]
) -> None:
    is_slow = request.node.callspec.params["store"] == "clickhouse"

    @settings(max_examples=5 if is_slow else 12, deadline=None, suppress_health_check=list(HealthCheck))
    @given(stored=st.lists(TEXTS, min_size=1, max_size=40, unique=True), asked=st.lists(TEXTS, min_size=1, max_size=6))
    def agree(stored: list[str], asked: list[str]) -> None:
        organisation_id = new_organisation()
        corpus = [{"message": text, "metadata": {"k": text}} for text in stored]
        store_corpus(store, organisation_id, [*corpus, *({"metadata": {"k": f"\n{text}"}} for text in stored)])
        for text in asked:
            word = escaped(text).replace('""', "*")
            for query in (quoted(text), f"{word}*", f"k:{word}*", f"k:>{quoted(text)}"):
                assert found(store, organisation_id, query) == found_by_oracle(store, organisation_id, query), query

    agree()


def test_query_of_much_sql_finds_what_it_should(store: Store, organisation_id: int) -> None:
    """Each dot of a name may be one in a member's own name: what may be meant is more than a server takes at once."""
    store_corpus(store, organisation_id, [{"message": "m", "metadata": {"k": {"x": "y"}}}])
    much = 'k.null.user.id.null.id:["50%" TO "50%"]'
    assert found(store, organisation_id, f"k.x:y NOT {much} NOT {much}") == found(store, organisation_id, "") != []


@settings(max_examples=200, deadline=None)
@given(query=queries)
def test_no_text_of_a_query_is_in_its_sql(query: str) -> None:
    marked = query.replace("alpha", "zqxj")
    predicate = compile_condition(parse(marked, grouped=keys_of))
    assert "zqxj" not in predicate.sql.lower()
    assert predicate.sql.count("%s") == len(predicate.parameters)
    parameters = Parameters()
    bounds = Compiler(parameters, lower=str.lower).bounds(parse(marked, grouped=keys_of))
    assert "zqxj" not in f"{bounds.certain}{bounds.possible}".lower()
    assert set(re.findall(r"{(p\d+):", f"{bounds.certain}{bounds.possible}")) <= parameters.values.keys()


def as_sent(entry: dict[str, Any]) -> dict[str, Any]:
    """Return a stored entry's shape as a client sends it: `project` is then `project_id`, and null is absent."""
    names = {"project": "project_id"}
    return {names.get(name, name): value for name, value in entry.items() if value is not None}
