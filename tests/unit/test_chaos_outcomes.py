"""How a run of `make chaos` is told at its end."""

from tests.chaos.catalogue import SCENARIOS
from tests.chaos.outcomes import Outcome, by_verdict


def test_each_scenario_is_named_once_with_what_became_of_it() -> None:
    calm, killed, cut, full = (
        SCENARIOS[name] for name in ("calm", "processes_die", "links_break", "data_disk_is_full")
    )
    outcomes = [
        Outcome(scenario=calm),
        Outcome(scenario=killed, breaches=["lost"]),
        Outcome(scenario=full, skipped="no disks"),
        Outcome(scenario=cut),
    ]
    assert by_verdict(outcomes).splitlines() == [
        "passed 2: calm, links_break",
        "failed 1: processes_die",
        "skipped 1: data_disk_is_full",
    ]
    assert by_verdict(outcomes[:1]) == "passed 1: calm"
