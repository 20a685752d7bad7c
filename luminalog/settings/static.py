"""Static files: an address for each version, from where they lie or from where they were collected."""

from pathlib import Path

from luminalog import static_files
from luminalog.settings.environment import BASE_DIR, env

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
