"""The environment of our processes, computed in one place, and the address of the running stack for commands."""

import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from environ import Env

from embedded.files import write_private

PROJECT = Path(__file__).resolve().parent.parent
#: Said at each start, and known: celery as root (its broker carries JSON only), and static files that nobody collected.
KNOWN_WARNINGS = "ignore:You're running the worker,ignore:No directory at"
#: As `STORE_URL`: entries live in a server that the runner starts.
EMBEDDED_STORE = "clickhouse+embedded:"
#: What commands need to reach the stack that `bin/luminalog up` runs.
PUBLISHED = [
    "SECRET_KEY", "LUMINALOG_DEVELOPMENT", "DATABASE_URL", "STORE_URL", "STORE_READ_URL", "STORE_MOVES_FROM",
    "VALKEY_URL", "CELERY_BROKER_URL", "LUMINALOG_METRICS_DIR", "LUMINALOG_MCP", "LUMINALOG_EDGE_TOKEN_FILE",
    "LUMINALOG_SYSLOG", "LUMINALOG_ARCHIVE_URL", "LUMINALOG_ARCHIVE_ENDPOINT", "LUMINALOG_ARCHIVE_REGION",
    "LUMINALOG_ARCHIVE_KEY_ID", "LUMINALOG_ARCHIVE_SECRET",
]  # fmt: skip


def read_dotenv() -> None:
    """Take what `.env` says and the environment does not."""
    if (PROJECT / ".env").is_file():
        Env.read_env(PROJECT / ".env")


def is_on(name: str) -> bool:
    """Tell whether a switch is on in our environment."""
    return os.environ.get(name, "").strip().lower() in {"1", "true", "yes", "on"}


def data_dir() -> Path:
    """Return the folder of all data: `LUMINALOG_DATA_DIR`, or `var` in the project."""
    return Path(os.environ.get("LUMINALOG_DATA_DIR") or PROJECT / "var").resolve()


def compute(folder: Path, *, servers: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of every process we start. `servers` are the addresses of embedded servers."""
    env = {**os.environ, **servers}
    env.setdefault("SECRET_KEY", secret_key(folder))
    env.setdefault("LUMINALOG_DEVELOPMENT", "1")
    env["LUMINALOG_DATA_DIR"] = str(folder)
    if "DATABASE_URL" in servers:
        env.setdefault("LUMINALOG_DISK_PATHS", str(folder))
        env.setdefault("LUMINALOG_DISK_MIN_FREE_PERCENT", "0")  # the disk is not ours alone
    env.setdefault("LUMINALOG_METRICS_DIR", str(folder / "metrics"))
    env.setdefault("LUMINALOG_METRICS_TOKEN", metrics_token(folder))
    env["PYTHONPATH"] = os.pathsep.join(filter(None, [str(PROJECT), env.get("PYTHONPATH")]))
    env["PYTHONUNBUFFERED"] = "1"
    env.setdefault("PYTHONWARNINGS", KNOWN_WARNINGS)
    return env


def secret_key(folder: Path) -> str:
    """Return the stack's secret key, made at the first start."""
    return _secret(folder / "secret_key", length_bytes=50)


def metrics_token(folder: Path) -> str:
    """Return the token that opens `/metrics`, made at the first start."""
    return _secret(folder / "metrics_token", length_bytes=24)


def _secret(path: Path, *, length_bytes: int) -> str:
    if not path.is_file():
        write_private(path, secrets.token_urlsafe(length_bytes) + "\n")
    return path.read_text().strip()


def publish(folder: Path, env: Mapping[str, str]) -> None:
    """Write the addresses of the running stack for `adopt`."""
    write_private(folder / "env", "".join(f"{name}={env[name]}\n" for name in PUBLISHED if name in env))


def withdraw(folder: Path) -> None:
    """The stack is not running: forget its addresses."""
    (folder / "env").unlink(missing_ok=True)


def adopt() -> None:
    """Let commands speak to the running stack where neither the environment nor `.env` names another."""
    read_dotenv()
    published = data_dir() / "env"
    if "DATABASE_URL" not in os.environ and os.access(published, os.R_OK):
        if os.environ.get("STORE_URL", "").startswith(EMBEDDED_STORE):
            del os.environ["STORE_URL"]  # the running stack says where that is
        Env.read_env(published)
