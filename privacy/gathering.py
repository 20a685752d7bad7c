"""What there is to look at in a decoded entry: its texts, names and numbers; and what goes for its name. Pure.

For one look at all of them they are joined by U+0000, which no entry holds; the texts of a list by line ends, so that a
key that is spread over lines is found as a whole.
"""

from bisect import bisect_right
from functools import lru_cache
from itertools import accumulate
from typing import Any, NamedTuple

from msgspec import Raw

from privacy import names
from privacy.assignments import ends_with_name
from privacy.detectors import NAMED_SECRET, SENSITIVE_FIELD
from privacy.effort import Effort
from privacy.finder import finder
from privacy.paths import Paths

#: Nothing is looked for in these: they say when and where, and lead from one entry to others.
UNTOUCHED = frozenset({"timestamp", "level", "project_id", "trace_id", "span_id", "parent_span_id", "privacy_mode"})
#: Of smaller or shorter numbers no detector of ours finds any.
LEAST_NUMBER, LEAST_DIGITS = 10**11, 13
NAMES_OF_PAIRS = frozenset(
    {"name", "Name", "key", "Key", "header", "Header", "field", "Field", "param", "parameter", "ParameterKey", "k"}
)
VALUES_OF_PAIRS = frozenset({"value", "Value", "val", "content", "ParameterValue", "v"})
#: What is longer is no name, but a text.
MOST_NAME = 64
#: Longer names are looked at each time.
MOST_REMEMBERED = 200
#: The mark of a field into which nobody is to look; others are detectors' names.
SAFE = ""


class Place(NamedTuple):
    """A text or number in an entry: `holder[key]`; or a name, which is `key` itself."""

    holder: Any
    key: Any
    path: tuple[str, ...]
    is_name: bool = False

    @property
    def whole_path(self) -> tuple[str, ...]:
        """Return where it is, from the entry on; what is in a list is where the list is."""
        return (*self.path, self.key) if isinstance(self.key, str) else self.path


