"""A minute of chaos in every `make test`; all of it is `make chaos`."""

import secrets
from pathlib import Path

import pytest

from tests import clusters
from tests.chaos.campaign import Campaign
from tests.chaos.catalogue import of_store
from tests.chaos.entries import POSTGRESQL

pytestmark = pytest.mark.acceptance


def test_nothing_is_lost_or_doubled_when_processes_points_and_links_break(tmp_path: Path) -> None:
    seed = secrets.token_hex(4)
    print(f"seed {seed}")
    campaign = Campaign(tmp_path, seed=seed)
    clusters.lay_out(campaign.stack.postgres.folder)
    campaign.start()
    try:
        breaches = campaign.run([scenario for scenario in of_store(POSTGRESQL).values() if scenario.is_smoke])
    finally:
        campaign.stop()
    assert not breaches, "\n".join([*breaches, campaign.stack.tail_of_logs()])
