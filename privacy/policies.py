"""The rules of an organisation, ready for work, from this process's memory for some seconds; else with one query."""

import time
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from typing import Any

from django.conf import settings

from foundation.expiring import Expiring
from foundation.postgres import answered_in_time, discard_if_dead, fetch_all
from foundation.read_ahead import ReadAhead
from privacy.detectors import Kind
from privacy.rules import DEFAULTS, Action, OwnRule, Rules, hash_key_of
from privacy.scrubbing import Scrubber

#: A change bites everywhere within 10 s: the age of an entry plus the time its query took.
#: At an edge a mirror is on the way.
KNOWN_SECONDS = 3 if settings.CORE_URL else 8
#: Rules of those who send are read again in the last seconds of these, with others'.
AHEAD_SECONDS = 1 if settings.CORE_URL else 3
CAPACITY = 50_000
READ = """
SELECT organisation_id, mode, secrets, money, identity, contact, network, own, safe_fields, sensitive_fields,
       honours_privacy_mode, salt, hash_key,
       ARRAY(SELECT ARRAY[name, pattern]::text[] FROM privacy_rule AS rule
              WHERE rule.policy_id = policy.organisation_id ORDER BY name)
  FROM privacy_policy AS policy WHERE organisation_id = ANY (%s::bigint[])
"""
NEEDS_TWO = "SELECT erasing_needs_two FROM privacy_policy WHERE organisation_id = %s"
ON, REPORT, OFF = "on", "report", "off"

#: What was in force lately is made again only when something was changed.
_made: Expiring[int, Scrubber] = Expiring(capacity=CAPACITY)
MADE_SECONDS = 3_600


def scrubber_of(organisation_id: int) -> Scrubber:
    """Return the organisation's scrubber, at most `KNOWN_SECONDS` old. Raises: `OperationalError`."""
    scrubber = _known.recall(organisation_id) or _known.read(organisation_id)
    assert scrubber  # an organisation without rules of its own has the defaults
    return scrubber


def remembered(organisation_id: int) -> Scrubber | None:
    """Return the organisation's scrubber if this process knows it; asks nobody."""
    return _known.recall(organisation_id)


def forget() -> None:
    """Forget all rules."""
    _known.clear()
    _made.clear()


def rules_now(organisation_id: int) -> Rules:
    """Return the rules as they are in PostgreSQL. Raises: `OperationalError`."""
    return _rules_now([organisation_id])[organisation_id]


def erasing_needs_two(organisation_id: int) -> bool:
    """Tell whether what somebody asks to have erased is to be confirmed by somebody else."""
    return fetch_all(NEEDS_TWO, [organisation_id]) == [(True,)]


def default_rules(organisation_id: int) -> Rules:
    """Return the rules of an organisation that has none of its own."""
    return rules_of(organisation_id, mode=ON, actions=DEFAULTS)


def rules_of(
    organisation_id: int,
    *,
    mode: str,
    actions: dict[Kind, Action],
    own: Sequence[OwnRule] = (),
    safe_fields: Sequence[str] = (),
    sensitive_fields: Sequence[str] = (),
    honours_privacy_mode: bool = False,
    salt: str = "",
    hash_key: bytes | None = None,
) -> Rules:
    """Return what these settings of an organisation mean, under what the operator has set."""
    usual, private = _in_force(
        tuple(actions.items()),
        mode=mode,
        honours_privacy_mode=honours_privacy_mode,
        with_secrets=settings.SCRUB_SECRETS,
    )
    return Rules(
        actions=usual,
        actions_of_private=private,
        own=tuple(own),
        safe_fields=tuple(safe_fields),
        sensitive_fields=tuple(sensitive_fields),
        hash_key=hash_key or hash_key_of(organisation_id, salt),
    )


def _rules_now(organisation_ids: Collection[int]) -> dict[int, Rules]:
    discard_if_dead()
    with answered_in_time():
        found = {row[0]: row for row in fetch_all(READ, [list(organisation_ids)])}
    return {one: _rules(*found[one]) if one in found else default_rules(one) for one in organisation_ids}


def _read(organisation_ids: Collection[int]) -> dict[int, Scrubber]:
    return {one: _made_of(one, rules) for one, rules in _rules_now(organisation_ids).items()}


def _made_of(organisation_id: int, rules: Rules) -> Scrubber:
    scrubber = _made.get(organisation_id)
    if scrubber is None or scrubber.rules != rules:
        scrubber = Scrubber(rules)
    _made.put(organisation_id, scrubber, until=time.monotonic() + MADE_SECONDS)
    return scrubber


_known = ReadAhead(_read, most_seconds=KNOWN_SECONDS, ahead_seconds=AHEAD_SECONDS, capacity=CAPACITY)


def _rules(organisation_id: int, mode: str, *row: Any) -> Rules:
    *actions, safe_fields, sensitive_fields, honours_privacy_mode, salt, hash_key, own = row
    return rules_of(
        organisation_id,
        mode=mode,
        actions=dict(zip(Kind, map(Action, actions), strict=True)),
        own=[OwnRule(name=name, pattern=pattern) for name, pattern in own],
        safe_fields=safe_fields,
        sensitive_fields=sensitive_fields,
        honours_privacy_mode=honours_privacy_mode,
        salt=salt,
        hash_key=hash_key,
    )


@lru_cache(1_024)
def _in_force(
    actions: tuple[tuple[Kind, Action], ...], *, mode: str, honours_privacy_mode: bool, with_secrets: bool
) -> tuple[Mapping[Kind, Action], Mapping[Kind, Action]]:
    """Return what is done in entries, and in those in privacy mode; the same objects for all who want the same."""
    others = dict(actions)
    secrets = others.pop(Kind.SECRETS) if with_secrets else Action.KEEP
    others.pop(Kind.SECRETS, None)
    private = _honoured(others) if honours_privacy_mode else {kind: _strict(action) for kind, action in others.items()}
    return (
        {Kind.SECRETS: secrets} | _in_mode(mode, others),
        {Kind.SECRETS: _of_private_secrets(secrets, honours_privacy_mode)} | _in_mode(mode, private),
    )


def _in_mode(mode: str, actions: dict[Kind, Action]) -> dict[Kind, Action]:
    if mode == ON:
        return actions
    instead = Action.REPORT if mode == REPORT else Action.KEEP
    return {kind: Action.KEEP if action == Action.KEEP else instead for kind, action in actions.items()}


def _honoured(actions: dict[Kind, Action]) -> dict[Kind, Action]:
    """Return what is left to do with what its sender has scrubbed."""
    return {kind: action if kind == Kind.MONEY else Action.KEEP for kind, action in actions.items()}


def _strict(action: Action) -> Action:
    return Action.DROP if action == Action.DROP else Action.MASK


def _of_private_secrets(secrets: Action, honours_privacy_mode: bool) -> Action:
    return secrets if honours_privacy_mode or secrets == Action.KEEP else _strict(secrets)
