"""What operators watch of this room: at the core what edges have forwarded, at an edge how its link is."""

from prometheus_client import Counter, Gauge

FORWARDED_BATCHES = Counter("luminalog_edge_kept_batches", "Batches of edges that were kept here, repeats left out.")
FORWARDED_ENTRIES = Counter("luminalog_edge_kept_entries", "Entries of batches of edges that were kept here.")
SENT_BATCHES = Counter("luminalog_link_forwarded_batches", "Batches of this edge that its core has kept.")
LINK_FAILURES = Counter("luminalog_link_failures", "Requests of this edge that its core did not answer well.", ["what"])
LINK_SECONDS = Gauge(
    "luminalog_link_forwarded_timestamp_seconds",
    "When this edge's core has answered last, or nothing was to be forwarded.",
    multiprocess_mode="livemax",
)
ROUND_TRIP_SECONDS = Gauge(
    "luminalog_link_round_trip_seconds", "How long this edge's core took to answer last.", multiprocess_mode="livemax"
)
MIRROR_SECONDS = Gauge(
    "luminalog_link_mirror_timestamp_seconds",
    "When the mirror of keys and rules was confirmed last.",
    multiprocess_mode="livemax",
)
