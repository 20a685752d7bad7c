"""Regular expressions over bytes, linear in the text whatever it is: RE2's, without its wrapper's costs. Pure.

Its `search` makes a generator and a match for each call, which costs as much as looking.
"""

import re2

#: Beyond it RE2 goes on with its slow engine.
MOST_MEMORY_BYTES = 64 * 2**20
_UNANCHORED = re2._Anchor.UNANCHORED


class Expression:
    """One expression, without groups: with them RE2 is several times slower. `is_text`: over UTF-8, else over bytes.

    Raises: `re2.error` when RE2 cannot read it.
    """

    def __init__(self, pattern: str, *, is_text: bool = False) -> None:
        options = re2.Options()
        options.encoding = re2.Options.Encoding.UTF8 if is_text else re2.Options.Encoding.LATIN1
        options.max_mem = MOST_MEMORY_BYTES
        options.log_errors = False  # it would write what it has looked at
        options.never_capture = True
        self._compiled = re2.compile(pattern.encode("utf-8" if is_text else "latin-1"), options)
        self._match = self._compiled._regexp.Match

    @property
    def instructions(self) -> int:
        """Return the size of its program, forwards or backwards: what a byte of a text may cost at worst."""
        return int(max(self._compiled.programsize, self._compiled.reverseprogramsize))

    def span(self, text: bytes, at: int = 0) -> tuple[int, int] | None:
        """Return from where to where it fits first, from `at` on."""
        found: tuple[int, int] = self._match(_UNANCHORED, text, at, len(text))[0]
        return found if found[0] >= 0 else None

    def fits(self, text: bytes) -> bool:
        """Tell whether it fits anywhere."""
        return self.span(text) is not None
