"""The roof: the Django project. It wires the rooms together and holds no rule of theirs."""

from luminalog.celery import app as celery_app

__all__ = ["celery_app"]
__version__ = "0.1.0"
