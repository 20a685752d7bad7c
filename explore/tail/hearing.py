"""Who hears which entries: matched once a query, in steps after each of which others may go on."""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from typing import Any

from explore.query import Node, matches
from explore.shape import as_json, as_mapping
from explore.tail.listener import Event
from storage.conditions import Either, Every, Unless
from storage.found import FoundEntry

#: A query's text, and an entry that it finds.
Heard = tuple[str, Event]


def hearing(
    entries: Sequence[FoundEntry], queries: Mapping[str, Node], *, name: Callable[[FoundEntry], str]
) -> Iterator[Heard | None]:
    """Yield what `queries` find in `entries`, in their order, and None after other steps: one term on one entry.

    `name` gives the event's id. JSON has no line breaks, so an entry fits one line of data.
    """
    for entry in entries:
        mapping, event = as_mapping(entry), None
        for query, node in queries.items():
            if (yield from fulfils(node, mapping)):
                event = event or Event(id=name(entry), data=as_json(entry))
                yield query, event


def fulfils(node: Node, entry: Mapping[str, Any]) -> Generator[None, None, bool]:
    """Do as `storage.matching.matches`, a term at a time: return whether `entry` fulfils `node`."""
    match node:
        case Every():
            for condition in node.of:
                if not (yield from fulfils(condition, entry)):
                    return False
            return True
        case Either():
            for condition in node.of:
                if (yield from fulfils(condition, entry)):
                    return True
            return False
        case Unless():
            return not (yield from fulfils(node.condition, entry))
        case _:
            fulfilled = matches(node, entry)
            yield
            return fulfilled
