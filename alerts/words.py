"""What a rule looks for, and what was found, in words: for messages, lists and the API. Pure."""

from alerts import drifted
from alerts.models import Incident, Rule
from alerts.terms import OF_MOMENTS, Kind

#: What a rule has found, in words for people; `peak` is what was counted.
FOUND = {
    Kind.THRESHOLD: "{peak:,} in {window} min, {count:,} or more",
    Kind.SEARCH: "{peak:,} found in {window} min, {count:,} or more",
    Kind.RATIO: "{peak} % in {window} min, {ratio} % or more",
    Kind.SPIKE: "{peak:,} in {window} min, three times as many as usual",
    Kind.ABSENCE: "nothing for {peak:,} min",
    Kind.MONITOR: "no heartbeat for {peak:,} min",
    Kind.NEW_GROUP: "never seen before",
    Kind.REGRESSION: "came back",
    Kind.WOKEN: "ignored no longer",
}
#: What has a rule fire.
FIRES_AT = {
    Kind.THRESHOLD: "{count:,} in {window:,} min",
    Kind.SEARCH: "{count:,} in {window:,} min",
    Kind.RATIO: "{ratio} % of {count:,} in {window:,} min",
    Kind.SPIKE: "three times as many, and {count:,} in {window:,} min",
    Kind.ABSENCE: "nothing for {window:,} min",
    Kind.MONITOR: "no heartbeat for {window:,} min",
}


def found(rule: Rule, incident: Incident) -> str:
    """Return what was found, in words."""
    if incident.details:
        return drifted.words(incident.details)
    text = FOUND.get(Kind(rule.kind), "")
    return text.format(
        peak=incident.peak, window=rule.time_window_minutes, count=rule.count_threshold, ratio=rule.ratio_percent
    )


def fires_at(rule: Rule) -> str:
    """Return what has a rule fire, in words: what is found when it just does."""
    if rule.kind in OF_MOMENTS:
        return "each"
    if rule.kind == Kind.DIGEST:
        return f"every {rule.digest_every}"
    few = {"count": rule.count_threshold, "window": rule.time_window_minutes, "ratio": rule.ratio_percent}
    return FIRES_AT[Kind(rule.kind)].format(**few)
