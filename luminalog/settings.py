"""Settings, all from the environment. Production is the default: it has no default for a secret or an address.

`LUMINALOG_DEVELOPMENT=1` (set by `bin/luminalog up`) is the only relaxation: plain HTTP on loopback is accepted.
"""

import sys
from pathlib import Path
from typing import Any

import environ
from celery.schedules import crontab

from foundation import api
from foundation.metric_files import count_in_files
from luminalog import __version__, static_files

env = environ.Env()
BASE_DIR = Path(__file__).resolve().parent.parent
if (BASE_DIR / ".env").is_file():
    env.read_env(BASE_DIR / ".env")

DEVELOPMENT: bool = env.bool("LUMINALOG_DEVELOPMENT", default=False)
DEBUG = False
VERSION = __version__
SECRET_KEY = env.str("SECRET_KEY")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"] if DEVELOPMENT else [])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
DATA_DIR = Path(env.str("LUMINALOG_DATA_DIR", default=str(BASE_DIR / "var")))

# --- Metrics: before anything counts --------------------------------------------------------------------------------
PROCESS = env.str("LUMINALOG_PROCESS", default="luminalog")
#: Where the processes of this machine count, for whichever of them is scraped. Empty: each in its memory.
METRICS_DIR = Path(env.str("LUMINALOG_METRICS_DIR")) if env.str("LUMINALOG_METRICS_DIR", default="") else None
#: Where the proxy of this machine writes what it refuses by itself: see `deploy/nginx.conf`. Empty: nobody counts it.
PROXY_LOG = env.str("LUMINALOG_PROXY_LOG", default="")
#: Opens `/metrics`. Empty: there is no such address.
METRICS_TOKEN = env.str("LUMINALOG_METRICS_TOKEN", default="")
METRICS_IN_FILES = count_in_files(METRICS_DIR, process=PROCESS)

# --- Applications ---------------------------------------------------------------------------------------------------
#: Ours come last: they replace admin pages that the others register.
INSTALLED_APPS = [
    "luminalog.apps.ConsoleConfig",
    "django.forms",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.humanize",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "axes",
    "auditlog",
    "luminalog",
    "operations",
    "accounts",
    "notify",
    "quotas",
    "privacy",
    "storage",
    "issues",
    "ingest",
    "explore",
    "assist",
    "alerts",
    "archive",
    "edges",
]
MIDDLEWARE = [
    "foundation.middleware.RequestContextMiddleware",
    "operations.metrics.MetricsMiddleware",
    "foundation.traffic.TrafficMiddleware",
    "foundation.middleware.UnreadBodyMiddleware",
    "foundation.middleware.FramingMiddleware",
    "foundation.middleware.ContentSecurityPolicyMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "foundation.middleware.KnownMethodsMiddleware",
    "accounts.middleware.HttpsOnlyMiddleware",
    "accounts.middleware.AdminNetworksMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "foundation.middleware.KnownHostMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "accounts.middleware.AuditMiddleware",
    "axes.middleware.AxesMiddleware",
]
ROOT_URLCONF = "luminalog.urls"  # an edge has others: below
WSGI_APPLICATION = "luminalog.wsgi.application"
APPEND_SLASH = True
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"  # widgets of Django's have templates of ours
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]

# --- PostgreSQL: the one truth --------------------------------------------------------------------------------------
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

#: Batches of a process that wait at the same moment share a statement and a flush; the express lane's always do.
GROUP_COMMIT = env.bool("LUMINALOG_GROUP_COMMIT", default=True)

#: Small plain bodies with a key in the header go by the express lane: see `luminalog.server.express`.
EXPRESS = env.bool("LUMINALOG_EXPRESS", default=True)

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
    STORE_URL, ROOT_URLCONF = "", "luminalog.edge_urls"
