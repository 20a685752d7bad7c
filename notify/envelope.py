"""What a channel is given to write, what it writes, and how texts are fitted into a service's limits. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec

from notify.message import Link, Message

#: In the place of a secret wherever what was sent is shown.
HIDDEN = "•••"
AGENT = "LuminaLog"
HEADERS = {"Content-Type": "application/json", "User-Agent": AGENT}


@dataclass(frozen=True, kw_only=True, slots=True)
class Envelope:
    """A message, whose it is, and where it goes. `home` is where our links begin, if known; `secret` signs webhooks."""

    message: Message
    organisation: str
    slug: str
    delivery_id: str
    sent_at: datetime
    address: str
    mention: str = ""
    secret: str = ""
    home: str = ""

    @property
    def thread(self) -> str:
        """What all messages of one subject share, and no others, whichever server they come from."""
        return f"luminalog/{self.slug}/{self.message.subject or self.delivery_id}"

    def absolute(self, url: str) -> str:
        """Return where a link leads, or nothing where our own address is not known."""
        if not url.startswith("/"):
            return url
        return self.home.rstrip("/") + url if self.home else ""

    def links(self, message: Message) -> list[Link]:
        """Return the links that lead somewhere."""
        found = [Link(label=link.label or link.url, url=self.absolute(link.url)) for link in message.links]
        return [link for link in found if link.url]


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """A POST. `secret` stands in its body, and is hidden where that is shown."""

    url: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=lambda: dict(HEADERS))
    secret: str = ""

    @property
    def shown(self) -> str:
        """Return the body as it may be shown."""
        text = self.body.decode()
        return text.replace(self.secret, HIDDEN) if self.secret else text


@dataclass(frozen=True, kw_only=True, slots=True)
class Letter:
    """A mail."""

    to: str
    subject: str
    text: str
    html: str
    headers: Mapping[str, str]

    @property
    def shown(self) -> str:
        """Return it as it may be shown."""
        return f"Subject: {self.subject}\n\n{self.text}"


def units(text: str) -> int:
    """Return the length of `text` in units of UTF-16: no service counts more."""
    return len(text.encode("utf-16-le")) // 2


def escaped(text: str, at_most: int, escapes: Mapping[int, str] | None = None) -> str:
    """Return the beginning of `text` with its characters replaced as `str.translate` does, in so many units at most.

    What replaces a character is there as a whole, or not at all.
    """
    whole = text.translate(escapes or {})
    if units(whole) <= at_most:
        return whole
    kept, left = [], at_most - 1
    for character in text:
        piece = character.translate(escapes or {})
        if (left := left - units(piece)) < 0:
            break
        kept.append(piece)
    return "".join(kept).rstrip() + "…"


def fitted(message: Message, build: Callable[[Message], Any], is_fit: Callable[[Any], bool]) -> Any:
    """Return the first of what is built of the message, smaller and smaller, that is fit; else the smallest."""
    built = None
    for smaller in message.shrunk():
        built = build(smaller)
        if is_fit(built):
            break
    return built


def document(content: Any) -> bytes:
    """Return `content` as JSON."""
    return msgspec.json.encode(content)
