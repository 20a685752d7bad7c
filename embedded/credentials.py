"""The first API key and administrator: made once, kept in files of mode 0600.

`credentials.json` is durable before the database holds a row of them, so there is never a system without its key.
`bootstrap.json` adds the addresses, and exists only while everything is ready.
"""

import json
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

from embedded.files import write_private

ADMIN = "admin"


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """What opens a new system: neither secret can be read back from the database."""

    api_key: str
    admin_username: str
    admin_password: str


def obtain(folder: Path) -> Credentials:
    """Return the credentials of `folder`, made and stored at the first call."""
    path = folder / "credentials.json"
    if path.is_file():
        return Credentials(**json.loads(path.read_text()))
    made = Credentials(
        api_key="ll_" + secrets.token_hex(24),
        admin_username=ADMIN,
        admin_password=secrets.token_urlsafe(15),
    )
    write_private(path, json.dumps(asdict(made), indent=2) + "\n")
    return made


def announce(folder: Path, credentials: Credentials, *, base_url: str) -> None:
    """Write `bootstrap.json`: the system is ready."""
    addresses = {"base_url": base_url, "admin_url": f"{base_url}/admin/", "metrics_url": f"{base_url}/metrics"}
    announcement = addresses | asdict(credentials)
    write_private(folder / "bootstrap.json", json.dumps(announcement, indent=2) + "\n")


def announce_edge(folder: Path, *, base_url: str, core_url: str) -> None:
    """Write `bootstrap.json` of an edge, which has neither a key nor a log-in of its own."""
    addresses = {"base_url": base_url, "core_url": core_url, "metrics_url": f"{base_url}/metrics"}
    write_private(folder / "bootstrap.json", json.dumps(addresses, indent=2) + "\n")


def bind_to_core(folder: Path, core_url: str) -> str:
    """Have a folder hold an edge of this core, or none at all if it is empty, for ever; say what speaks against it."""
    path = folder / "edge_of"
    known = path.read_text().strip() if path.is_file() else ""
    if core_url and (folder / "credentials.json").is_file():
        return f"{folder} holds an installation of its own: an edge needs another folder, as in --data-dir."
    if known and known != core_url:
        return f"{folder} holds an edge of {known}: start it by --edge-of, or choose another folder."
    if core_url and not known:
        write_private(path, core_url + "\n")
    return ""


def retract(folder: Path) -> None:
    """Remove `bootstrap.json`: the system is not ready."""
    (folder / "bootstrap.json").unlink(missing_ok=True)
