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


def retract(folder: Path) -> None:
    """Remove `bootstrap.json`: the system is not ready."""
    (folder / "bootstrap.json").unlink(missing_ok=True)
