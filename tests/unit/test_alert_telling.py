"""Whom is told what: silences, cool-downs, and what comes and goes."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from alerts.telling import Past, Place, Quiet, place_of, told

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
HERE = Place(rule_id=7, project="shop", environment="production", group=17)


def past(minutes_ago: float, told: str = "told", *, took: float = 1, **rest: Any) -> Past:
    opened = NOW - timedelta(minutes=minutes_ago)
    return Past(opened_at=opened, closed_at=opened + timedelta(minutes=took), told=told, **rest)


@pytest.mark.parametrize(
    ("earlier", "cooldown", "expected"),
    [
        ([], 0, "told"),
        ([past(5)], 0, "told"),
        ([past(5)], 10, "cooled"),
        ([past(5, "cooled"), past(12)], 15, "cooled"),  # it cools from what was told
        ([past(5, "cooled"), past(16)], 15, "told"),
        ([past(5, "silenced")], 10, "told"),
        ([past(9), past(19), past(29)], 0, "flapping"),
        ([past(9), past(19), past(61)], 0, "told"),
        ([past(9, "flapping"), past(19), past(29), past(39)], 0, "flaps_on"),
        ([past(59, "flaps_on"), past(70, "flapping")], 0, "flaps_on"),
        ([past(70, "flaps_on")], 0, "told"),  # quiet for an hour
        ([past(70, "flaps_on", took=30)], 0, "flaps_on"),
        ([past(30, "flaps_on", has_stopped_flapping=True)], 0, "told"),
    ],
)
def test_message_of_an_incident_depends_on_those_before(earlier: list[Past], cooldown: int, expected: str) -> None:
    assert told(HERE, earlier, [], opened_at=NOW, cooldown=timedelta(minutes=cooldown)) == expected


@pytest.mark.parametrize(
    ("silence", "covers"),
    [
        (Quiet(), True),
        (Quiet(rule_id=7), True),
        (Quiet(rule_id=8), False),
        (Quiet(rule_id=7, environment="staging"), False),
        (Quiet(project="shop", environment="production"), True),
        (Quiet(group=17), True),
        (Quiet(group=18), False),
    ],
)
def test_silence_fits_where_all_that_it_says_does(silence: Quiet, covers: bool) -> None:
    expected = "silenced" if covers else "told"
    assert told(HERE, [], [silence], opened_at=NOW, cooldown=timedelta()) == expected


def test_place_of_an_incident_is_its_rule_s_and_its_value_s() -> None:
    of_rule: dict[str, Any] = {"rule_id": 7, "project": "shop", "environment": ""}
    assert place_of(**of_rule, group_by="environment", value="eu") == Place(rule_id=7, project="shop", environment="eu")
    assert place_of(**of_rule, group_by="group", value="17") == Place(rule_id=7, project="shop", group=17)
    assert place_of(**of_rule, group_by="", value="") == Place(rule_id=7, project="shop")
