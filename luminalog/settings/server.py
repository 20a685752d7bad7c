"""What this process is, what it is called, what it says of itself: to operators, in metrics and in logs."""

from pathlib import Path

from foundation.metric_files import count_in_files
from luminalog import __version__
from luminalog.settings.environment import BASE_DIR, env

DEVELOPMENT: bool = env.bool("LUMINALOG_DEVELOPMENT", default=False)
DEBUG = False
VERSION = __version__
SECRET_KEY = env.str("SECRET_KEY")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"] if DEVELOPMENT else [])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
DATA_DIR = Path(env.str("LUMINALOG_DATA_DIR", default=str(BASE_DIR / "var")))

# --- Metrics: before anything counts ----------------------------------------------------------------------------------
PROCESS = env.str("LUMINALOG_PROCESS", default="luminalog")
#: Where the processes of this machine count, for whichever of them is scraped. Empty: each in its memory.
METRICS_DIR = Path(env.str("LUMINALOG_METRICS_DIR")) if env.str("LUMINALOG_METRICS_DIR", default="") else None
#: Where the proxy of this machine writes what it refuses by itself: see `deploy/nginx.conf`. Empty: nobody counts it.
PROXY_LOG = env.str("LUMINALOG_PROXY_LOG", default="")
#: Opens `/metrics`. Empty: there is no such address.
METRICS_TOKEN = env.str("LUMINALOG_METRICS_TOKEN", default="")
METRICS_IN_FILES = count_in_files(METRICS_DIR, process=PROCESS)

# --- Our own logs: one JSON line an event -----------------------------------------------------------------------------
LOG_LEVEL = env.str("LUMINALOG_LOG_LEVEL", default="INFO")
#: A line for each answer, without its address: for a proxy's log to be compared with.
ACCESS_LOG = env.bool("LUMINALOG_ACCESS_LOG", default=False)
LOGGING_CONFIG = "foundation.logs.configure"
LOGGING = {"level": LOG_LEVEL, "json": env.bool("LUMINALOG_LOG_JSON", default=not DEVELOPMENT)}

# --- Language, time ---------------------------------------------------------------------------------------------------
LANGUAGE_CODE = "en"
FORMAT_MODULE_PATH = "luminalog.formats"
USE_TZ = True
TIME_ZONE = "UTC"
