"""Whether a public key's day can be proven. Of today it cannot: before there was an allowance no batch was charged to it.

Processes of before charge the day as ever, and leave what is said here as it is.
"""

from datetime import UTC, datetime
from typing import Any

from django.db import migrations, models


def doubt_today(apps: Any, _: Any) -> None:
    """Say of each public key that its present day cannot be proven."""
    days, today = apps.get_model("quotas", "DailyUsage").objects, datetime.now(UTC).date()
    days.filter(day__lt=today).update(day=today, used_bytes=0)
    days.update(is_provable=False)
    known = set(days.values_list("pk", flat=True))
    keys = apps.get_model("accounts", "ApiKey").objects.filter(kind="public").values_list("pk", flat=True)
    days.bulk_create(
        days.model(pk=key, day=today, used_bytes=0, is_provable=False) for key in keys.iterator() if key not in known
    )


class Migration(migrations.Migration):
    dependencies = [("accounts", "0008_public_keys"), ("quotas", "0004_recording_days")]
    operations = [
        migrations.AddField(
            model_name="dailyusage",
            name="is_provable",
            field=models.BooleanField(
                db_default=True, help_text="False: not all that was received on this day was charged to it."
            ),
        ),
        migrations.RunPython(doubt_today, migrations.RunPython.noop, elidable=True),
    ]
