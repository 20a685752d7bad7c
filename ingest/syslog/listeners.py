"""Where to listen, and whose a message is: `LUMINALOG_SYSLOG`, and the files of keys that it names.

    udp://0.0.0.0:5514?keys=/etc/luminalog/syslog.keys&zone=Europe/Berlin
    tls://[::]:6514?keys=…&certificate=…&private_key=…&clients=…

A file of keys has a line for each network, `10.1.0.0/16 ll_…`; the narrowest that holds a sender's address counts, and
`*` is every network. It is read again when it has changed.
"""

import os
import ssl
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit
from zoneinfo import ZoneInfo

from accounts.addresses import parse
from accounts.keys import is_well_formed

TRANSPORTS = ("udp", "tcp", "tls")
OF_ALL, OF_TLS = frozenset({"keys", "zone"}), frozenset({"certificate", "private_key", "clients"})
LOOK_EVERY_SECONDS = 5.0

Network = IPv4Network | IPv6Network


class SettingError(ValueError):
    """A setting, or a file that it names, cannot be used; says which and why, and never holds a key."""


class Keys:
    """The keys of networks, as a file has them. Making one reads it. Raises: `SettingError`."""

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.path = path
        self._clock = clock
        self._looked_at = clock()
        self._stamp = _stamp(path)
        self._rows = list(_rows(path))

    def of(self, address: str) -> str | None:
        """Return the key for what comes from `address`, if there is one."""
        self._look_again()
        found = parse(address)
        return next((key for network, key in self._rows if found and found in network), None)

    def all(self) -> list[str]:
        """Return every key."""
        return sorted({key for _, key in self._rows})

    def _look_again(self) -> None:
        """Read the file when it has changed; while it cannot be read, what it said last counts."""
        if self._clock() - self._looked_at < LOOK_EVERY_SECONDS:
            return
        self._looked_at = self._clock()
        try:
            if (stamp := _stamp(self.path)) != self._stamp:
                self._rows, self._stamp = list(_rows(self.path)), stamp
        except SettingError:
            return


@dataclass(frozen=True, kw_only=True)
class Listener:
    """One address to listen at."""

    transport: str
    host: str
    port: int
    zone: str = "UTC"  # of times that name none
    keys: Keys | None = None  # none: only messages that hold one are taken
    context: ssl.SSLContext | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.transport}://{host}:{self.port}"


def read(setting: str) -> list[Listener]:
    """Return the listeners of `LUMINALOG_SYSLOG`. Raises: `SettingError`."""
    listeners = [_listener(address) for address in setting.split()]
    for listener in listeners:
        if listener.port and sum(other.name == listener.name for other in listeners) > 1:
            raise SettingError(f"{listener.name} is there twice.")
    return listeners


def faults(setting: str) -> str | None:
    """Return what is wrong with the setting; None when nothing is."""
    try:
        read(setting)
    except SettingError as error:
        return str(error)
    return None


def _listener(address: str) -> Listener:
    said = address.partition("?")[0]
    try:
        url = urlsplit(address)
        host, port = url.hostname, url.port
        asked = dict(parse_qsl(url.query, strict_parsing=True, keep_blank_values=True)) if url.query else {}
    except ValueError:
        raise SettingError(f"{said} is no address: udp://0.0.0.0:5514?keys=FILE") from None
    if url.scheme not in TRANSPORTS or not host or port is None or url.path:
        raise SettingError(f"{said} is no address: one of udp, tcp, tls, then ://HOST:PORT")
    if unknown := asked.keys() - OF_ALL - (OF_TLS if url.scheme == "tls" else set()):
        raise SettingError(f"{said} does not take {', '.join(sorted(unknown))}.")
    return Listener(
        transport=url.scheme,
        host=host,
        port=port,
        zone=_zone(asked.get("zone", "UTC"), said),
        keys=Keys(Path(asked["keys"])) if "keys" in asked else None,
        context=_context(asked, said) if url.scheme == "tls" else None,
    )


def _zone(name: str, said: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise SettingError(f"{said}: {name} is no time zone; Europe/Berlin is one.") from None
    return name


def _context(asked: dict[str, str], said: str) -> ssl.SSLContext:
    """Return how TLS is spoken: with our certificate, and with `clients` to those whose certificates it has signed."""
    if not asked.get("certificate"):
        raise SettingError(f"{said} needs certificate=FILE, and private_key=FILE unless that is in it.")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(asked["certificate"], asked.get("private_key") or None)
        if asked.get("clients"):
            context.load_verify_locations(asked["clients"])
            context.verify_mode = ssl.CERT_REQUIRED
    except (OSError, ssl.SSLError) as error:
        raise SettingError(f"{said}: its certificates cannot be used ({error}).") from error
    return context


def _stamp(path: Path) -> tuple[int, int, int]:
    try:
        status = os.stat(path)
    except OSError as error:
        raise SettingError(f"{path} cannot be read ({error.strerror}).") from error
    return status.st_mtime_ns, status.st_size, status.st_ino


def _rows(path: Path) -> Iterator[tuple[Network, str]]:
    """Yield networks and their keys, the narrowest first."""
    try:
        lines = path.read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingError(f"{path} cannot be read ({type(error).__name__}).") from error
    rows = [row for number, line in enumerate(lines, 1) for row in _row(line, f"{path}, line {number}")]
    if not rows:
        raise SettingError(f"{path} has no key: a line is a network and a key, or * and a key.")
    yield from sorted(rows, key=lambda row: row[0].prefixlen - row[0].max_prefixlen, reverse=True)


def _row(line: str, where: str) -> Sequence[tuple[Network, str]]:
    words = line.partition("#")[0].split()
    if not words:
        return ()
    if len(words) != 2 or not is_well_formed(words[1]):
        raise SettingError(f"{where} is not a network and an API key.")
    try:
        networks = [ip_network(one) for one in (("0.0.0.0/0", "::/0") if words[0] == "*" else (words[0],))]
    except ValueError as error:
        raise SettingError(f"{where}: {error}.") from None
    return [(network, words[1]) for network in networks]
