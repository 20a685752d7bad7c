"""What an organisation is told, by whatever channel: plain parts, bounded and clean whoever wrote them. Pure."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal, Self

import msgspec

#: As entries have them; "info" is for what is no trouble.
Severity = Literal["debug", "info", "warn", "error", "fatal", "panic"]
#: Characters of each part, and how many parts of a kind.
TITLE, TEXT, CODE, NAME, VALUE, LABEL, URL, WORD = 300, 4_000, 8_000, 100, 1_000, 80, 1_000, 200
FACTS, LINKS, ITEMS, MEMBERS, LEVELS = 25, 10, 20, 50, 4
#: What would hide or break text elsewhere: control characters but line ends and tabs, halves of surrogates, characters
#: that turn the direction of what follows (Unicode 16, UAX #9), and those that mean nothing.
UNFIT = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff\ufffe\uffff]"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Fact:
    """A name and what it is: "project", "shop"."""

    name: str
    value: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Link:
    """A button. `url` is absolute, or a path of ours from `/` on: that is left out where our address is not known."""

    label: str
    url: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """A line of a message that stands for several."""

    title: str
    url: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """What is told. `kind` is the webhook's type, as `alert.opened`.

    Messages of one `subject`, as `incident-17`, are one thread of mails and one incident of PagerDuty, which `state`
    opens and closes. `code` is shown as it is written: a stack, or lines. `data` is for programs only.
    """

    kind: str
    title: str
    occurred_at: datetime
    text: str = ""
    severity: Severity = "info"
    state: Literal["", "opens", "closes"] = ""
    subject: str = ""
    facts: tuple[Fact, ...] = ()
    code: str = ""
    links: tuple[Link, ...] = ()
    items: tuple[Item, ...] = ()
    more: int = 0  # items that are not listed
    data: Mapping[str, Any] = field(default_factory=dict)

    def bounded(self) -> Self:
        """Return it with every part cut to its bounds and without what no channel should show."""
        return replace(
            self,
            kind=one_line(self.kind, WORD),
            title=one_line(self.title, TITLE) or one_line(self.kind, WORD) or "…",
            text=cut(clean(self.text[: 2 * TEXT]), TEXT),
            subject=one_line(self.subject, NAME),
            facts=tuple(
                Fact(name=one_line(fact.name, NAME), value=cut(clean(fact.value[: 2 * VALUE]), VALUE))
                for fact in self.facts[:FACTS]
            ),
            code=cut(clean(self.code[: 2 * CODE]), CODE),
            links=tuple(
                Link(label=one_line(link.label, LABEL), url=link.url) for link in self.links[:LINKS] if _leads(link.url)
            ),
            items=tuple(
                Item(title=one_line(item.title, WORD), url=item.url if _leads(item.url) else "")
                for item in self.items[:ITEMS]
            ),
            more=self.more + len(self.items[ITEMS:]),
            data=_bounded(dict(self.data), LEVELS),
        )

    def shrunk(self) -> Iterator[Self]:
        """Yield it smaller and smaller, the most dispensable parts first, for channels with little room."""
        smaller = self
        yield smaller
        while smaller.code:
            smaller = replace(smaller, code=_half(smaller.code, least=200))
            yield smaller
        if smaller.data:
            smaller = replace(smaller, data={})
            yield smaller
        while smaller.facts:
            smaller = replace(smaller, facts=smaller.facts[: len(smaller.facts) // 2])
            yield smaller
        while len(smaller.text) > TITLE:
            smaller = replace(smaller, text=_half(smaller.text, least=TITLE))
            yield smaller
        while smaller.items:
            kept = smaller.items[: len(smaller.items) * 3 // 4]
            smaller = replace(smaller, items=kept, more=smaller.more + len(smaller.items) - len(kept))
            yield smaller
        if smaller.links:
            smaller = replace(smaller, links=())
            yield smaller
        yield replace(smaller, text="", title=cut(smaller.title, NAME))


def to_json(message: Message) -> str:
    """Return it as JSON, to be kept."""
    return msgspec.json.encode(message).decode()


def to_document(message: Message) -> Any:
    """Return it as what JSON knows."""
    return msgspec.to_builtins(message)


def from_document(document: Any) -> Message:
    """Return the message of a parsed `to_json`."""
    return msgspec.convert(document, Message)


def together(messages: list[Message]) -> Message:
    """Return one message that stands for several: a line each, at most `ITEMS`, and how many more there are."""
    if len(messages) == 1:
        return messages[0]
    worst = max(messages, key=lambda message: SEVERITIES.index(message.severity))
    return Message(
        kind="messages",
        title=f"{len(messages)} messages: {worst.title}",
        occurred_at=min(message.occurred_at for message in messages),
        severity=worst.severity,
        items=tuple(
            Item(title=message.title, url=message.links[0].url if message.links else "") for message in messages[:ITEMS]
        ),
        more=len(messages[ITEMS:]),
        data={"messages": [{"type": one.kind, "title": one.title, "subject": one.subject} for one in messages[:ITEMS]]},
    ).bounded()


SEVERITIES: tuple[Severity, ...] = ("debug", "info", "warn", "error", "fatal", "panic")


def clean(text: str) -> str:
    """Return `text` without what would hide or turn it."""
    return UNFIT.sub("", text.replace("\r\n", "\n"))


def one_line(text: str, characters: int) -> str:
    """Return the beginning of `text` as one clean line."""
    return cut(" ".join(clean(text[: 4 * characters]).split()), characters)


def cut(text: str, characters: int) -> str:
    """Return at most so many characters, with an ellipsis for what is missing."""
    return text if len(text) <= characters else text[: characters - 1].rstrip() + "…"


def _half(text: str, *, least: int) -> str:
    return cut(text, len(text) // 2) if len(text) > 2 * least else ("" if len(text) <= least else cut(text, least))


def _leads(url: str) -> bool:
    """Tell whether a link may be shown: a path of ours, or an address of the web, without what ends or hides one."""
    is_plain = url.isascii() and url.isprintable() and not set(" \"'<>\\|`") & set(url)
    return is_plain and len(url) <= URL and url.startswith(("/", "http://", "https://"))


def _bounded(value: Any, levels: int) -> Any:
    match value:
        case str():
            return cut(clean(value[: 2 * VALUE]), VALUE)
        case bool() | float() | None:
            return value
        case int() if -(2**63) <= value < 2**63:
            return value
        case int():
            return cut(hex(value), VALUE)
        case dict() if levels:
            members = list(value.items())[:MEMBERS]
            return {one_line(str(name), NAME): _bounded(member, levels - 1) for name, member in members}
        case list() | tuple() if levels:
            return [_bounded(member, levels - 1) for member in value[:MEMBERS]]
        case dict() | list() | tuple():
            return "…"
        case _:
            return cut(clean(str(value)[: 2 * VALUE]), VALUE)
