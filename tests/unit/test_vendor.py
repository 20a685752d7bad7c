"""What is not ours in the pages is what was looked at: each file is known, licensed, and knows its neighbours only."""

import hashlib
import re
import tomllib
from pathlib import Path

import pytest

from tests.processes import PROJECT

FOLDERS = [PROJECT / "luminalog/static/vendor", PROJECT / "tests/vendor"]
PACKAGES = tomllib.loads((FOLDERS[0] / "vendor.toml").read_text())
SUMS = dict(line.split("  ")[::-1] for line in (FOLDERS[0] / "SHA256SUMS").read_text().splitlines())
#: Words of each licence that we ship.
LICENCES = {
    "MIT": "Permission is hereby granted, free of charge",
    "Apache-2.0": "Apache License",
    "ISC": "ISC License",
    "MPL-2.0": "Mozilla Public License",
}


@pytest.mark.parametrize("path", sorted(SUMS))
def test_file_is_the_one_that_was_taken(path: str) -> None:
    assert hashlib.sha256((PROJECT / path).read_bytes()).hexdigest() == SUMS[path]


def test_nothing_else_lies_there() -> None:
    found = {path for folder in FOLDERS for path in folder.rglob("*") if path.is_file()}
    known = {PROJECT / path for path in SUMS} | {FOLDERS[0] / name for name in ("vendor.toml", "SHA256SUMS")}
    assert found == known


@pytest.mark.parametrize("name", sorted(PACKAGES))
def test_package_has_its_licence_beside_it(name: str) -> None:
    package = PACKAGES[name]
    assert LICENCES[package["licence"]] in (PROJECT / package["files"]["LICENSE"]).read_text()


@pytest.mark.parametrize("script", sorted(FOLDERS[0].glob("*.js")), ids=lambda path: path.name)
def test_script_imports_only_what_lies_beside_it(script: Path) -> None:
    imported = re.findall(r"""(?:\bfrom|\bimport)\s*\(?["']([^"']+)["']""", script.read_text())
    assert all(name.startswith("./") and (script.parent / name).is_file() for name in imported)


def test_markup_is_made_in_one_place() -> None:
    ours = [path for path in PROJECT.glob("*/static/**/*.js") if "vendor" not in path.parts]
    makers = [path.name for path in ours if "vendor/preact.js" in path.read_text()]
    assert makers == ["html.js"]
    sinks = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|ContextualFragment|HTMLUnsafe|\beval\("
    assert {path.name: found for path in ours if (found := re.findall(sinks, path.read_text()))} == {}
