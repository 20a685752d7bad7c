"""The Django project: its applications, middlewares, templates, and how its API is spoken to."""

from foundation import api
from luminalog.settings.environment import BASE_DIR, env
from luminalog.settings.stores import CORE_URL

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
ROOT_URLCONF = "luminalog.edge_urls" if CORE_URL else "luminalog.urls"
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

# --- API --------------------------------------------------------------------------------------------------------------
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
