"""What operators watch of this room."""

from prometheus_client import Counter, Gauge

LIMITER_DEGRADED = Gauge(
    "luminalog_limiter_degraded",
    "1 while this process limits by itself because Valkey does not answer.",
    multiprocess_mode="livemax",
)
LIMITER_FALLBACKS = Counter("luminalog_limiter_fallbacks", "Requests limited by a process's own buckets.")
RATE_LIMITED = Counter("luminalog_rate_limited", "Requests refused with rate_limited, by level.", ["scope"])
OUTCOMES_LOST = Counter("luminalog_outcomes_lost", "Refusals that could not be counted.")
