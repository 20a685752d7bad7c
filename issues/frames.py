"""The frames of a stack: where an error was, innermost first, and whose those frames are. Pure."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from hashlib import blake2b

from msgspec import Struct
from msgspec.structs import replace

from foundation.recent import Recent
from issues.ours import NO_PREFIXES, Prefixes, is_ours
from issues.paths import tail
from issues.shapes import SHAPES, UNIFORM, Found

#: The first and the last so many lines of a stack are looked at, and so much of each.
MOST_LINES, MOST_CHARACTERS = 100, 240
TAKEN = 3
#: Stacks that this process has read lately; most errors come again.
KNOWN_STACKS = 4_096
#: At the end of a line: a frame of a library, says who wrote it.
EXTERNAL = "[external]"
EXTENSIONS = ("chrome-extension:", "moz-extension:", "safari-extension:", "safari-web-extension:", "webkit-masked-url:")
#: What is remembered of paths, the most frequent ones.
KNOWN_PATHS = 4_096


class Frame(Struct, frozen=True, gc=False):
    """A function, and where that is; `function` is empty where it has no name."""

    where: str
    function: str
    family: str
    is_ours: bool = True

    def __str__(self) -> str:
        return f"{self.where}|{self.function}"

    @property
    def is_told(self) -> bool:
        """Whether its function tells it from others; a minified name does not."""
        name = self.function.rpartition(".")[2]
        return len(name) > 2 if self.family == "js" else bool(name)


class Stack(Struct, frozen=True):
    """The innermost distinct frames, the innermost first: the application's own, if there are any."""

    frames: tuple[Frame, ...] = ()
    is_ours: bool = False
    #: Whether these frames do not tell errors apart: nobody's, or without functions.
    needs_words: bool = True
    #: The frames, one a line.
    text: str = ""


NOWHERE = Stack()
_known: Recent[bytes, Stack] = Recent(capacity=KNOWN_STACKS)


def of(stack: Sequence[str], prefixes: Prefixes = NO_PREFIXES, *, digest: bytes | None = None) -> Stack:
    """Return what a stack says of where an error was, remembered by its digest."""
    if not stack:
        return NOWHERE
    key = (digest or digest_of(stack)) + prefixes.identity
    known = _known.get(key)
    if known is None:
        known = read(lines_of(stack), prefixes)
        _known.put(key, known)
    return known


def digest_of(stack: Sequence[str]) -> bytes:
    """Return what tells a stack from others."""
    if not stack:
        return b""
    return blake2b("\n".join(stack).encode(errors="surrogatepass"), digest_size=16).digest()


def lines_of(stack: Sequence[str]) -> list[str]:
    """Return the lines of a stack that are looked at."""
    text = "\n".join(stack)
    if text.count("\n") < 2 * MOST_LINES:
        lines = text.split("\n")
    else:
        lines = [*text.split("\n", MOST_LINES)[:MOST_LINES], *text.rsplit("\n", MOST_LINES)[-MOST_LINES:]]
    return [line[:MOST_CHARACTERS].rstrip() for line in lines]


def read(lines: Sequence[str], prefixes: Prefixes = NO_PREFIXES) -> Stack:
    """Return what the lines of a stack say of where an error was."""
    every: dict[Frame, None] = {}
    own: dict[Frame, None] = {}
    for found, is_external in _innermost_first(lines):
        frame = frame_of(found, prefixes, is_external=is_external)
        every[frame] = None
        if frame.is_ours:
            own[frame] = None
            if len(own) == TAKEN:
                break
    frames = tuple(own or every)[:TAKEN]
    needs_words = not own or not any(frame.is_told for frame in frames)
    return Stack(frames, bool(own), needs_words, "\n".join(map(str, frames)))


def _innermost_first(lines: Sequence[str]) -> Iterable[tuple[Found, bool]]:
    """Return what the lines of the error that counts say, and whether each says itself that it is a library's."""
    reader = _Reader()
    end = len(lines) - 1 if lines and not lines[-1] else len(lines)
    for place, line in enumerate(lines[:end]):
        if place < 2 and reader.is_untouched and (alike := _alike(lines[place:end])) is not None:
            return alike  # no line of these changes what another says: the first ones are enough
        reader.read(line)
    return reader.frames()


