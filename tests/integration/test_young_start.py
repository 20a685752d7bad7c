"""What the doctor says in the first minute after a start: who was not seen yet is no finding."""

import pytest
from django.core.management import call_command

from foundation import valkey
from operations import presence
from operations.doctor import pipeline, processes
from operations.doctor.finding import Finding, Severity

NOTED = (presence.WORKERS, presence.BEAT, presence.TAIL, presence.STARTED)


def examine() -> dict[str, Finding]:
    """Return what is said of those who have to be seen."""
    found = (processes._workers, processes._beat, processes._tail, pipeline._alerts)
    return {one.subject: one for check in found for one in check()}


@pytest.mark.django_db(transaction=True)
def test_who_was_not_seen_yet_is_a_finding_once_the_start_is_old() -> None:
    valkey.client().delete(*map(valkey.key, NOTED))
    assert {one.level for one in examine().values()} == {Severity.WARNING, Severity.ERROR}

    call_command("prepare")
    young = examine()
    assert {one.level for one in young.values()} == {Severity.OK}
    assert all(one.what.startswith("LuminaLog was started ") for one in young.values()), young
    assert 0 < valkey.client().ttl(valkey.key(presence.STARTED)) <= presence.YOUNG_FOR.seconds

    valkey.client().delete(valkey.key(presence.STARTED))
    assert {one.level for one in examine().values()} == {Severity.WARNING, Severity.ERROR}
