"""Which members of staff may look at logs."""

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser

from accounts.models import User

PERMISSION = "explore.view_logs"


def may_view_logs(user: AbstractBaseUser | AnonymousUser | None) -> bool:
    """Tell whether `user` may look at logs now."""
    return isinstance(user, User) and user.is_active and user.is_staff and user.has_perm(PERMISSION)
