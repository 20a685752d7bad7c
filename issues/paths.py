"""What of a path stays the same from deploy to deploy, and from machine to machine. Pure."""

import re

#: Longer segments stay as they are, as far as here.
MOST_OF_SEGMENT = 80

_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*):/{0,3}")
#: Schemes whose first segment is no host.
_WITHOUT_HOST = frozenset({"file", "webpack", "webpack-internal", "app", "capacitor", "node", "bun", "deno", "package"})
_HASH = re.compile(r"(?=[0-9a-f]*\d)[0-9a-f]{7,}|[0-9a-f]{8}-[0-9a-f-]{27}")
_VERSION = re.compile(
    r"v?\d+(?:[._-]\d+)*(?:[-+.]?(?:a|b|rc|alpha|beta|dev|post|snapshot|final)[\w.]*)?", re.IGNORECASE
)
_OF_VERSION = re.compile(r"(.+?)(?:@v?|-v?(?=\d+\.))\d[\w.+-]*")
_SCRIPT = re.compile(r"\.(?:[cm]?[jt]sx?|css|bundle)$")
#: `cart.3f2a1b9c.js`, `app-7f2d9e1c.js`; and longer ones of any letters.
_HASH_IN_NAME = re.compile(
    r"(?:^|[.-])(?:(?=[0-9a-f]*\d)[0-9a-f]{6,}|(?=[A-Za-z_]*\d)(?=\w*[A-Za-z])\w{16,})(?=[.-])", re.ASCII
)
#: Vite's: eight letters of base 64.
_HASH_OF_ASSET = re.compile(r"-(?=[\w-]*[A-Z0-9_])[\w-]{8}(?=\.)", re.ASCII)


def tail(path: str) -> str:
    """Return the last two segments of a path or an address, without versions and hashes."""
    segments = [one for one in _local(path.replace("\\", "/")).split("/") if one not in ("", ".", "..")]
    if not segments:
        return path
    *_, directory, name = ("", *(one[:MOST_OF_SEGMENT] for one in segments[-2:]))
    if _SCRIPT.search(name):
        name = _without_hash(name, is_asset=directory == "assets")
    return f"{_stable(directory)}/{name}" if directory and not directory.endswith(":") else name


def _local(path: str) -> str:
    """Return a path without scheme, host and query."""
    path = path.partition("?")[0].partition("#")[0]
    found = _SCHEME.match(path)
    if found is None or len(found[1]) == 1:  # a drive
        return path
    rest = path[found.end() :]
    return rest if found[1] in _WITHOUT_HOST or "//" not in found[0] else rest.partition("/")[2]


def _stable(directory: str) -> str:
    small = directory.lower()
    if small.startswith("release") or _HASH.fullmatch(small) or _VERSION.fullmatch(directory):
        return "*"
    of_version = _OF_VERSION.fullmatch(directory)
    return of_version[1] if of_version else directory


def _without_hash(name: str, *, is_asset: bool) -> str:
    stripped = _HASH_IN_NAME.sub("", _HASH_OF_ASSET.sub("", name) if is_asset else name)
    return f"*{stripped}" if stripped[:1] in (".", "-") else stripped
