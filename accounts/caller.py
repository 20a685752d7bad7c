"""The caller of an authenticated request, as the rooms beyond `accounts` see it."""

from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import IPv4Network, IPv6Network


@dataclass(frozen=True, kw_only=True, slots=True)
class Caller:
    """An API key in good standing and what it may do; from a process cache, so at most 10 s old."""

    organisation_id: int
    api_key_id: int
    project_id: int
    project: str  # the project's slug
    environment: str
    scopes: frozenset[str]  # of `accounts.scopes.Scope`
    requests_per_minute: int | None
    keeps_valid_entries: bool  # lenient handling of invalid entries
    minimum_level: int
    expires_at: datetime | None
    allowed_networks: tuple[IPv4Network | IPv6Network, ...] = field(default=())

    keeps_overflow: bool = False  # what is beyond a limit is kept for later

    #: Of a public key: it is seen by whoever uses the application that carries it.
    is_public: bool = False
    allowed_origins: tuple[str, ...] = field(default=())
    daily_bytes: int | None = None
    network: str = ""  # this request comes from: an address, or an IPv6 address's /64; empty for other keys

    is_authenticated: bool = True
