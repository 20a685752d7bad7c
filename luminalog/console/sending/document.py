"""docs/send.md as the console shows it: its sections, each as paragraphs and blocks to copy. Knows no key."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from foundation.once import once

PAGE = Path(__file__).resolve().parents[3] / "docs" / "send.md"
_SECTION = re.compile(r"^##+ ([^\n]+)\n(.*?)(?=^##|\Z)", re.MULTILINE | re.DOTALL)
#: A fenced block, an indented one, or what lies between: paragraphs.
_PART = re.compile(
    r"^```(?P<language>\w*)\n(?P<fenced>.*?)^```$|(?P<indented>(?:^    [^\n]*\n)+)"
    r"|(?P<words>(?:^(?!```|    )[^\n]+\n)+)",
    re.MULTILINE | re.DOTALL,
)
_MARK = re.compile(r"^\*Not run, but replayed\.\*\s*|\s*\(\*not run\*\)")


@dataclass(frozen=True, kw_only=True)
class Part:
    """A paragraph in Markdown, or a block to copy."""

    text: str
    is_block: bool
    language: str = ""


@dataclass(frozen=True, kw_only=True)
class Section:
    """What stands below one heading. `is_replayed` if its client itself is not run by tests, and its requests are."""

    title: str
    parts: tuple[Part, ...]
    is_replayed: bool


@once
def sections() -> dict[str, Section]:
    """Return the page's sections by their titles; empty where an installation has no documents."""
    if not PAGE.exists():
        return {}
    return read(PAGE.read_text())


def read(text: str) -> dict[str, Section]:
    """Return the sections of a text."""
    return {
        title: Section(title=title, parts=tuple(_parts(said)), is_replayed="*Not run, but replayed.*" in said)
        for title, said in _SECTION.findall(text)
    }


def _parts(said: str) -> Iterator[Part]:
    for found in _PART.finditer(said):
        if found["fenced"]:
            yield Part(text=found["fenced"].rstrip(), is_block=True, language=found["language"])
        elif found["indented"]:
            lines = found["indented"].splitlines()
            yield Part(text="\n".join(line[4:] for line in lines), is_block=True, language="sh")
        elif words := _MARK.sub("", found["words"]).strip():
            yield Part(text=words, is_block=False)
