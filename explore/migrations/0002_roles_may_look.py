"""Operators look at logs; auditors see who did."""

from django.db import migrations

PERMISSIONS = {
    "Operators": [("explorer", "view_logs"), ("savedsearch", "view_savedsearch")],
    "Auditors": [("accessrecord", "view_accessrecord")],
}


def permit(apps, schema_editor):
    groups = apps.get_model("auth", "Group").objects
    for role, rows in PERMISSIONS.items():
        for group in groups.filter(name=role):
            group.permissions.add(*(_permission(apps, *row) for row in rows))


def _permission(apps, model, codename):
    """Django makes permissions only after all migrations; those that it finds it leaves alone."""
    content_type, _ = apps.get_model("contenttypes", "ContentType").objects.get_or_create(
        app_label="explore", model=model
    )
    permission, _ = apps.get_model("auth", "Permission").objects.get_or_create(
        content_type=content_type, codename=codename, defaults={"name": f"Can {codename.replace('_', ' ')}"}
    )
    return permission


class Migration(migrations.Migration):
    dependencies = [
        ("explore", "0001_explorer"),
        ("accounts", "0004_roles"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]
    operations = [migrations.RunPython(permit, migrations.RunPython.noop)]
