"""Changing how an organisation's errors are grouped: new prefixes are a new edition, beside the former for a month."""

from collections.abc import Sequence

from django.db import transaction
from django.db.models.functions import Now

from issues import rules
from issues.models import Setting


def change_prefixes(organisation_id: int, *, ours: Sequence[str], not_ours: Sequence[str]) -> None:
    """Say which beginnings of paths and modules are an organisation's own, and which are not.

    For 30 days an error whose fingerprint is new joins the group of the one that it had before: none makes a second
    group, and none is merged with others.
    """
    with transaction.atomic():
        Setting.objects.get_or_create(organisation_id=organisation_id)
        setting = Setting.objects.select_for_update().get(pk=organisation_id)
        if (list(ours), list(not_ours)) == (setting.ours, setting.not_ours):
            return
        Setting.objects.filter(pk=organisation_id).update(
            ours=list(ours),
            not_ours=list(not_ours),
            edition=setting.edition + 1,
            former_ours=setting.ours,
            former_not_ours=setting.not_ours,
            former_edition=setting.edition,
            changed_at=Now(),
        )
    rules.forget()
