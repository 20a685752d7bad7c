"""What `STORE_URL` and `STORE_READ_URL` say: `clickhouse://user:password@h1:8123,h2:8123/database?secure=1`."""

from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

HTTP, HTTPS = 8123, 8443
#: Carries the organisation to the row policy; another one where a server knows no settings of ours.
WALL_SETTING = "SQL_luminalog_organisation"
OPTIONS = {"secure", "cluster", "wall", "ca_cert"}
FORM = "clickhouse://user:password@host:8123,host:8123/database?secure=1&cluster=name"


@dataclass(frozen=True, slots=True)
class Address:
    """The replicas of a shard, and as whom to speak to them. `cluster` is empty for a server of its own."""

    hosts: tuple[tuple[str, int], ...]
    user: str
    password: str
    database: str
    is_secure: bool = False
    cluster: str = ""
    wall_setting: str = WALL_SETTING
    ca_cert: str = ""


def address_of(url: str, *, name: str) -> Address:
    """Read what the environment's `name` says; errors do not repeat it. Raises: `ImproperlyConfigured`."""
    try:
        parts = urlsplit(url)
        credentials, _, hosts = parts.netloc.rpartition("@")
        user, _, password = credentials.partition(":")
        options = dict(parse_qsl(parts.query, strict_parsing=bool(parts.query)))
        is_secure = options.get("secure", "0") in ("1", "true")
        found = tuple(_host(one, HTTPS if is_secure else HTTP) for one in hosts.split(","))
    except ValueError as error:
        raise _unfit(name) from error
    database = parts.path.removeprefix("/")
    if parts.scheme != "clickhouse" or not database.isidentifier() or not user or options.keys() - OPTIONS:
        raise _unfit(name)
    return Address(
        hosts=found,
        user=unquote(user),
        password=unquote(password),
        database=database,
        is_secure=is_secure,
        cluster=options.get("cluster", ""),
        wall_setting=options.get("wall", WALL_SETTING),
        ca_cert=options.get("ca_cert", ""),
    )


def _host(written: str, port: int) -> tuple[str, int]:
    """Return host and port; an IPv6 address stands in brackets."""
    parts = urlsplit(f"//{written}")
    if not parts.hostname:
        raise ValueError("no host")
    return parts.hostname, parts.port or port


def _unfit(name: str) -> ImproperlyConfigured:
    return ImproperlyConfigured(f"{name} is not of the form {FORM}.")