#: Holds the token that `bin/luminalog edges create` has printed at the core.
EDGE_TOKEN_FILE = env.str("LUMINALOG_EDGE_TOKEN_FILE", default="")
#: Certificates, in files of PEM: whose the core may have, if not a public one's; and one of ours, if it asks for any.
EDGE_CA_FILE = env.str("LUMINALOG_EDGE_CA_FILE", default="")
EDGE_CERTIFICATE_FILE = env.str("LUMINALOG_EDGE_CERTIFICATE_FILE", default="")
#: For how long an edge goes by what it knows of keys while its core is away.
EDGE_TRUST_SECONDS = env.int("LUMINALOG_EDGE_TRUST_SECONDS", default=24 * 3600)
#: The most an edge's link takes of the line, in bytes a second. 0: as much as there is.
EDGE_BYTES_PER_SECOND = env.int("LUMINALOG_EDGE_BYTES_PER_SECOND", default=0)

# --- Valkey: buckets and caches; nothing in it is needed to keep a log -----------------------------------------------
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

# --- Celery: nudges and schedules, never data -----------------------------------------------------------------------
CELERY_BROKER_URL = env.str("CELERY_BROKER_URL", default=VALKEY_URL)
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_TIME_LIMIT = 300
CELERY_DB_REUSE_MAX = 1_000  # else every task connects anew: see luminalog.celery
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, Any] = (
    {
        "visibility_timeout": 600,
        "socket_timeout": 5,
        "socket_connect_timeout": 2,
        "global_keyprefix": VALKEY_KEY_PREFIX + "celery:",
    }
    if CELERY_BROKER_URL.startswith(("redis", "valkey"))
    else {}
)
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULER = "operations.schedule.SteadyScheduler"
CELERY_BEAT_SCHEDULE: dict[str, Any] = {
    "alerts.evaluate": {"task": "alerts.evaluate", "schedule": 10.0, "options": {"expires": 10}},
    "alerts.forget": {"task": "alerts.forget", "schedule": crontab(minute="53"), "options": {"expires": 900}},
    "archive.write": {"task": "archive.write", "schedule": 300.0, "options": {"expires": 300}},
    "accounts.forget": {"task": "accounts.forget", "schedule": crontab(minute="13"), "options": {"expires": 900}},
    "ingest.drain": {"task": "ingest.drain", "schedule": 1.0, "options": {"expires": 2}},
    "ingest.forget": {"task": "ingest.forget", "schedule": 600.0, "options": {"expires": 600}},
    "notify.deliver": {"task": "notify.deliver", "schedule": 5.0, "options": {"expires": 5}},
    "notify.forget": {"task": "notify.forget", "schedule": crontab(minute="33"), "options": {"expires": 900}},
    "operations.erase": {"task": "operations.erase", "schedule": 10.0, "options": {"expires": 10}},
    "operations.note_beat": {"task": "operations.note_beat", "schedule": 5.0, "options": {"expires": 5}},
    "quotas.forget": {"task": "quotas.forget", "schedule": crontab(minute="43"), "options": {"expires": 900}},
    "quotas.notify": {"task": "quotas.notify", "schedule": 60.0, "options": {"expires": 60}},
    "storage.retention": {"task": "storage.retention", "schedule": 900.0, "options": {"expires": 900}},
    "assist.forget": {"task": "assist.forget", "schedule": crontab(minute="53"), "options": {"expires": 900}},
    "issues.forget": {"task": "issues.forget", "schedule": crontab(minute="23"), "options": {"expires": 900}},
    "assist.record": {"task": "assist.record", "schedule": 10.0, "options": {"expires": 10}},
    "issues.wake": {"task": "issues.wake", "schedule": 60.0, "options": {"expires": 60}},
    "issues.regroup": {"task": "issues.regroup", "schedule": 60.0, "options": {"expires": 60}},
    "storage.roll_up": {"task": "storage.roll_up", "schedule": 300.0, "options": {"expires": 300}},
    # By night (UTC), again and again: one build at a time, and a day that was missed is caught up.
    "storage.index_closed_days": {
        "task": "storage.index_closed_days",
        "schedule": crontab(minute="7,27,47", hour="1-4"),
        "options": {"expires": 900},
    },
    "storage.partitions": {"task": "storage.partitions", "schedule": 900.0, "options": {"expires": 900}},
}
#: What an edge has to do; it stores nothing.
OF_EDGES = (
    "accounts.forget", "ingest.forget", "operations.note_beat", "quotas.forget", "storage.partitions",
)  # fmt: skip
CELERY_BEAT_SCHEDULE["edges.forget"] = {"task": "edges.forget", "schedule": 900.0, "options": {"expires": 900}}
if CORE_URL:
    CELERY_BEAT_SCHEDULE = {name: CELERY_BEAT_SCHEDULE[name] for name in (*OF_EDGES, "edges.forget")}

