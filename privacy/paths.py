"""Fields by their paths: `metadata.user.email`, `error.context.*.note`. Pure."""

import re
from collections.abc import Iterable, Sequence

#: Of an entry's own fields those that hold what somebody has written.
_PATH = re.compile(
    r"message|environment|error\.(?:type|message|fingerprint|stack_trace)|(?:metadata|error\.context)(?:\.[^.\s][^.]*)+"
)


class Paths:
    """Patterns of paths. A name in an entry may hold dots itself: both ways of reading it fit."""

    def __init__(self, patterns: Iterable[str]) -> None:
        self._patterns = [tuple(pattern.split(".")) for pattern in patterns]
        #: The last names of all; None when one of them is a star.
        names = {pattern[-1] for pattern in self._patterns}
        self.last_names: frozenset[str] | None = None if "*" in names else frozenset(names)

    def __bool__(self) -> bool:
        return bool(self._patterns)

    def hold(self, path: Sequence[str]) -> bool:
        """Tell whether the field at `path` is one of these."""
        if not self._patterns:
            return False
        names = ".".join(path).split(".")
        return any(
            len(pattern) == len(names) and all(one in ("*", name) for one, name in zip(pattern, names, strict=True))
            for pattern in self._patterns
        )


def is_path(path: str) -> bool:
    """Tell whether this may be the path of a field that holds what somebody has written."""
    return _PATH.fullmatch(path) is not None
