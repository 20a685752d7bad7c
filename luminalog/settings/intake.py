"""How logs are taken: ways in, limits of a request, when to refuse since the house is full; what an edge goes by."""

from luminalog.settings.environment import env
from luminalog.settings.stores import CORE_URL

#: Batches of a process that wait at the same moment share a statement and a flush; the express lane's always do.
GROUP_COMMIT = env.bool("LUMINALOG_GROUP_COMMIT", default=True)
#: Small plain bodies with a key in the header go by the express lane: see `luminalog.server.express`.
EXPRESS = env.bool("LUMINALOG_EXPRESS", default=True)

#: Where to listen for syslog, of which a process is to be missed then: see docs/syslog.md.
SYSLOG = env.str("LUMINALOG_SYSLOG", default="")
#: The version that agents are told who look for an Elasticsearch. Empty: the one that they want.
ELASTICSEARCH_VERSION = env.str("LUMINALOG_ELASTICSEARCH_VERSION", default="")

# --- Secrets and personal data: see docs/privacy.md -------------------------------------------------------------------
#: Off: secrets stay in the entries of all organisations, whatever their rules are.
SCRUB_SECRETS = env.bool("LUMINALOG_SCRUB_SECRETS", default=True)

# --- An edge: see docs/edges.md ---------------------------------------------------------------------------------------
#: Holds the token that `bin/luminalog edges create` has printed at the core.
EDGE_TOKEN_FILE = env.str("LUMINALOG_EDGE_TOKEN_FILE", default="")
#: Certificates, in files of PEM: whose the core may have, if not a public one's; and one of ours, if it asks for any.
EDGE_CA_FILE = env.str("LUMINALOG_EDGE_CA_FILE", default="")
EDGE_CERTIFICATE_FILE = env.str("LUMINALOG_EDGE_CERTIFICATE_FILE", default="")
#: For how long an edge goes by what it knows of keys while its core is away.
EDGE_TRUST_SECONDS = env.int("LUMINALOG_EDGE_TRUST_SECONDS", default=24 * 3600)
#: The most an edge's link takes of the line, in bytes a second. 0: as much as there is.
EDGE_BYTES_PER_SECOND = env.int("LUMINALOG_EDGE_BYTES_PER_SECOND", default=0)

# --- Limits of a request, in bytes unless the name says otherwise -----------------------------------------------------
MAX_WIRE_BYTES = env.int("LUMINALOG_MAX_WIRE_BYTES", default=128 * 2**20)
MAX_BODY_BYTES = env.int("LUMINALOG_MAX_BODY_BYTES", default=128 * 2**20)
LARGE_BODY_BYTES = env.int("LUMINALOG_LARGE_BODY_BYTES", default=8 * 2**20)
INFLIGHT_BUDGET_BYTES = env.int("LUMINALOG_INFLIGHT_BUDGET_BYTES", default=256 * 2**20)

#: Threads of a web process: for small requests, and for those with a large body. Each keeps a connection to PostgreSQL.
WEB_THREADS = env.int("LUMINALOG_WEB_THREADS", default=8)
WEB_LARGE_THREADS = env.int("LUMINALOG_WEB_LARGE_THREADS", default=4)

#: How long a caller may take for each 256 KiB of a body, its own or an answer's. Slower ones are told 408, or cut off.
BODY_STEP_SECONDS = env.float("LUMINALOG_BODY_STEP_SECONDS", default=20.0)
#: The same for each 256 KiB of a stream that is answered: an export may wait for whoever works on it.
STREAM_STEP_SECONDS = env.float("LUMINALOG_STREAM_STEP_SECONDS", default=300.0)

#: Forms are read whole, and hold no file: Django's own limits of 2.5 MB and 1,000 fields.
FILE_UPLOAD_HANDLERS = ["foundation.uploads.NoFiles"]

# --- Full: refuse before it is too late -------------------------------------------------------------------------------
SPOOL_MAX_BYTES = env.int("LUMINALOG_SPOOL_MAX_BYTES", default=2 * 2**30)
#: An edge waits for its core as long as it trusts its mirror.
SPOOL_MAX_AGE_SECONDS = env.int(
    "LUMINALOG_SPOOL_MAX_AGE_SECONDS", default=max(900, EDGE_TRUST_SECONDS) if CORE_URL else 900
)
#: Folders on PostgreSQL's disks (data, WAL), where this machine sees them; `bin/luminalog up` knows its own.
DISK_PATHS = env.list("LUMINALOG_DISK_PATHS", default=[])
DISK_MIN_FREE_BYTES = env.int("LUMINALOG_DISK_MIN_FREE_BYTES", default=2**30)
DISK_MIN_FREE_PERCENT = env.float("LUMINALOG_DISK_MIN_FREE_PERCENT", default=5)

#: How many web processes share a limit while Valkey is down; each then enforces its part.
WEB_PROCESSES = env.int("LUMINALOG_WEB_PROCESSES", default=1)
