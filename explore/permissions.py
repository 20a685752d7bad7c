"""Which members of staff may look at logs, and who may see, make and change dashboards of them."""

from typing import Any

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser

from accounts.models import User
from explore.models import Dashboard

PERMISSION = "explore.view_logs"
DASHBOARDS = "explore.view_dashboard"


def may_view_logs(user: AbstractBaseUser | AnonymousUser | None) -> bool:
    """Tell whether `user` may look at logs now."""
    return isinstance(user, User) and user.is_active and user.is_staff and user.has_perm(PERMISSION)


def may_view_dashboards(user: Any) -> bool:
    """Tell whether `user` may look at dashboards: they show logs."""
    return may_view_logs(user) and user.has_perm(DASHBOARDS)


def may_make_dashboards(user: Any) -> bool:
    """Tell whether `user` may make dashboards of their own."""
    return may_view_dashboards(user) and user.has_perm("explore.add_dashboard")


def may_see(user: Any, dashboard: Dashboard) -> bool:
    """Tell whether `user` may look at a dashboard: their own, a shared one, or one that has lost its owner."""
    if not may_view_dashboards(user):
        return False
    return dashboard.owner_id == user.pk or dashboard.access != Dashboard.Access.PRIVATE or _inherits(user, dashboard)


def may_change(user: Any, dashboard: Dashboard) -> bool:
    """Tell whether `user` may change what a dashboard shows."""
    if not (may_view_dashboards(user) and user.has_perm("explore.change_dashboard")):
        return False
    is_open = dashboard.access == Dashboard.Access.OPEN
    return dashboard.owner_id == user.pk or is_open or _inherits(user, dashboard)


def may_share(user: Any, dashboard: Dashboard) -> bool:
    """Tell whether `user` may say who else sees and changes it: its owner, or whoever takes care of one without."""
    return may_change(user, dashboard) and (dashboard.owner_id == user.pk or _inherits(user, dashboard))


def may_delete(user: Any, dashboard: Dashboard) -> bool:
    """Tell whether `user` may delete it."""
    is_theirs = dashboard.owner_id == user.pk or _inherits(user, dashboard)
    return may_view_dashboards(user) and is_theirs and user.has_perm("explore.delete_dashboard")


def _inherits(user: Any, dashboard: Dashboard) -> bool:
    return dashboard.owner_id is None and bool(user.has_perm("explore.change_dashboard"))
