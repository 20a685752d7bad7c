"""What operators watch of the process that listens for syslog."""

from prometheus_client import Counter, Gauge

HEARD = Counter("luminalog_syslog_messages", "Messages that were heard, by how they came.", ["transport"])
KEPT = Counter("luminalog_syslog_kept_messages", "Messages that are safe.")
DROPPED = Counter(
    "luminalog_syslog_dropped_messages",
    "Messages that were let go: what was refused when there was no room for more, or no key was theirs.",
    ["reason"],
)
CUT = Counter("luminalog_syslog_cut_messages", "Messages of more than 64 KiB, whose rest was let go.")
WAITING = Gauge(
    "luminalog_syslog_waiting_messages", "Messages that were heard and are not safe yet.", multiprocess_mode="livesum"
)
CONNECTIONS = Gauge("luminalog_syslog_connections", "Connections by TCP and TLS.", multiprocess_mode="livesum")
REFUSED_CONNECTIONS = Counter(
    "luminalog_syslog_refused_connections", "Connections that were closed at once, by why.", ["reason"]
)
KEPT_AT = Gauge(
    "luminalog_syslog_kept_timestamp_seconds",
    "When messages were made safe last: Unix seconds.",
    multiprocess_mode="livemax",
)
WAITS_SINCE = Gauge(
    "luminalog_syslog_refused_seconds",
    "For how long messages of a key have been refused, and tried again; of the key that waits longest.",
    multiprocess_mode="livemax",
)
