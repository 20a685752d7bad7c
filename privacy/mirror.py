"""Privacy rules as an edge mirrors them, with the keys of hashes: SECRET_KEY, which makes those, never travels."""

from collections.abc import Collection

from msgspec import Struct

from foundation.postgres import execute
from privacy.models import Policy, Rule
from privacy.rules import hash_key_of

OF_POLICY = (
    "mode", "secrets", "money", "identity", "contact", "network", "own", "safe_fields", "sensitive_fields",
    "honours_privacy_mode",
)  # fmt: skip

FORGET_RULES = "DELETE FROM privacy_rule"


class MirroredRule(Struct, frozen=True, kw_only=True):
    """An expression of an organisation's own."""

    name: str
    pattern: str


class MirroredPolicy(Struct, frozen=True, kw_only=True):
    """An organisation's rules."""

    organisation_id: int
    mode: str
    secrets: str
    money: str
    identity: str
    contact: str
    network: str
    own: str
    safe_fields: list[str]
    sensitive_fields: list[str]
    honours_privacy_mode: bool
    hash_key: bytes
    rules: list[MirroredRule]


def read(organisation_ids: Collection[int]) -> list[MirroredPolicy]:
    """Return the rules of these organisations, the defaults for those that have none of their own; by their ids."""
    known = {one.pk: one for one in Policy.objects.filter(pk__in=organisation_ids).prefetch_related("own_rules")}
    return [_policy(known.get(pk) or Policy(organisation_id=pk)) for pk in sorted(organisation_ids)]


def write(policies: Collection[MirroredPolicy]) -> None:
    """Make the tables say what the core said, in the caller's transaction."""
    Policy.objects.bulk_create(
        [
            Policy(
                organisation_id=one.organisation_id,
                hash_key=one.hash_key,
                **{name: getattr(one, name) for name in OF_POLICY},
            )
            for one in policies
        ],
        update_conflicts=True,
        unique_fields=["organisation"],
        update_fields=[*OF_POLICY, "hash_key"],
    )
    execute(FORGET_RULES)  # by SQL: this is no change that somebody made
    Rule.objects.bulk_create(
        Rule(policy_id=one.organisation_id, name=rule.name, pattern=rule.pattern)
        for one in policies
        for rule in one.rules
    )


def _policy(found: Policy) -> MirroredPolicy:
    rules = found.own_rules.all() if found._state.db else ()
    return MirroredPolicy(
        organisation_id=found.organisation_id,
        hash_key=hash_key_of(found.organisation_id, found.salt),
        rules=[MirroredRule(name=one.name, pattern=one.pattern) for one in sorted(rules, key=lambda one: one.name)],
        **{name: getattr(found, name) for name in OF_POLICY},
    )
