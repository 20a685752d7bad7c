"""What the explorer writes into its query finds the entry that it came from, whatever its keys are called.

The page's own modules write, in node; the page's own endpoints and PostgreSQL answer; the live tail agrees.
"""

import html
import itertools
import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import User
from explore.fields import OWN_NAMES, OWN_PREFIXES
from explore.query import matches, parse
from tests.entries import store_entries
from tests.organisations import make_organisation

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "reads"]),
    pytest.mark.skipif(shutil.which("node") is None, reason="Node is not installed: the page's modules are not run"),
]

PAGE = "/admin/explore/explorer/"
MODULES = Path(__file__).parents[2] / "explore/static/explore"
PROGRAM = Path(__file__).with_name("page.mjs")
RANGE = {"from": "2026-11-20T00:00:00Z", "to": "2026-11-21T00:00:00Z"}

#: Everything that the language, JavaScript, JSON paths or LIKE could take for something else.
CHARACTERS = st.sampled_from(
    [*".*?:\\\"'`~^()[]{}<>=!&|+-/%_$@#;, \n\r\t", "\u2028", "\u200b", "\x01", "é", "e\u0301", "日", "😀"]
)
KEYS = st.one_of(
    st.sampled_from([*OWN_NAMES, *OWN_PREFIXES, "AND", "OR", "NOT", "TO", "null", "true", "0", "id",
                     "app.kubernetes.io/name",
                     "", ".", "..", "a.b", "a", "b", "-a", "!a", "http://x/y?z=1&&2", "\\u000a", "__proto__", "k" * 740,
                     "é." * 300, "\\" * 1_500]),
    st.lists(CHARACTERS | st.sampled_from("abc"), min_size=1, max_size=6).map("".join),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8),
)  # fmt: skip
TEXTS = st.one_of(
    st.sampled_from(
        ["AND", "true", "null", "5", "-5", "1e3", "a*", "x" * 1_990, "x" * 3_000, "two\nlines", "\\", '"', ""]
    ),
    st.lists(CHARACTERS, max_size=6).map("".join),
)
NUMBERS = st.sampled_from([0, -1, 1.5, -0.25, 1e-7, 123456789012345678901, 2**53 + 1, 1e20, 12345])
SCALARS = st.one_of(TEXTS, NUMBERS, st.booleans(), st.none())
VALUES = st.recursive(
    SCALARS | st.lists(SCALARS, max_size=3),
    lambda inner: st.dictionaries(KEYS, inner, max_size=3) | st.lists(inner, max_size=2),
    max_leaves=4,
)
DOCUMENTS = st.dictionaries(KEYS, VALUES, min_size=1, max_size=4)
_slugs = map("written-{}".format, itertools.count())


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("ada", password="x"))
    return client


@pytest.fixture
def written(staff: Client, tmp_path: Path) -> Iterator[Callable[[str, str], dict[str, Any]]]:
    """A function from the answers of search and fields to what the page writes."""
    modules = tmp_path / "modules"
    shutil.copytree(MODULES, modules)
    (modules / "package.json").write_text('{"type": "module"}')
    found = re.search(
        r'<script id="configuration" type="application/json">(.*?)</script>',
        staff.get("/admin/explorer/").content.decode(),
    )
    assert found
    command = ["node", "--harmony-json-parse-with-source", str(PROGRAM), str(modules), html.unescape(found[1])]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as node:
        assert node.stdin
        assert node.stdout

        def ask(search: str, fields: str) -> dict[str, Any]:
            print(json.dumps({"search": search, "fields": fields}), file=node.stdin, flush=True)
            answer: dict[str, Any] = json.loads(node.stdout.readline())  # type: ignore[union-attr]
            return answer

        yield ask
        node.stdin.close()


class Explorer:
    """An organisation of its own, as the page sees it."""

    def __init__(self, client: Client, documents: list[dict[str, Any]]) -> None:
        organisation = make_organisation(next(_slugs))
        self.client, self.slug = client, organisation.slug
        entries = [{"metadata": document, "error": {"type": "A b", "context": document}} for document in documents]
        store_entries(entries, organisation_id=organisation.pk)
        self.logs = json.loads(self.answer("search"))["logs"]

    def answer(self, path: str, **parameters: Any) -> str:
        answer = self.client.get(PAGE + path, {"organisation": self.slug, **RANGE, **parameters})
        assert answer.status_code == 200, (parameters, answer.content)
        return answer.content.decode()

    def found(self, query: str) -> set[str]:
        """Return the ids that the search finds, and the tail."""
        ids = {log["id"] for log in json.loads(self.answer("search", query=query))["logs"]}
        assert ids == {log["id"] for log in self.logs if matches(parse(query), log)}, query
        return ids


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(documents=st.lists(DOCUMENTS, min_size=1, max_size=2))
def test_what_the_page_writes_finds_what_it_came_from(
    staff: Client, written: Callable[[str, str], dict[str, Any]], documents: list[dict[str, Any]]
) -> None:
    explorer = Explorer(staff, documents)
    wrote = written(explorer.answer("search"), explorer.answer("fields"))

    for entry_id, field, shown, keep, query in wrote["filters"]:
        assert (entry_id in explorer.found(query)) == keep, (field, shown, query)
    named = {field["name"] for field in json.loads(explorer.answer("fields"))["fields"] if field["values"]}
    assert named <= {name for name, _ in wrote["names"]}
    for name, query in [*wrote["names"], *wrote["has"]]:
        assert explorer.found(query) or name not in named, (name, query)
    for name, value, query in wrote["values"]:
        assert explorer.found(query), (name, value, query)
