"""Rules made ready for work: for tens of thousands of organisations in the memory of a process."""

import tracemalloc
from typing import Any

from privacy.detectors import Kind
from privacy.policies import ON, default_rules, rules_of
from privacy.rules import DEFAULTS, Action
from privacy.scrubbing import Scrubber


def test_organisations_with_the_same_rules_cost_a_process_little() -> None:
    Scrubber(default_rules(0))
    tracemalloc.start()
    scrubbers = [Scrubber(default_rules(organisation)) for organisation in range(1, 501)]
    size_bytes, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size_bytes / len(scrubbers) < 1_000


def test_what_is_shared_is_not_mixed_up(settings: Any) -> None:
    usual = default_rules(1)
    others = rules_of(2, mode=ON, actions=DEFAULTS | {Kind.MONEY: Action.KEEP})
    assert usual.actions[Kind.MONEY] == Action.MASK
    assert others.actions[Kind.MONEY] == Action.KEEP
    assert "card" not in others.by_detector(others.actions)
    assert "card" in usual.by_detector(usual.actions)
    settings.SCRUB_SECRETS = False
    assert default_rules(1).actions[Kind.SECRETS] == Action.KEEP
    assert usual.actions[Kind.SECRETS] == Action.MASK


def test_hashes_are_each_organisation_s_own() -> None:
    assert default_rules(1).hash_of("email", b"bob@example.com") != default_rules(2).hash_of(
        "email", b"bob@example.com"
    )
