"""What operators watch of recordings."""

from prometheus_client import Counter, Gauge

KEPT = Counter("luminalog_recordings", "Recordings of what was around new and regressed error groups, that were kept.")
FAILURES = Counter("luminalog_recording_failures", "Recordings that could not be made; they are tried for an hour.")
SUCCEEDED_AT = Gauge(
    "luminalog_recorder_succeeded_at_seconds",
    "When a worker last went through all that is to be recorded without a failure (Unix time).",
    multiprocess_mode="livemax",
)
