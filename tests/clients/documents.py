"""The blocks that docs/send.md prints, by section and language; which of them are not run says the page itself."""

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass

from luminalog.console.sending.guides import HOST, KEY, fill
from tests.printed import FENCED
from tests.processes import PROJECT

PAGE = PROJECT / "docs" / "send.md"
ADDRESS = f"https://{HOST}"
NOT_RUN = "*not run"
_SECTION = re.compile(r"^##+ ([^\n]+)\n(.*?)(?=^##|\Z)", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """One block; `number` counts those of its section and language."""

    section: str
    language: str
    number: int
    text: str
    is_run: bool

    def filled(self, url: str, key: str, words: Mapping[str, str] | None = None) -> str:
        """Return it as the console fills it for an address and a key, and with other `words`."""
        text = fill(self.text, url=url, key=key)
        assert self.text.count(KEY) == text.count(key) > 0, f"{self.section}: a block without a key"
        for word, value in (words or {}).items():
            assert word in text, f"{self.section}: a block without {word}"
            text = text.replace(word, value)
        return text

    def variables(self, url: str, key: str) -> dict[str, str]:
        """Return the variables that a block of a shell sets."""
        return dict(word.split("=", 1) for word in shlex.split(self.filled(url, key)))


def blocks() -> list[Block]:
    """Return all blocks of the page."""
    found: list[Block] = []
    for section in _SECTION.finditer(PAGE.read_text()):
        name, said = section[1], section[2]
        for block in FENCED.finditer(said):
            before = said[: block.start()].rpartition("```")[2]
            number = sum((one.section, one.language) == (name, block[1]) for one in found)
            found.append(Block(name, block[1], number, block[2], NOT_RUN not in before.lower()))
    return found


def printed(section: str, language: str = "", number: int = 0) -> Block:
    """Return one block. Raises: `ValueError` if there is not exactly one such."""
    [block] = [one for one in blocks() if (one.section, one.language, one.number) == (section, language, number)]
    return block
