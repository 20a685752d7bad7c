"""The definition of shared request limits: a bucket at a core, shares of it at edges, and the way between them.

`Model` is pure; `Scripts` are the product's, on Valkey. Both have the clock as an argument, in microseconds, and
amounts in thousandths of a token.
"""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from redis.commands.core import Script

from foundation import valkey
from quotas import scripts
from quotas.shares import ALL, KEPT_MS
from quotas.sharing import HELD_SECONDS, PART_OF_THE_REST

SECOND = 1_000_000
MINUTE = 60 * SECOND
TOKEN = 1_000
MILLI = 60_000  # parts of a thousandth of a token
LENT, HELD = 15 * SECOND, HELD_SECONDS * SECOND
START = 1_800_000_000 * SECOND


class Told(NamedTuple):
    """What an edge tells of its share: totals."""

    lent: int
    returned: int
    spent: int

    @property
    def gone(self) -> int:
        return self.returned + self.spent


class Limit(Protocol):
    """A limit that a core and its edges share."""

    def take(self, edge: int, now: int) -> bool:
        """Take a token at an edge, or at the core, which is number 0."""

    def tell(self, edge: int, keep: int, now: int) -> Told:
        """Give back at an edge what is beyond `keep`, and return what it tells."""

    def lend(self, edge: int, told: Told, wanted: int, needed: int, now: int) -> int:
        """At the core: agree on what an edge has told; return what was lent in all."""

    def renew(self, edge: int, lent: int, lent_us: int, rate: int, now: int) -> None:
        """At an edge: take over what the core has answered."""


