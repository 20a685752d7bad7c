"""What operators watch of this room."""

from prometheus_client import Counter, Gauge

LIMITER_DEGRADED = Gauge(
    "luminalog_limiter_degraded",
    "1 while this process limits by itself because Valkey does not answer.",
    multiprocess_mode="livemax",
)
LIMITER_FALLBACKS = Counter("luminalog_limiter_fallbacks", "Requests limited by a process's own buckets.")
RATE_LIMITED = Counter("luminalog_rate_limited", "Requests refused with rate_limited, by level.", ["scope"])
SHARES_ASKED = Counter("luminalog_share_asks", "Requests of this edge that waited for its core to lend tokens.")
SHARES_AWAY = Counter("luminalog_share_failures", "Of these, those that its core did not answer.")
SHARES_HELD = Gauge(
    "luminalog_shares", "Shares of request limits that this edge knows of.", multiprocess_mode="livemax"
)
SHARES_SECONDS = Gauge(
    "luminalog_share_told_timestamp_seconds",
    "When this edge's core has last lent all of them anew, and heard what came back.",
    multiprocess_mode="livemax",
)
SHARES_LENT = Counter("luminalog_share_lent_tokens", "Tokens of request limits that were lent to edges here.")
OUTCOMES_LOST = Counter("luminalog_outcomes_lost", "Refusals that could not be counted.")
