"""What an organisation wants done with what is found in its entries; `privacy.policies` reads it."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache

from django.conf import settings

from privacy.detectors import KINDS, Kind
from privacy.replacements import HASH_DIGITS, OWN, replacement


class Action(StrEnum):
    """What becomes of a value."""

    MASK = "mask"
    HASH = "hash"
    DROP = "drop"
    REPORT = "report"
    KEEP = "keep"

    @property
    def label(self) -> str:
        """Return what it is called where it is chosen."""
        return LABELS[self]


LABELS = {
    Action.MASK: "Mask: [email]",
    Action.HASH: "Hash: [email:3f2a9c1b77de], the same for the same value",
    Action.DROP: "Drop the field",
    Action.REPORT: "Report",
    Action.KEEP: "Keep",
}


#: What is done where nothing else is wanted.
DEFAULTS = {
    Kind.SECRETS: Action.MASK,
    Kind.MONEY: Action.MASK,
    Kind.IDENTITY: Action.MASK,
    Kind.CONTACT: Action.HASH,
    Kind.NETWORK: Action.KEEP,
    Kind.OWN: Action.MASK,
}
#: What is done to an entry that its sender calls private.
STRICT = dict.fromkeys(Kind, Action.MASK)


@dataclass(frozen=True, kw_only=True, slots=True)
class OwnRule:
    """An expression of an organisation's own (RE2, over a text as it was sent), and what its finds are called."""

    name: str
    pattern: str

    @property
    def detector(self) -> str:
        """Return how its finds are counted and marked."""
        return OWN + self.name


@dataclass(frozen=True, kw_only=True, slots=True)
class Rules:
    """The rules of one organisation; `hash_key` makes the hashes that nobody else can compute.

    Fields are paths as `metadata.user.email`; a `*` stands for one name.
    """

    actions: Mapping[Kind, Action] = field(default_factory=lambda: DEFAULTS)
    actions_of_private: Mapping[Kind, Action] = field(default_factory=lambda: STRICT)  # of entries in `privacy_mode`
    own: tuple[OwnRule, ...] = ()
    safe_fields: tuple[str, ...] = ()
    sensitive_fields: tuple[str, ...] = ()
    hash_key: bytes = b""

    def by_detector(self, actions: Mapping[Kind, Action]) -> Mapping[str, Action]:
        """Return what becomes of each detector's finds; of those that are kept, nothing."""
        return _by_detector(tuple(actions.items()), tuple(rule.detector for rule in self.own))

    @property
    def do_nothing(self) -> bool:
        """Whether no entry can be changed or counted."""
        return {*self.actions.values(), *self.actions_of_private.values()} == {Action.KEEP}

    def replacement(self, detector: str, action: Action, plain: bytes) -> str:
        """Return what stands in the place of a value; no detector finds anything in it."""
        return replacement(detector, self.hash_of(detector, plain) if action == Action.HASH else "")

    def hash_of(self, detector: str, plain: bytes) -> str:
        """Return the hash of a value of this organisation's; another detector's of the same value differs."""
        return hmac.digest(self.hash_key, b"%b:%b" % (detector.encode(), plain), "sha256").hex()[:HASH_DIGITS]


def hash_key_of(organisation_id: int, salt: str) -> bytes:
    """Return the key of an organisation's hashes: another salt, or another SECRET_KEY, makes others of all values."""
    return hmac.digest(settings.SECRET_KEY.encode(), f"privacy:{organisation_id}:{salt}".encode(), "sha256")


@lru_cache(1_024)
def _by_detector(actions: tuple[tuple[Kind, Action], ...], own: tuple[str, ...]) -> Mapping[str, Action]:
    """Return what `Rules.by_detector` does: one object for the many organisations that want the same."""
    kinds, wanted = KINDS | dict.fromkeys(own, Kind.OWN), dict(actions)
    return {detector: wanted[kind] for detector, kind in kinds.items() if wanted[kind] != Action.KEEP}