# --- API ------------------------------------------------------------------------------------------------------------
#: Where the explorer finds the live tail's process. Empty: at its own address, by way of a proxy.
TAIL_URL = env.str("LUMINALOG_TAIL_URL", default="")
DOCS_URL = env.str("LUMINALOG_DOCS_URL", default="/docs")
#: Whether this installation has a process of MCP, which is to be missed: see docs/mcp.md.
MCP = env.bool("LUMINALOG_MCP", default=False)
#: Where to listen for syslog, of which a process is to be missed then: see docs/syslog.md.
SYSLOG = env.str("LUMINALOG_SYSLOG", default="")
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["accounts.authentication.ApiKeyAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.AllowAny"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": [],
    "DEFAULT_METADATA_CLASS": "foundation.options.MethodsOnly",
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "foundation.negotiation.ServeAnyway",
    "UNAUTHENTICATED_USER": None,
    "URL_FORMAT_OVERRIDE": None,  # ?format= is an export's
    "EXCEPTION_HANDLER": "foundation.errors.problem_response",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "LuminaLog API",
    "VERSION": "1.0.0",
    "OAS_VERSION": "3.1.0",
    "DESCRIPTION": "Send logs, and read them back.",
    "TAGS": [{"name": "Send logs"}, {"name": "Read logs"}, {"name": "Error groups"}, {"name": "Alerts"}],
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_AUTHENTICATION": [],
    "SCHEMA_PATH_PREFIX": "/v1",
    "PATH_CONVERTER_OVERRIDES": {"any_text": str},
}

#: The version that agents are told who look for an Elasticsearch. Empty: the one that they want.
ELASTICSEARCH_VERSION = env.str("LUMINALOG_ELASTICSEARCH_VERSION", default="")

# --- The archive of closed days: see docs/archive.md ------------------------------------------------------------------
#: file:///a/folder or s3://a-bucket/a/prefix. Empty: nothing is archived, and retention waits for nothing.
ARCHIVE_URL = env.str("LUMINALOG_ARCHIVE_URL", default="")
#: Of a bucket; what is empty, AWS's own variables say, or the machine's role.
ARCHIVE_ENDPOINT = env.str("LUMINALOG_ARCHIVE_ENDPOINT", default="")
ARCHIVE_REGION = env.str("LUMINALOG_ARCHIVE_REGION", default="")
ARCHIVE_KEY_ID = env.str("LUMINALOG_ARCHIVE_KEY_ID", default="")
ARCHIVE_SECRET = env.str("LUMINALOG_ARCHIVE_SECRET", default="")

# --- Secrets and personal data: see docs/privacy.md ------------------------------------------------------------------
#: Off: secrets stay in the entries of all organisations, whatever their rules are.
SCRUB_SECRETS = env.bool("LUMINALOG_SCRUB_SECRETS", default=True)

# --- Limits of a request, in bytes unless the name says otherwise ---------------------------------------------------
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

# --- Full: refuse before it is too late -----------------------------------------------------------------------------
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

# --- HTTPS ----------------------------------------------------------------------------------------------------------
TRUSTED_PROXIES = env.int("LUMINALOG_TRUSTED_PROXIES", default=0)
if TRUSTED_PROXIES:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = not DEVELOPMENT
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"  # a link from a notice leads staff into their session
CSRF_FAILURE_VIEW = "luminalog.urls.csrf_failed"
SESSION_COOKIE_AGE = 12 * 3600
SESSION_ENGINE = "accounts.sessions"
SECURE_HSTS_SECONDS = 0 if DEVELOPMENT else env.int("LUMINALOG_HSTS_SECONDS", default=31_536_000)
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = not DEVELOPMENT
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SECURE_CONTENT_TYPE_NOSNIFF = True
X_FRAME_OPTIONS = "DENY"
#: W008 wants plain HTTP redirected. It is refused: a key that came that way has been seen, and must be missed.
SILENCED_SYSTEM_CHECKS = ["security.W008"]

