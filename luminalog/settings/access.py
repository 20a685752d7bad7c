"""Who may come in, and how: HTTPS, sessions, the admin's networks, log-ins."""

from luminalog.settings.environment import env
from luminalog.settings.server import DEVELOPMENT

# --- Who it is --------------------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]

# --- HTTPS ------------------------------------------------------------------------------------------------------------
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

# --- Admin ------------------------------------------------------------------------------------------------------------
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
RATELIMIT_USE_CACHE = "default"
