"""The project: wiring and leaf helpers, no business rule."""

from luminalog.celery import app as celery_app

__all__ = ["celery_app"]
__version__ = "0.1.0"