class Gathered:
    """Places with their texts, and the fields that go as a whole. `everything`: what only own rules may find, too."""

    def __init__(self, *, safe: Paths, sensitive: Paths, with_network: bool, everything: bool = False) -> None:
        self._places: list[tuple[Any, Any, tuple[str, ...], bool]] = []
        self.texts: list[str] = []
        self.marked: list[tuple[Place, Any, str]] = []
        self._joined: set[int] = set()  # texts that are followed by the next of their list
        self._starts: list[int] = []
        self._safe, self._sensitive = safe, sensitive
        self._has_paths = bool(safe or sensitive)
        self._with_network = with_network
        self._everything = everything

    def add_entry(self, entry: dict[str, Any]) -> None:
        """Gather all of an entry. Raises: RecursionError."""
        for key, value in entry.items():
            if key == "error":
                for name, part in value.items():
                    self._take(value, name, ("error",), part, self._mark(("error", name)))
            elif key not in UNTOUCHED:
                self._take(entry, key, (), value, self._mark((key,)))

    def place(self, index: int) -> "Place":
        """Return where a text stands."""
        return Place(*self._places[index])

    def joined(self) -> bytes:
        """Return all texts as one."""
        if self._joined:
            text = "".join(one + ("\n" if index in self._joined else "\0") for index, one in enumerate(self.texts))
        else:
            text = "\0".join([*self.texts, ""])
        whole = text.encode()
        lengths = map(len, self.texts) if len(whole) == len(text) else (len(one.encode()) for one in self.texts)
        self._starts = list(accumulate((length + 1 for length in lengths), initial=0))
        return whole

    def index_at(self, at: int) -> int:
        """Return which text stands at a byte of the whole."""
        return bisect_right(self._starts, at) - 1

    def span(self, index: int) -> tuple[int, int]:
        """Return from where to where a text goes in the whole."""
        return self._starts[index], self._starts[index + 1] - 1

    def limit_at(self, at: int) -> int:
        """Return where the text ends that holds a byte of the whole."""
        return self.span(self.index_at(at))[1]

    def name_at(self, at: int) -> str:
        """Return in which field a byte of the whole stands."""
        return self.place(self.index_at(at)).whole_path[-1]

    def _mark(self, path: tuple[str, ...]) -> str | None:
        """Return why all of a field goes, as its organisation wants it."""
        if not self._has_paths:
            return None
        if self._safe.hold(path):
            return SAFE
        return SENSITIVE_FIELD if self._sensitive.hold(path) else None

    def _take(self, holder: Any, key: Any, path: tuple[str, ...], value: Any, mark: str | None) -> None:
        """Gather what is at `holder[key]`."""
        kind = type(value)
        if mark == SAFE:
            return
        if kind is dict:
            self._take_object(Place(holder, key, path).whole_path, value, mark)
        elif kind is list:
            self._take_list(Place(holder, key, path), value, mark)
        elif mark:
            if kind is int or kind is Raw or (kind is str and value):
                self.marked.append((Place(holder, key, path), value, mark))
        elif kind is str:
            self._add(holder, key, path, False, value)
        elif kind is int:
            if self._everything or value >= LEAST_NUMBER:
                self._add(holder, key, path, False, str(value))
        elif kind is Raw and (self._everything or len(value) >= LEAST_DIGITS):
            self._add(holder, key, path, False, bytes(value).decode().removesuffix(".0"))

    def _take_object(self, path: tuple[str, ...], holder: dict[str, Any], mark: str | None) -> None:
        secrets = _values_of_pairs(holder)
        for key, value in holder.items():
            is_clean, is_secret = _known(key, self._with_network) if len(key) <= MOST_REMEMBERED else _look(key)
            if self._everything or not is_clean:
                self._add(holder, key, path, True, key)
            why = mark or (NAMED_SECRET if is_secret or key in secrets else None)
            if self._has_paths and (wanted := self._mark((*path, key))) is not None:
                why = wanted
            if type(value) is str and why is None:  # most are: without a call
                self._places.append((holder, key, path, False))
                self.texts.append(value)
            else:
                self._take(holder, key, path, value, why)

    def _take_list(self, place: Place, values: list[Any], mark: str | None) -> None:
        if mark and values and not _hold_objects(values):
            self.marked.append((place, values, mark))
            return
        is_pair = len(values) == 2 and _names_a_secret(values[0])
        path, before = place.whole_path, -1
        for index, value in enumerate(values):
            if isinstance(value, str) and not mark:
                if index and before == len(self.texts) - 1:
                    self._joined.add(before)
                before = len(self.texts)
            self._take(values, index, path, value, NAMED_SECRET if is_pair and index else mark)

    def _add(self, holder: Any, key: Any, path: tuple[str, ...], is_name: bool, text: str) -> None:
        self._places.append((holder, key, path, is_name))
        self.texts.append(text)


@lru_cache(8_192)
def _known(name: str, with_network: bool) -> tuple[bool, bool]:
    """Tell of a field's name whether nothing is found in it, and whether it is a secret's."""
    text = name.encode()
    finds = finder(with_network=with_network).finds(
        text, limit_at=lambda _: len(text), name_at=lambda _: "", effort=Effort()
    )
    return next(iter(finds), None) is None, names.is_secret(name)


def _look(name: str) -> tuple[bool, bool]:
    """As `_known`, of a name too long to be remembered: it is looked at with the texts."""
    return False, names.is_secret(name)


def _hold_objects(values: list[Any]) -> bool:
    return any(isinstance(value, dict) or (isinstance(value, list) and _hold_objects(value)) for value in values)


def _values_of_pairs(holder: dict[str, Any]) -> frozenset[str]:
    """Return the names of the fields that hold a secret which stands beside its name: `{"name": …, "value": …}`."""
    if VALUES_OF_PAIRS.isdisjoint(holder):
        return frozenset()
    beside = (holder[name] for name in NAMES_OF_PAIRS.intersection(holder))
    return VALUES_OF_PAIRS if any(map(_names_a_secret, beside)) else frozenset()


def _names_a_secret(value: object) -> bool:
    """Tell whether a value is a secret's name, which stands beside the secret."""
    return isinstance(value, str) and len(value) <= MOST_NAME and ends_with_name(value) and names.is_secret(value)
