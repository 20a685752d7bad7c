"""Write the front-end parts that `vendor.toml` names into the tree, from npm's packages, each checked by its integrity.

`make vendor` writes; `make vendor-check` packs anew, and fails where the tree differs.
"""

import base64
import hashlib
import io
import re
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "luminalog/static/vendor"
SUMS = FOLDER / "SHA256SUMS"


def main(*, is_check: bool) -> int:
    """Write or compare every file; return the exit code."""
    packages: dict[str, dict[str, Any]] = tomllib.loads((FOLDER / "vendor.toml").read_text())
    files = {path: content for name, package in packages.items() for path, content in taken(name, package)}
    files[str(SUMS.relative_to(ROOT))] = sums(files)
    if is_check:
        differing = [path for path, content in files.items() if (ROOT / path).read_bytes() != content]
        print(
            "\n".join(f"{path} differs from its package" for path in differing) or f"{len(files)} files are as packed"
        )
        return bool(differing)
    for path, content in files.items():
        (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / path).write_bytes(content)
    print(f"{len(files)} files written")
    return 0


def taken(name: str, package: Mapping[str, Any]) -> Iterator[tuple[str, bytes]]:
    """Yield path and content of each file that is taken from a package."""
    packed = pack(f"{name}@{package['version']}", integrity=package["integrity"])
    for source, path in package["files"].items():
        content = packed[source]
        for before, after in package.get("changes", {}).get(source, ()):
            content = changed(content, before, after)
        yield path, content
    if icons := package.get("icons"):
        yield package["sprite"], sprite({icon: packed[f"icons/{icon}.svg"].decode() for icon in icons})


def pack(wanted: str, *, integrity: str) -> dict[str, bytes]:
    """Return the files of a package as npm packs it. Raises: `SystemExit` when it is not the one that was looked at."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["npm", "pack", "--silent", "--ignore-scripts", wanted]
        subprocess.run(command, cwd=folder, check=True, capture_output=True)  # noqa: S603 - our own command
        (archive,) = Path(folder).iterdir()
        packed = archive.read_bytes()
    found = "sha512-" + base64.b64encode(hashlib.sha512(packed).digest()).decode()
    if found != integrity:
        sys.exit(f"{wanted} is {found}, and not {integrity}")
    with tarfile.open(fileobj=io.BytesIO(packed)) as opened:
        members = [member for member in opened.getmembers() if member.isfile()]
        return {one.name.partition("/")[2]: opened.extractfile(one).read() for one in members}  # type: ignore[union-attr]


def changed(content: bytes, before: str, after: str) -> bytes:
    """Return `content` with one piece of text replaced, which has to be there; an empty one is its end."""
    if not before:
        return content + after.encode()
    if content.count(before.encode()) != 1:
        sys.exit(f"{before!r} is not there once")
    return content.replace(before.encode(), after.encode())


def sprite(icons: Mapping[str, str]) -> bytes:
    """Return one SVG with a symbol an icon, drawn by `<use href="…#name">`."""
    symbols = "".join(symbol(name, svg) for name, svg in sorted(icons.items()))
    return f'<svg xmlns="http://www.w3.org/2000/svg">\n{symbols}</svg>\n'.encode()


def symbol(name: str, svg: str) -> str:
    """Return one icon's drawing as a symbol of its name."""
    drawing = re.search(r"<svg[^>]*>(.*)</svg>", svg, re.DOTALL)
    assert drawing
    paths = " ".join(drawing[1].split())
    return (
        f'<symbol id="{name}" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2"'
        f' stroke-linecap="round" stroke-linejoin="round">{paths}</symbol>\n'
    )


def sums(files: Mapping[str, bytes]) -> bytes:
    """Return what `sha256sum --check` reads, in the project's folder."""
    return "".join(f"{hashlib.sha256(files[path]).hexdigest()}  {path}\n" for path in sorted(files)).encode()


if __name__ == "__main__":
    sys.exit(main(is_check="--check" in sys.argv))
