"""The zone in which a member of staff reads times; and permissions are called what pages and docs call them.

The column has a default of the database's: processes of before may add staff beside this one.
"""

from typing import Any

from django.db import migrations, models

#: Roles were made before Django had named these.
WORDS = {
    "accessrecord": "access record",
    "apikey": "API key",
    "deadletter": "dead letter",
    "droppedpartition": "dropped partition",
    "hourlyusage": "hourly usage",
    "logentry": "log entry",
    "monthlyusage": "monthly usage",
    "noticechannel": "notice channel",
    "noticedelivery": "notice delivery",
    "savedsearch": "saved search",
    "spooledbatch": "spooled batch",
}
NAMES = {
    "revoke_apikey": "Can revoke API key",
    "suspend_organisation": "Can suspend and resume organisation",
    "view_logs": "Can look at log entries",
} | {f"{verb}_{model}": f"Can {verb} {words}" for model, words in WORDS.items() for verb in ("add", "change", "delete", "view")}


def name_permissions(apps: Any, schema_editor: Any) -> None:
    permissions = apps.get_model("auth", "Permission").objects
    for codename, name in NAMES.items():
        permissions.filter(codename=codename).update(name=name)


class Migration(migrations.Migration):
    dependencies = [("accounts", "0004_looks_at_dead_letters")]
    operations = [
        migrations.AddField(
            "user", "time_zone", models.CharField(max_length=64, blank=True, default="", db_default="")
        ),
        migrations.AlterModelOptions("accessrecord", {"ordering": ["-at", "-id"], "verbose_name": "access record"}),
        migrations.RunPython(name_permissions, migrations.RunPython.noop),
    ]
