"""The staff."""

from django.contrib.auth.models import AbstractUser
from django.db import models


class User(AbstractUser):
    """A member of staff. Applications have API keys, not users."""

    time_zone = models.CharField(max_length=64, blank=True, default="", db_default="")  # empty: the browser's