@dataclass(slots=True)
class Share:
    """What an edge keeps."""

    lent: int = 0
    returned: int = 0
    spent: int = 0
    ends: int = 0
    rate: int = 0
    made: int = 0  # parts
    made_at: int | None = None

    def void(self, now: int) -> bool:
        """Tell whether it is cut off; then nothing of what was lent stays."""
        if now <= self.ends:
            return False
        self.returned = max(self.returned, self.lent - self.spent)
        return True

    def made_by(self, now: int, per_minute: int) -> int:
        """Return the parts of tokens that it has made since it was cut off: a minute's worth at most."""
        rate = min(self.rate, per_minute * TOKEN)
        since = min(self.ends, now) if self.made_at is None else self.made_at
        return min(rate * MILLI, self.made + rate * min(MINUTE, max(0, now - since)) // 1000)


@dataclass(slots=True)
class Loan:
    """What the core keeps of a share."""

    lent: int
    returned: int
    spent: int
    heard: int

    @property
    def held(self) -> int:
        return max(0, self.lent - self.returned - self.spent)


@dataclass
class Model:
    """Tokens move, and none is made but by a share that is cut off."""

    per_minute: int
    capacity: int
    edges: int
    missing: int = 0  # parts
    at: int = START
    shares: dict[int, Share] = field(default_factory=dict)
    loans: dict[int, Loan] = field(default_factory=dict)
    held: tuple[int, int] = (0, 0)  # parts, and until when
    made_tokens: Counter[int] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.shares = {edge: Share() for edge in range(1, self.edges + 1)}

    def take(self, edge: int, now: int) -> bool:
        if edge:
            return self._take_share(edge, now)
        self._fill(now)
        if self.missing + TOKEN * MILLI > self.capacity * TOKEN * MILLI:
            return False
        self.missing += TOKEN * MILLI
        return True

    def tell(self, edge: int, keep: int, now: int) -> Told:
        share = self.shares[edge]
        share.void(now)
        share.returned += max(0, share.lent - share.returned - share.spent - keep)
        return Told(share.lent, share.returned, share.spent)

    def lend(self, edge: int, told: Told, wanted: int, needed: int, now: int) -> int:
        self._fill(now)
        self.loans = {one: loan for one, loan in self.loans.items() if now - loan.heard <= HELD}
        loan = self.loans.setdefault(edge, Loan(told.lent, told.returned, told.spent, now))
        loan.spent, loan.heard = max(loan.spent, told.spent), now
        returned = max(loan.returned, min(told.returned, loan.lent - loan.spent))
        self.missing -= (returned - loan.returned) * MILLI
        loan.returned = returned
        self.missing = max(0, self.missing)
        room = (self.capacity * TOKEN * MILLI - self.missing) // MILLI
        if wanted > loan.lent and room > 0 and needed - loan.lent <= room:
            more = min(wanted - loan.lent, max(needed - loan.lent, room // PART_OF_THE_REST))
            loan.lent += more
            self.missing += more * MILLI
        self.held = sum(one.held for one in self.loans.values()) * MILLI, now + HELD
        return loan.lent

    def renew(self, edge: int, lent: int, lent_us: int, rate: int, now: int) -> None:
        share = self.shares[edge]
        was_cut = share.void(now)
        share.lent = max(share.lent, lent)
        if lent_us > 0:  # else it is void again at once
            share.ends, share.rate = max(0 if was_cut else share.ends, now + lent_us), rate
            share.made, share.made_at = 0, None

    def _take_share(self, edge: int, now: int) -> bool:
        share = self.shares[edge]
        if not share.void(now):
            if share.lent - share.returned - share.spent < TOKEN:
                return False
            share.spent += TOKEN
            return True
        made = share.made_by(now, self.per_minute)
        if made < TOKEN * MILLI:
            return False
        share.made, share.made_at = made - TOKEN * MILLI, now
        self.made_tokens[edge] += 1
        return True

    def _fill(self, now: int) -> None:
        held, until = self.held
        self.missing = max(0, self.missing - (now - self.at) * self.per_minute)
        if now < until:
            self.missing = max(self.missing, min(held, self.capacity * TOKEN * MILLI))
        self.at = now


class Scripts:
    """The product's scripts; only the clock is replaced, by the last argument."""

    def __init__(self, *, per_minute: int, capacity: int, name: str) -> None:
        self.level = per_minute, capacity
        self.bucket, self.share = valkey.key("bucket", "{test}", name), valkey.key("share", "{test}", name)
        self._scripts = {one: _clocked(one) for one in ("take_tokens", "lend_tokens", "tell_share", "renew_share")}

    def take(self, edge: int, now: int) -> bool:
        key = f"{self.share}:{edge}" if edge else self.bucket
        taken, *_ = self._scripts["take_tokens"](keys=[key], args=[TOKEN, 1, 1, *self.level, 0, 1 if edge else 0, now])
        return bool(taken)

    def tell(self, edge: int, keep: int, now: int) -> Told:
        answer = self._scripts["tell_share"](keys=[f"{self.share}:{edge}"], args=[str(edge), keep, KEPT_MS, now])
        return Told(*answer[1:])

    def lend(self, edge: int, told: Told, wanted: int, needed: int, now: int) -> int:
        keys = [self.bucket, f"{self.bucket}:lent", f"{self.bucket}:loans"]
        given: list[int | str] = [str(edge), HELD, PART_OF_THE_REST, *self.level, *told, wanted, needed, now]
        lent, _left = self._scripts["lend_tokens"](keys=keys, args=given)
        return int(lent)

    def renew(self, edge: int, lent: int, lent_us: int, rate: int, now: int) -> None:
        given: list[int | str] = [str(edge), lent, lent_us, 0, rate, KEPT_MS, now]
        self._scripts["renew_share"](keys=[f"{self.share}:{edge}"], args=given)


def _clocked(name: str) -> Script:
    text, clock = scripts.source(name), "redis.call('TIME')"
    assert text.count(clock) == 1
    return valkey.patient_client().register_script(
        text.replace(clock, "{math.floor(ARGV[#ARGV] / 1000000), ARGV[#ARGV] % 1000000}")
    )


class Message(NamedTuple):
    """What is on its way: to the core as it was told, or from there with what was lent."""

    edge: int
    sent_at: int
    told: Told
    wanted: int
    needed: int
    lent: int | None = None


@dataclass
class World:
    """A core, its edges and the way between them; steps are random, and alike for the same dice."""

    limit: Limit
    dice: random.Random
    edges: int
    rate: int = 0
    now: int = START
    cut: set[int] = field(default_factory=set)
    under_way: list[Message] = field(default_factory=list)
    accepted: list[tuple[int, int]] = field(default_factory=list)  # when, and by whom

    def step(self) -> object:
        """Do something; return what came of it."""
        self.now += self.dice.choice([0, 1, SECOND // 20, SECOND // 5, SECOND, 4 * SECOND])
        match self.dice.choices(["take", "send", "arrive", "lose", "repeat", "cut", "wait"], [60, 14, 22, 2, 2, 1, 1])[
            0
        ]:
            case "take":
                return self.take(self.dice.randint(0, self.edges))
            case "send":
                return self.send(self.dice.randint(1, self.edges))
            case "arrive" if self.under_way:
                return self.arrive(self.under_way.pop(self.dice.randrange(len(self.under_way))))
            case "lose" if self.under_way:
                self.under_way.pop(self.dice.randrange(len(self.under_way)))
            case "repeat" if self.under_way:
                self.under_way.append(self.dice.choice(self.under_way))
            case "cut":
                self.cut ^= {self.dice.randint(1, self.edges)}
            case "wait":
                self.now += self.dice.choice([10, 16, 25, 70]) * SECOND
        return None

    def take(self, edge: int) -> bool:
        is_taken = self.limit.take(edge, self.now)
        if is_taken:
            self.accepted.append((self.now, edge))
        return is_taken

    def send(self, edge: int) -> Told:
        keep = self.dice.choice([0, 500, 3 * TOKEN, 20 * TOKEN, ALL])
        told = self.limit.tell(edge, keep, self.now)
        needed = self.dice.choice([0, told.gone + TOKEN])
        wanted = told.gone + self.dice.choice([0, TOKEN, 4_321, 30 * TOKEN])
        if edge not in self.cut:
            self.under_way.append(Message(edge, self.now, told, max(wanted, needed), needed))
        return told

    def arrive(self, one: Message) -> int | None:
        if one.edge in self.cut:
            return None
        if one.lent is None:
            lent = self.limit.lend(one.edge, one.told, one.wanted, one.needed, self.now)
            self.under_way.append(one._replace(lent=lent))
            return lent
        self.limit.renew(one.edge, one.lent, LENT - (self.now - one.sent_at), self.rate, self.now)
        return None


def most_beyond(accepted: Sequence[int], *, per_minute: int, capacity: int) -> int:
    """Return by how many parts of a token requests at these times went beyond one bucket that all had shared.

    That holds for every stretch of time at once: such a bucket is what `capacity + rate * time` means.
    """
    missing, at, beyond = 0, START, 0
    for now in accepted:
        missing = max(0, missing - (now - at) * per_minute) + TOKEN * MILLI
        at, beyond = now, max(beyond, missing - capacity * TOKEN * MILLI)
    return beyond