def _alike(lines: Sequence[str]) -> Iterator[tuple[Found, bool]] | None:
    """Return the frames of lines that are all written in one way, of which the innermost stands first."""
    for pattern, read_match in UNIFORM:
        if pattern.fullmatch(lines[0]):
            found = list(map(pattern.fullmatch, lines))
            return None if None in found else ((read_match(one), False) for one in found if one)
    return None


class _Reader:
    """One walk through the lines of a stack, which may print several errors of a chain: one of them counts."""

    def __init__(self) -> None:
        self._frames: list[tuple[Found, bool]] = []
        self._found: Found | None = None  # the last one
        self._before = ""  # the line before
        self._begins = False  # a block: its first frame takes the place of all before
        self._is_over = False
        self._suppressed_at = -1  # the indent of what was suppressed, and does not count
        self._goroutines = 0

    @property
    def is_untouched(self) -> bool:
        """Whether nothing that was read says anything of what follows."""
        return self._found is None and not self._is_over and self._suppressed_at < 0 and not self._goroutines

    def frames(self) -> list[tuple[Found, bool]]:
        """Return the frames of the language that wrote most of them, the innermost first."""
        families = Counter(found.family for found, _ in self._frames)
        if not families:
            return []
        [(family, _)] = families.most_common(1)
        frames = [frame for frame in self._frames if frame[0].family == family]
        return frames[::-1] if family == "python" else frames

    def read(self, line: str) -> None:
        """Look at the next line."""
        bare = line.lstrip()
        indent = len(line) - len(bare)
        while bare[:1] == "|" or bare[:2] == "+ ":  # of Python's groups of exceptions
            bare = bare[1:].lstrip()
        if bare and not self._is_over and not self._turns(bare, indent) and self._suppressed_at < 0:
            self._take(bare)
        self._before = bare

    def _turns(self, line: str, indent: int) -> bool:
        """Tell whether a line begins or ends what is printed of one error."""
        match line.partition(" ")[0]:
            case "Traceback" if line.startswith("Traceback (most recent"):
                self._begins = True
            case "Exception" if line.startswith("Exception Group Traceback"):
                self._begins = True
            case "Caused" if line.startswith("Caused by:"):
                if self._suppressed_at < 0 or indent < self._suppressed_at:
                    self._begins, self._suppressed_at = True, -1
            case "Suppressed:":
                self._suppressed_at = indent if self._suppressed_at < 0 else self._suppressed_at
            case "---" if line.startswith("--- End of inner exception"):
                self._is_over = bool(self._frames)
            case "[cause]:" | "[errors]:":
                self._is_over = bool(self._frames)
            case "Next" if self._family == "php":
                self._begins = True
            case "goroutine" if line.endswith(":"):
                self._goroutines += 1
                self._is_over = self._goroutines > 1 and bool(self._frames)
            case _:
                return False
        return True

    @property
    def _family(self) -> str:
        return self._found.family if self._found else ""

    def _take(self, line: str) -> None:
        found, is_external = found_in(line, self._before)
        if found is not None:
            self._add(found, is_external=is_external)

    def _add(self, found: Found, *, is_external: bool) -> None:
        if found.is_amendment and self._found and self._frames:
            found = replace(self._found, path=found.path)
            self._frames.pop()
        elif self._begins:
            self._frames, self._begins = [], False
        self._found = found
        if not found.is_nobodys:
            self._frames.append((found, is_external))


def found_in(line: str, before: str) -> tuple[Found | None, bool]:
    """Return what a bare line says, after the one `before`, and whether it says itself that it is a library's."""
    is_external = line.endswith(EXTERNAL)
    if is_external:
        line = line.removesuffix(EXTERNAL).rstrip()
    return next((found for shape in SHAPES if (found := shape(line, before)) is not None), None), is_external


def frame_of(found: Found, prefixes: Prefixes, *, is_external: bool) -> Frame:
    """Return the frame that a line tells of."""
    path = found.path.replace("\\", "/")
    own = not is_external and is_ours(found.family, path, found.module, prefixes, application=found.application)
    where = _tail(path) if path else found.module if found.family in ("java", "dotnet") else ""
    return Frame(where, found.function, found.family, is_ours=own)


_tail = lru_cache(KNOWN_PATHS)(tail)


def forget() -> None:
    """Forget all stacks."""
    _known.clear()
