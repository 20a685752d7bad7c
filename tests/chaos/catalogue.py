"""All scenarios, and which of them mean something for entries in which store."""

from tests.chaos import (
    archive_scenarios,
    edge_scenarios,
    edge_share_scenarios,
    scenarios,
    store_scenarios,
    syslog_scenarios,
)
from tests.chaos.trial import REGISTERED, Scenario

MODULES = (scenarios, archive_scenarios, store_scenarios, syslog_scenarios, edge_scenarios, edge_share_scenarios)
SCENARIOS = {name: one for name, one in REGISTERED.items() if one.act.__module__ in {it.__name__ for it in MODULES}}


def of_store(store: str) -> dict[str, Scenario]:
    """Return the scenarios for entries in `store`."""
    return {name: one for name, one in SCENARIOS.items() if one.store in ("", store)}
