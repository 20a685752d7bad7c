"""Names that deployments and tools hold on to; and what an import of the cellar does not start."""

import os
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
DEPLOYED = """
from celery.app.utils import find_app
from luminalog import __version__, asgi, rsgi, settings, wsgi
assert rsgi.application and asgi.application and wsgi.application and __version__
assert find_app("luminalog").main == "luminalog"
assert settings.WSGI_APPLICATION == "luminalog.wsgi.application" and settings.ROOT_URLCONF == "luminalog.urls"
"""
#: Prints which of the large libraries the import of a small thing brought along.
CELLAR = """
import sys
import foundation.sizes
print({"celery", "django", "luminalog", "rest_framework", "redis"} & sys.modules.keys() or "nothing")
"""


def python(code: str) -> str:
    """Run code in a process of its own, as a deployment starts one; return what it printed."""
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "luminalog.settings"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_names_that_deployments_use_still_lead_there() -> None:
    python(DEPLOYED)


def test_the_cellar_starts_nothing() -> None:
    assert python(CELLAR) == "nothing\n"
