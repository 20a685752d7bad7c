"""The house: one direction, no circle at any level, and no package outside the contract."""

import tomllib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from itertools import combinations
from pathlib import Path
from typing import Any

import grimp
import pytest

PROJECT = Path(__file__).resolve().parents[2]
SETTINGS: dict[str, Any] = tomllib.loads((PROJECT / "pyproject.toml").read_text())["tool"]
CONTRACTS: list[dict[str, Any]] = SETTINGS["importlinter"]["contracts"]
#: From the roof to the cellar; those of one line do not know each other.
LAYERS = [
    [room.strip() for room in line.split("|")]
    for contract in CONTRACTS
    if contract["type"] == "layers"
    for line in contract["layers"]
]
PACKAGES = {path.parent.name for path in PROJECT.glob("*/__init__.py")} - {"tests"}


@pytest.fixture(scope="module")
def imports() -> dict[str, set[str]]:
    """What each module of the product imports of the product."""
    graph = grimp.build_graph(*sorted(PACKAGES), cache_dir=None)
    return {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}


def circle(arrows: Mapping[str, Iterable[str]]) -> list[str]:
    """Return the modules of a circle, if there is one."""
    try:
        TopologicalSorter(arrows).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def between(children: set[str], imports: Mapping[str, Iterable[str]]) -> dict[str, set[str]]:
    """Return who of `children`, packages or modules, imports whom, with all that they hold."""
    depth = next(iter(children)).count(".") + 1
    arrows = defaultdict(set)
    for importer, imported in ((one, other) for one, others in imports.items() for other in others):
        ends = [".".join(name.split(".")[:depth]) for name in (importer, imported)]
        if ends[0] != ends[1] and set(ends) <= children:
            arrows[ends[0]].add(ends[1])
    return arrows


def families(modules: Iterable[str]) -> Iterator[set[str]]:
    """Yield the rooms, and then the modules and packages of each package."""
    children = defaultdict(set)
    for module in modules:
        children[module.rpartition(".")[0]].add(module)
    yield from children.values()


def test_every_package_stands_in_the_layers() -> None:
    rooms = [room for line in LAYERS for room in line]
    assert len(rooms) == len(set(rooms))
    assert set(rooms) == PACKAGES
    assert set(SETTINGS["importlinter"]["root_packages"]) == PACKAGES
    assert set(SETTINGS["mypy"]["packages"]) >= PACKAGES


def test_no_contract_looks_away() -> None:
    allowed = {"name", "type", "layers", "modules", "source_modules", "forbidden_modules", "protected_modules",
               "allowed_importers"}  # fmt: skip
    assert {key for contract in CONTRACTS for key in contract} <= allowed


def test_no_arrow_goes_up(imports: dict[str, set[str]]) -> None:
    arrows = between(PACKAGES, imports)
    upward = [
        (low, high)
        for above, below in combinations(LAYERS, 2)
        for low in below
        for high in above
        if high in arrows[low]
    ]
    sideways = [
        (one, other) for line in LAYERS for one in line for other in line if one != other and other in arrows[one]
    ]
    assert upward == sideways == []


def test_no_circle_at_any_level(imports: dict[str, set[str]]) -> None:
    assert circle(imports) == []
    circles = [found for children in families(imports) if (found := circle(between(children, imports)))]
    assert circles == []


def test_a_circle_would_be_seen() -> None:
    circular = {"shop.till.drawer": {"shop.door"}, "shop.door": {"shop.till"}, "shop.till": set(), "shop": set()}
    assert circle(circular) == []
    assert set(circle(between({"shop.till", "shop.door"}, circular))) == {"shop.till", "shop.door"}
