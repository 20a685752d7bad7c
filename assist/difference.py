"""What entries that fail have more often than others: exact, so that chance is not taken for a cause. Pure.

For each name and value the upper tail of the hypergeometric distribution: how likely as many of those that fail had it,
had they been drawn from all by chance. Bonferroni: divided among all pairs that are compared.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import exp, lgamma

from assist.facts import Facts

#: One finding in so many comparisons may be chance.
CHANCE = 0.01
#: Fewer sightings say nothing; a smaller difference of shares interests nobody.
LEAST_SIGHTINGS, LEAST_DIFFERENCE = 5, 0.05
#: A name whose values are mostly of one entry each is an identifier, and so is one of too many values.
MOST_DISTINCT = 0.5
MOST_VALUES = 3_000
#: Names that are compared, and findings that are told.
MOST_NAMES, MOST_FINDINGS = 1_000, 20
#: What a name says of an entry that has none.
ABSENT = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """A name and a value, as JSON, that failing entries have more often; `value` is None where others have the name."""

    name: str
    value: str | None
    failing: int
    others: int
    share: float
    share_of_others: float
    chance: float

    @property
    def difference(self) -> float:
        """By how much the shares differ."""
        return self.share - self.share_of_others


@dataclass(frozen=True, slots=True)
class Difference:
    """What is different, the greatest difference first; of so many entries and comparisons."""

    findings: list[Finding]
    failing: int
    others: int
    compared: int
    identifiers: list[str]


def difference(failing: Sequence[Facts], others: Sequence[Facts]) -> Difference:
    """Compare entries that fail with others."""
    compared, findings, identifiers = 0, list[Finding](), list[str]()
    if not failing or not others:
        return Difference([], len(failing), len(others), 0, [])
    names = _names(failing, others)
    of_failing, of_others = _values(names, failing), _values(names, others)
    for name in names:
        own, foreign = of_failing[name], of_others[name]
        if _is_identifier(own + foreign):
            identifiers.append(name)
            continue
        pairs = [value for value in own | foreign if own[value] + foreign[value] >= LEAST_SIGHTINGS]
        compared += len(pairs)
        findings += [
            found for value in pairs
            if (found := _compared(name, value, own[value], foreign[value], len(failing), len(others)))
        ]  # fmt: skip
    kept = [one for one in findings if one.chance * compared < CHANCE]
    kept.sort(key=lambda one: (-one.difference, one.chance, one.name, one.value or ""))
    return Difference(kept[:MOST_FINDINGS], len(failing), len(others), compared, sorted(identifiers))


def upper_tail(seen: int, *, drawn: int, marked: int, of: int) -> float:
    """Return how likely at least `seen` of `drawn` are marked, where `marked` of all are: hypergeometric, exact."""
    if seen * of <= drawn * marked:  # at most what is expected: the rest of the other tail, of which nothing is lost
        return 1.0 - upper_tail(drawn - seen + 1, drawn=drawn, marked=of - marked, of=of)
    last = min(drawn, marked)
    if seen > last:
        return 0.0
    term = exp(_ln_of_ways(marked, seen) + _ln_of_ways(of - marked, drawn - seen) - _ln_of_ways(of, drawn))
    total = term
    for k in range(seen, last):
        term *= (marked - k) * (drawn - k) / ((k + 1) * (of - marked - drawn + k + 1))
        total += term
        if term < total * 1e-15:
            break
    return min(total, 1.0)


def _ln_of_ways(of: int, chosen: int) -> float:
    return lgamma(of + 1) - lgamma(chosen + 1) - lgamma(of - chosen + 1)


def _names(failing: Sequence[Facts], others: Sequence[Facts]) -> list[str]:
    """Return the names that are compared, those of the greatest shares first."""
    of_failing, of_others = (Counter(name for facts in entries for name in facts) for entries in (failing, others))
    shares = {name: of_failing[name] / len(failing) + of_others[name] / len(others) for name in of_failing | of_others}
    return sorted(shares, key=lambda name: (-shares[name], name))[:MOST_NAMES]


def _values(names: Iterable[str], entries: Sequence[Facts]) -> dict[str, Counter[str]]:
    """Count what is said under each name, in one look at all entries."""
    counted: dict[str, Counter[str]] = {name: Counter() for name in names}
    for facts in entries:
        for name, value in facts.items():
            if name in counted:
                counted[name][value] += 1
    for values in counted.values():
        if absent := len(entries) - values.total():
            values[ABSENT] = absent
    return counted


def _is_identifier(values: Counter[str]) -> bool:
    present = values.total() - values[ABSENT]
    distinct = len(values) - (ABSENT in values)
    return distinct > min(MOST_DISTINCT * present, MOST_VALUES)


def _compared(name: str, value: str, seen: int, by_others: int, failing: int, others: int) -> Finding | None:
    share, share_of_others = seen / failing, by_others / others
    if share - share_of_others < LEAST_DIFFERENCE:
        return None
    chance = upper_tail(seen, drawn=failing, marked=seen + by_others, of=failing + others)
    return Finding(name, value or None, seen, by_others, share, share_of_others, chance)
