"""Where things are kept: PostgreSQL, the log store (or the core that an edge forwards to), Valkey, the archive."""

import sys
from typing import Any

from luminalog.settings.environment import env
from luminalog.settings.server import PROCESS

# --- PostgreSQL: the one truth ----------------------------------------------------------------------------------------
DATABASES: dict[str, dict[str, Any]] = {"default": env.db_url("DATABASE_URL")}
DATABASES["default"] |= {
    "ENGINE": "django.db.backends.postgresql",
    "CONN_MAX_AGE": None,
    "ATOMIC_REQUESTS": False,
}
DATABASES["default"].setdefault("OPTIONS", {})
DATABASES["default"]["OPTIONS"] |= {
    "connect_timeout": 2,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
    "application_name": PROCESS,
    "prepare_threshold": sys.maxsize,  # what asks for it is prepared; Django's own statements have a text each
    "options": "-c synchronous_commit=on -c lock_timeout=2s -c statement_timeout=60s"
    " -c idle_in_transaction_session_timeout=60s -c timezone=UTC",
}

# Reading logs: a replica, if you have one; never more than these many queries and seconds.
READ_TIMEOUT_SECONDS = env.int("LUMINALOG_READ_TIMEOUT_SECONDS", default=15)
DATABASES["reads"] = DATABASES["default"] | env.db_url("DATABASE_READ_URL", default=env.str("DATABASE_URL"))
DATABASES["reads"] |= {
    "ENGINE": "django.db.backends.postgresql",
    "CONN_MAX_AGE": 60,
    "CONN_HEALTH_CHECKS": True,
    "OPTIONS": DATABASES["default"]["OPTIONS"]
    | {
        "server_side_binding": True,
        "options": "-c default_transaction_read_only=on -c lock_timeout=2s -c timezone=UTC"
        f" -c statement_timeout={READ_TIMEOUT_SECONDS}s"
        " -c idle_in_transaction_session_timeout=60s -c max_parallel_workers_per_gather=1"
        " -c random_page_cost=1.1",  # entries lie in the order of time
    },
    "TEST": {"MIRROR": "default"},
}
READS_PER_ORGANISATION = env.int("LUMINALOG_READS_PER_ORGANISATION", default=6)
READS_PER_PROCESS = env.int("LUMINALOG_READS_PER_PROCESS", default=4)
#: Memory of a process for what is read, until its reader has taken it; one organisation may hold three quarters of it.
READ_BUDGET_BYTES = env.int("LUMINALOG_READ_BUDGET_BYTES", default=64 * 2**20)

# Where entries live. Empty or `postgresql:`: in daily partitions in DATABASE_URL. `edge+https://…`: this is an edge,
# which forwards what it takes to the installation there.
STORE_URL = env.str("STORE_URL", default="")
#: As whom entries are read, where the store has users of its own: behind the wall between organisations.
STORE_READ_URL = env.str("STORE_READ_URL", default="")
#: `postgresql:` while entries move from there to STORE_URL: both are read then. See `bin/luminalog move-store`.
STORE_MOVES_FROM = env.str("STORE_MOVES_FROM", default="")
CORE_URL = STORE_URL.removeprefix("edge+").rstrip("/") if STORE_URL.startswith("edge+") else ""
if CORE_URL:
    STORE_URL = ""

# --- Valkey: buckets and caches; nothing in it is needed to keep a log ------------------------------------------------
VALKEY_URL = env.str("VALKEY_URL")
VALKEY_KEY_PREFIX = env.str("VALKEY_KEY_PREFIX", default="ll:")
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": VALKEY_URL,
        "KEY_PREFIX": VALKEY_KEY_PREFIX + "cache",
        "OPTIONS": {"socket_timeout": 0.25, "socket_connect_timeout": 0.25},
    }
}

# --- The archive of closed days: see docs/archive.md ------------------------------------------------------------------
#: file:///a/folder or s3://a-bucket/a/prefix. Empty: nothing is archived, and retention waits for nothing.
ARCHIVE_URL = env.str("LUMINALOG_ARCHIVE_URL", default="")
#: Of a bucket; what is empty, AWS's own variables say, or the machine's role.
ARCHIVE_ENDPOINT = env.str("LUMINALOG_ARCHIVE_ENDPOINT", default="")
ARCHIVE_REGION = env.str("LUMINALOG_ARCHIVE_REGION", default="")
ARCHIVE_KEY_ID = env.str("LUMINALOG_ARCHIVE_KEY_ID", default="")
ARCHIVE_SECRET = env.str("LUMINALOG_ARCHIVE_SECRET", default="")
