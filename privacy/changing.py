"""One entry, decoded: what is found in it, replaced, until there is nothing more to find. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from msgspec import json

from privacy.effort import Effort, TooMuch
from privacy.finder import Find, Finder
from privacy.gathering import Gathered, Place
from privacy.own_rules import OwnFinder
from privacy.paths import Paths
from privacy.replacements import DROPPED, is_replacement
from privacy.rules import Action, Rules

#: The second look at what was changed finds nothing more, almost always.
MOST_LOOKS = 5
DROP, REPORT = Action.DROP, Action.REPORT


class Change(NamedTuple):
    """What was found in a field, and what became of it; not real: only reported."""

    path: tuple[str, ...]
    detector: str
    action: Action
    is_real: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Orders:
    """What to look for in an entry, and what to do with it: an action for each detector that finds something."""

    rules: Rules
    actions: Mapping[str, Action]
    finder: Finder
    own: OwnFinder
    safe: Paths
    sensitive: Paths

    def scrub(self, entry: dict[str, Any], effort: Effort) -> list[Change]:
        """Change the entry until a look finds nothing more; return all that was found. Raises: `TooMuch`."""
        gathered = self._gathered()
        gathered.add_entry(entry)
        changing = _Changing(self, gathered, effort)
        changing.run()
        changes = changing.changes
        for _ in range(MOST_LOOKS):
            if not self._may_find_more(changing):
                return changes
            gathered = self._gathered()
            gathered.add_entry(entry)
            changing = _Changing(self, gathered, effort)
            changing.run()
            changes = changes + [change for change in changing.changes if change.is_real]
        raise TooMuch

    def _may_find_more(self, changing: "_Changing") -> bool:
        """Tell whether another look may change something: texts that stay are looked at no second time."""
        if not any(change.is_real for change in changing.changes):
            return False
        if self.own or changing.touched_others:
            return True
        texts = [text for place in changing.touched if isinstance(text := place.holder.get(place.key), str)]
        return self.finder.expression.fits("\0".join(texts).encode())

    def _gathered(self) -> Gathered:
        return Gathered(
            safe=self.safe,
            sensitive=self.sensitive,
            with_network=self.finder.with_network,
            everything=bool(self.own),
        )


class _Changing:
    """One look at what was gathered."""

    def __init__(self, orders: Orders, gathered: Gathered, effort: Effort) -> None:
        self.effort = effort
        self.orders = orders
        self.gathered = gathered
        self.changes: list[Change] = []
        self.touched: list[Place] = []
        self.touched_others = False  # than texts that stand alone
        self._cuts: dict[int, list[tuple[int, int, str]]] = {}
        self._dropped: list[Place] = []
        self._renamed: dict[int, tuple[dict[str, Any], dict[str, str]]] = {}  # holder → name → new name

    def run(self) -> None:
        for place, value, mark in self.gathered.marked:
            self._replace(place, value, mark)
        for find in self._finds():
            self._judge(find)
        for index, cuts in self._cuts.items():
            self._cut(index, cuts)
        self._drop()
        self._rename()

    def _replace(self, place: Place, value: Any, mark: str) -> None:
        """Replace a whole value, for its name."""
        action = self.orders.actions.get(mark)
        if action is None or (isinstance(value, str) and is_replacement(value)):
            return
        is_real = action != REPORT
        self.changes.append(Change(place.whole_path, mark, action, is_real))
        if action == DROP:
            self._dropped.append(place)
        elif is_real:
            plain = value.encode() if isinstance(value, str) else json.encode(value)
            place.holder[place.key] = self.orders.rules.replacement(mark, action, plain)

    def _finds(self) -> Iterable[Find]:
        text, gathered = self.gathered.joined(), self.gathered
        finds = self.orders.finder.finds(text, limit_at=gathered.limit_at, name_at=gathered.name_at, effort=self.effort)
        if not self.orders.own:
            return list(finds)
        return sorted([*finds, *self._own_finds()], key=lambda find: find.start)

    def _own_finds(self) -> Iterable[Find]:
        for index, text in enumerate(self.gathered.texts):
            start = self.gathered.span(index)[0]
            for find in self.orders.own.finds(text.encode()):
                self.effort.spend()
                yield Find(start + find.start, start + find.end, find.detector, find.plain)

    def _judge(self, find: Find) -> None:
        """Note what becomes of a find: from each text that it touches, it is cut out."""
        action = self.orders.actions.get(find.detector)
        if action is None:
            return
        index, is_real = self.gathered.index_at(find.start), action != REPORT
        self.changes.append(Change(self.gathered.place(index).whole_path, find.detector, action, is_real))
        if not is_real:
            return
        replacement = self.orders.rules.replacement(find.detector, action, find.plain)
        while index < len(self.gathered.texts) and (span := self.gathered.span(index))[0] < find.end:
            place = self.gathered.place(index)
            if action == DROP and not place.is_name:
                self._dropped.append(place)
            else:
                cut = (max(find.start, span[0]) - span[0], min(find.end, span[1]) - span[0], replacement)
                self._cuts.setdefault(index, []).append(cut)
            index += 1

    def _cut(self, index: int, cuts: Sequence[tuple[int, int, str]]) -> None:
        place, text = self.gathered.place(index), self.gathered.texts[index].encode()
        kept: list[bytes] = []
        at = 0
        for start, end, replacement in cuts:
            if start >= at:  # where two meet, the first speaks for both
                kept += [text[at:start], replacement.encode()]
            at = max(at, end)
        new = b"".join([*kept, text[at:]]).decode(errors="replace")
        if place.is_name:
            self._renamed.setdefault(id(place.holder), (place.holder, {}))[1][place.key] = new
        else:
            place.holder[place.key] = new
            self.touched.append(place)
        self.touched_others |= place.is_name or isinstance(place.holder, list)

    def _drop(self) -> None:
        """Take values away; what stands in a list, or must be there, is replaced."""
        for place in self._dropped:
            if isinstance(place.holder, list) or place.whole_path == ("message",):
                place.holder[place.key] = DROPPED
            else:
                place.holder.pop(place.key, None)

    def _rename(self) -> None:
        """Give names away. The others keep their places, and no value is lost when two get the same name."""
        for holder, new_names in self._renamed.values():
            items, numbers = list(holder.items()), Counter[str]()
            taken = holder.keys() - new_names.keys()
            holder.clear()
            for name, value in items:
                holder[_unique(new_names[name], taken, numbers) if name in new_names else name] = value


def _unique(name: str, taken: set[str], numbers: Counter[str]) -> str:
    """Return a name that no field has, and take it."""
    unique = name
    while unique in taken:
        numbers[name] += 1
        unique = f"{name} {numbers[name] + 1}"
    taken.add(unique)
    return unique
