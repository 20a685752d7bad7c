"""Changing how errors are grouped: new prefixes are a new edition, which joins the groups of the former for a month."""

from collections.abc import Sequence

from django.db import transaction
from django.utils import timezone

from issues import rules
from issues.models import Setting


def change_prefixes(organisation_id: int, *, ours: Sequence[str], not_ours: Sequence[str]) -> None:
    """Say which beginnings of paths and modules are an organisation's own, and which are not."""
    with transaction.atomic():
        Setting.objects.get_or_create(organisation_id=organisation_id)
        setting = Setting.objects.select_for_update().get(pk=organisation_id)
        setting.ours, setting.not_ours = list(ours), list(not_ours)
        save(setting)


def save(setting: Setting) -> None:
    """Save a setting that somebody has changed.

    For 30 days an error whose fingerprint is new joins the group of the one that it had before: none makes a second
    group, and none is merged with others.
    """
    before = Setting.objects.filter(pk=setting.pk).first() or Setting()
    if (setting.ours, setting.not_ours) != (before.ours, before.not_ours):
        setting.former_ours, setting.former_not_ours = before.ours, before.not_ours
        setting.former_edition, setting.edition = before.edition, before.edition + 1
        setting.changed_at = timezone.now()
    setting.save()
    rules.forget()