# --- Browsers of other sites: none may call the API unless named ------------------------------------------------------
CORS_ALLOWED_ORIGINS = env.list("LUMINALOG_CORS_ALLOWED_ORIGINS", default=[])
CORS_URLS_REGEX = api.PATTERN
CORS_ALLOW_METHODS = ["GET", "HEAD", "POST"]
CORS_ALLOW_HEADERS = [
    "authorization", "content-encoding", "content-type", "idempotency-key", "last-event-id", "prefer", "x-api-key",
    "x-request-id",
]  # fmt: skip
CORS_EXPOSE_HEADERS = [
    "retry-after", "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset", "x-request-id",
]  # fmt: skip
CORS_PREFLIGHT_MAX_AGE = 3600
if CORS_ALLOWED_ORIGINS:
    INSTALLED_APPS.append("corsheaders")  # for its checks of the origins
    MIDDLEWARE.insert(
        MIDDLEWARE.index("foundation.middleware.UnreadBodyMiddleware"), "foundation.cors.OriginMiddleware"
    )
    MIDDLEWARE.insert(
        MIDDLEWARE.index("accounts.middleware.AdminNetworksMiddleware"), "foundation.cors.PreflightMiddleware"
    )

# --- Admin ----------------------------------------------------------------------------------------------------------
#: Networks (CIDR) from which the admin can be seen; none named: from everywhere.
ADMIN_NETWORKS = env.list("LUMINALOG_ADMIN_NETWORKS", default=[])
AXES_HANDLER = "accounts.log_ins.LogInHandler"
AXES_FAILURE_LIMIT = "accounts.log_ins.failures_allowed"
AXES_COOLOFF_TIME = 0.25  # hours
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_LOCKOUT_CALLABLE = "luminalog.console.refused.locked_out"
AXES_CLIENT_IP_CALLABLE = "accounts.addresses.client_address"
AXES_USERNAME_CALLABLE = "accounts.log_ins.username_of"
AXES_ENABLE_ACCESS_FAILURE_LOG = True
AXES_VERBOSE = False
#: How long log-ins and failed tries are remembered; what was changed (the audit trail) is kept for ever.
LOG_IN_RECORD_DAYS = env.int("LUMINALOG_LOG_IN_RECORD_DAYS", default=90)
#: The audit trail: who changed what, from where. Secrets are left out or masked whole; what workers write is no change.
AUDITLOG_INCLUDE_TRACKING_MODELS = (
    "accounts.Organisation",
    "accounts.Project",
    {
        "model": "accounts.ApiKey",
        "exclude_fields": [
            "sha256",
            "last_used_at",
            "last_used_address",
            "last_used_client",
            "seen_over_plain_http_at",
        ],
    },
    {
        "model": "accounts.User",
        "exclude_fields": ["last_login", "time_zone"],
        "mask_fields": ["password"],
        "mask_callable": "accounts.audit.hide",
        "m2m_fields": {"groups", "user_permissions"},
    },
    {"model": "auth.Group", "m2m_fields": {"permissions"}},
    "quotas.Plan",
    "quotas.Quota",
    # What it shows may be the words of clients, and is nobody's right.
    {"model": "explore.Dashboard", "exclude_fields": ["title", "document", "created_at", "changed_at"]},
    {
        "model": "notify.NoticeChannel",
        "exclude_fields": ["salt", "rests_until"],
        "mask_fields": ["address"],
        "mask_callable": "notify.masking.mask",
    },
    {"model": "privacy.Policy", "exclude_fields": ["hash_key"]},
    "privacy.Rule",
    "issues.Setting",
    "assist.Setting",
    {
        "model": "alerts.Rule",
        "exclude_fields": [
            "salt",
            "settled_until",
            "evaluated_at",
            "state",
            "state_reason",
            "slow_looks",
            "paused_at",
            "paused_reason",
        ],
    },
    "alerts.Silence",
    {
        "model": "edges.Edge",
        "exclude_fields": [
            "sha256",
            "installation",
            "floor",
            "last_seen_at",
            "version",
            "waiting_batches",
            "waiting_bytes",
            "oldest_seconds",
            "clock_seconds",
            "refused_batches",
        ],
        "m2m_fields": {"organisations"},
    },
)
RATELIMIT_USE_CACHE = "default"
EMAIL_CONFIG = env.email_url("EMAIL_URL", default="consolemail://")
vars().update(EMAIL_CONFIG)
EMAIL_TIMEOUT = 5
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="luminalog@localhost")

