"""Only its own room names a table, and only its own room uses a model: SQL and models are where imports do not look.

A room may export a piece of SQL with a name, as `quotas.ledger.CHARGE`. Which models strangers still use is listed, and
the list only shrinks: one that is mended must go from it.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import grimp
import pytest
from django.apps import apps

PROJECT = Path(__file__).resolve().parents[2]
ROOMS = sorted({path.parent.name for path in PROJECT.glob("*/__init__.py")} - {"tests"})
#: Rights are granted in one place on everything; migrations made the tables before they had these rooms.
ALLOWED = re.compile(r"operations/grants\.py|\w+/migrations/.*")
MADE = re.compile(r"CREATE (?:VIEW|TABLE|SEQUENCE|FUNCTION) (\w+)")


def tables() -> dict[str, str]:
    """Return the room of each table, view, sequence and function."""
    homes = {
        model._meta.db_table: model._meta.app_label
        for model in apps.get_models(include_auto_created=True)
        if model._meta.app_label in ROOMS
    }
    for room in ROOMS:
        for path in (PROJECT / room).glob("migrations/*.py"):
            homes |= {name: homes.get(name, room) for name in MADE.findall(path.read_text())}
    return homes


def texts() -> Iterator[tuple[str, str]]:
    """Yield path and text of everything that could hold SQL or a script of Valkey's."""
    for room in ROOMS:
        for path in sorted((PROJECT / room).rglob("*")):
            name = path.relative_to(PROJECT).as_posix()
            if path.suffix in {".py", ".sql", ".lua"} and not ALLOWED.fullmatch(name):
                yield name, path.read_text()


def named(text: str, homes: dict[str, str]) -> set[str]:
    """Return the tables that `text` names; a day's partition counts as its table, the address of a page does not."""
    found = re.findall(r"(?<!\w)[a-z]+_[a-z_]+[a-z](?!_?[a-z])", text)
    return homes.keys() & {word.rstrip("_") for word in found}


def breaches() -> set[tuple[str, str]]:
    homes = tables()
    return {
        (path, table) for path, text in texts() for table in named(text, homes) if homes[table] != path.split("/")[0]
    }


def test_tables_of_every_kind_are_known() -> None:
    homes = tables()
    assert homes["quotas_limits"] == "quotas"
    assert homes["quotas_noticedelivery"] == "notify"
    assert homes["explore_accessrecord"] == "accounts"
    assert homes["ingest_batch_id"] == "ingest"
    assert homes["storage_logentry"] == homes["storage_visible_receipt"] == "storage"
    assert homes["accounts_user_groups"] == "accounts"


@pytest.mark.parametrize(
    "text",
    [
        "FROM storage_logentry)",
        "'storage_logentry_' || day",
        "storage_logentry_20260126",
        '"public"."storage_logentry"',
    ],
)
def test_named_table_is_seen(text: str) -> None:
    assert named(text, {"storage_logentry": "storage", "storage_log": "storage"}) == {"storage_logentry"}


def test_address_of_a_page_is_no_table() -> None:
    assert named("admin:accounts_organisation_change", {"accounts_organisation": "accounts"}) == set()


def test_no_room_names_a_strangers_table() -> None:
    assert breaches() == set()


def test_no_room_uses_a_strangers_models() -> None:
    """But those of `accounts`: everybody may know organisations, keys and staff."""
    graph = grimp.build_graph(*ROOMS, cache_dir=None)
    uses = {
        (importer, f"{room}.models")
        for room in set(ROOMS) - {"accounts"}
        if f"{room}.models" in graph.modules
        for importer in graph.find_modules_that_directly_import(f"{room}.models")
        if importer.split(".")[0] != room
    }
    assert uses == set()


def test_scripts_of_valkey_name_no_key_of_their_own() -> None:
    """They are given KEYS: whose those are, their caller says."""
    scripts = {path: text for path, text in texts() if path.endswith(".lua")}
    assert scripts
    keys = {(path, key) for path, text in scripts.items() for key in re.findall(r"redis\.call\('\w+', *([^,)]+)", text)}
    assert {(path, key) for path, key in keys if not re.match(r"KEYS\[|key$|(bucket|share)\.key$", key)} == set()
