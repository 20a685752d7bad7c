"""What operators watch of alerts: how long a round takes, what it finds, and what it could not do."""

from prometheus_client import Counter, Histogram

ROUND_SECONDS = Histogram(
    "luminalog_alerts_round_seconds",
    "One look at all rules.",
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
FAILURES = Counter(
    "luminalog_alerts_failures", "Parts of a round that failed, and are done again in the next.", ["step"]
)
OPENED = Counter("luminalog_incidents_opened", "Incidents that rules have found.")
CLOSED = Counter("luminalog_incidents_closed", "Incidents that were over.")
HEARTBEATS = Counter("luminalog_heartbeats", "Heartbeats that monitors were sent.")
