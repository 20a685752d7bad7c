"""Which ways to send the console offers, in groups, and their lines with an address and a key filled in. Pure."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from django.utils.text import slugify

from luminalog.console.sending.document import Part, Section

#: What stands for a reader's own in docs/send.md.
HOST, KEY = "logs.example.com", "ll_…"
#: Groups, and in each the sections of docs/send.md; of several that are one guide, the first names it.
CATALOGUE: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "By hand": (
        ("curl",),
        (
            "By pipe",
            "Say where, with which key",
            "One event",
            "A program that goes on",
            "Files",
            "Entries that are ready",
        ),
    ),
    "Applications": (
        ("LuminaLog's own client",),
        ("OpenTelemetry SDKs",),
        ("Sentry's SDKs",),
        ("winston",),
        ("pino",),
        ("Python logging",),
        ("structlog",),
        ("GELF",),
        ("Splunk's loggers",),
        ("Elasticsearch's clients",),
    ),
    "Containers": (("Docker",),),
    "Agents": (
        ("OpenTelemetry Collector",),
        ("fluent-bit",),
        ("Vector",),
        ("Alloy and promtail",),
        ("Filebeat",),
        ("Logstash",),
        ("Datadog's agent",),
    ),
    "Machines and devices": (("rsyslog",), ("syslog-ng",), ("journald",), ("Routers and switches",)),
}
#: Sections whose addresses take no key that may read.
OF_KEYS_THAT_ONLY_SEND = {"Sentry's SDKs"}


@dataclass(frozen=True, kw_only=True)
class Guide:
    """One way to send. `warning` is what is wrong with the key for it."""

    slug: str
    title: str
    sections: tuple[Section, ...]
    is_replayed: bool
    warning: str = ""


@dataclass(frozen=True, kw_only=True)
class Group:
    """Guides that belong together."""

    title: str
    guides: tuple[Guide, ...]


def groups(found: Mapping[str, Section], *, url: str, key: str, only_sends: bool) -> list[Group]:
    """Return all guides whose sections there are, for a server at `url` and a key, or what stands for it."""
    return [
        Group(title=title, guides=tuple(_guides(rows, found, url=url, key=key, only_sends=only_sends)))
        for title, rows in CATALOGUE.items()
    ]


def _guides(
    rows: tuple[tuple[str, ...], ...], found: Mapping[str, Section], *, url: str, key: str, only_sends: bool
) -> Iterator[Guide]:
    for titles in rows:
        own = tuple(_filled(found[title], url=url, key=key) for title in titles if title in found)
        if own:
            is_refused = own[0].title in OF_KEYS_THAT_ONLY_SEND and not only_sends
            warning = (
                "A DSN is public: its addresses refuse this key, because it may do more than send."
                if is_refused
                else ""
            )
            yield Guide(
                slug=slugify(titles[0]),
                title=titles[0],
                sections=own,
                is_replayed=any(section.is_replayed for section in own),
                warning=warning,
            )


def placeholder(name: str) -> str:
    """Return what stands in the lines for the secret of a key that is called `name`: it is safe in any language."""
    return f"SECRET-OF-{slugify(name) or 'THE-KEY'}"


def _filled(section: Section, *, url: str, key: str) -> Section:
    return replace(section, parts=tuple(_fill_part(part, url=url, key=key) for part in section.parts))


def _fill_part(part: Part, *, url: str, key: str) -> Part:
    return replace(part, text=fill(part.text, url=url, key=key))


def fill(text: str, *, url: str, key: str) -> str:
    """Return text of docs/send.md with a server's address and a key in place of the reader's."""
    parts = urlsplit(url)
    is_plain = parts.scheme == "http"
    port = parts.port or (80 if is_plain else 443)
    host = parts.netloc.removesuffix(f":{port}")
    in_place = {
        f"https://{KEY}@{HOST}": f"{parts.scheme}://{key}@{parts.netloc}",
        f'"https://{HOST}" serverport="443"': f'"{parts.scheme}://{host}" serverport="{port}"',
        f"host: '{HOST}', port: 443, ssl: true": f"host: '{host}', port: {port}, ssl: {str(not is_plain).lower()}",
        f'"{HOST}", port=443': f'"{host}", port={port}',
        f"https://{HOST}:443": f"{parts.scheme}://{host}:{port}",
        f"https://{HOST}": f"{parts.scheme}://{parts.netloc}",
        f"{HOST}:443": f"{host}:{port}",
        HOST: host,
        KEY: key,
    }
    for theirs, ours in in_place.items():
        text = text.replace(theirs, ours)
    text = re.sub(r"^( *Port +)443$", rf"\g<1>{port}", text, flags=re.MULTILINE)
    if is_plain:
        text = re.sub(r"^( *tls +)on$", r"\g<1>off", text, flags=re.MULTILINE)
        text = text.replace("secure=True", "secure=False").replace("HTTPSConnection", "HTTPConnection")
        text = re.sub(r"^( *)force_use_http: true$", r"\g<0>\n\g<1>logs_no_ssl: true", text, flags=re.MULTILINE)
    return text