# --- A model that may be asked about error groups: see docs/explain.md -----------------------------------------------
#: The base of an API as OpenAI's, as in http://127.0.0.1:11434/v1. Empty: no model is ever asked.
AI_URL = env.str("LUMINALOG_AI_URL", default="")
AI_MODEL = env.str("LUMINALOG_AI_MODEL", default="")
#: Goes with each question as a bearer token. Empty: none does.
AI_KEY = env.str("LUMINALOG_AI_KEY", default="")
#: Whether evidence may leave private networks; by https only.
AI_PUBLIC = env.bool("LUMINALOG_AI_PUBLIC", default=False)
#: The most of a question, and of an answer, in tokens.
AI_MAX_INPUT_TOKENS = env.int("LUMINALOG_AI_MAX_INPUT_TOKENS", default=8_000)
AI_MAX_OUTPUT_TOKENS = env.int("LUMINALOG_AI_MAX_OUTPUT_TOKENS", default=1_000)

#: Networks (CIDR) that channels may reach although they are not public; there also by plain HTTP.
WEBHOOK_ALLOWED_NETWORKS = env.list("LUMINALOG_WEBHOOK_ALLOWED_NETWORKS", default=[])
#: Where links in messages begin: the console's address, as browsers know it. Empty: messages have no links to it.
PUBLIC_URL = env.str("LUMINALOG_PUBLIC_URL", default=next(iter(CSRF_TRUSTED_ORIGINS), ""))
#: Where PagerDuty takes events; accounts of the EU have https://events.eu.pagerduty.com/v2/enqueue.
PAGERDUTY_URL = env.str("LUMINALOG_PAGERDUTY_URL", default="https://events.pagerduty.com/v2/enqueue")

# --- Static files, language, time -----------------------------------------------------------------------------------
STATIC_DIGEST = static_files.digest(BASE_DIR)
STATIC_URL = f"/static/{STATIC_DIGEST}/"
#: A folder a version: what was collected for another one is not served.
STATIC_ROOT = Path(env.str("LUMINALOG_STATIC_ROOT", default=str(BASE_DIR / "staticfiles"))) / STATIC_DIGEST
STATICFILES_DIRS = [BASE_DIR / "luminalog" / "static"]
#: `collectstatic` compresses what it collects.
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedStaticFilesStorage"},
}
#: All of them: their addresses tell versions apart.
WHITENOISE_IMMUTABLE_FILE_TEST = f"^{STATIC_URL}"
#: From where they lie, where nobody has collected them.
WHITENOISE_USE_FINDERS = not STATIC_ROOT.is_dir()
WHITENOISE_AUTOREFRESH = False
WHITENOISE_ALLOW_ALL_ORIGINS = False
LANGUAGE_CODE = "en"
FORMAT_MODULE_PATH = "luminalog.formats"
USE_TZ = True
TIME_ZONE = "UTC"

# --- Our own logs: one JSON line an event ---------------------------------------------------------------------------
LOG_LEVEL = env.str("LUMINALOG_LOG_LEVEL", default="INFO")
#: A line for each answer, without its address: for a proxy's log to be compared with.
ACCESS_LOG = env.bool("LUMINALOG_ACCESS_LOG", default=False)
LOGGING_CONFIG = "foundation.logs.configure"
LOGGING = {"level": LOG_LEVEL, "json": env.bool("LUMINALOG_LOG_JSON", default=not DEVELOPMENT)}
