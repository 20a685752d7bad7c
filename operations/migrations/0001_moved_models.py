"""Models that moved to another room keep their content types: permissions, roles and the audit trail hang on those."""

from django.db import migrations

MOVED = [
    # from, to, models
    ("explore", "accounts", ["accessrecord"]),
    ("quotas", "notify", ["notice", "noticechannel", "noticedelivery"]),
]


def move(apps, schema_editor):
    content_types = apps.get_model("contenttypes", "ContentType").objects
    for old, new, models in MOVED:
        for moved in content_types.filter(app_label=old, model__in=models):
            for twin in content_types.filter(app_label=new, model=moved.model):
                merge(apps, twin, into=moved)
            content_types.filter(pk=moved.pk).update(app_label=new)


def merge(apps, twin, *, into):
    """Take over what hangs on a content type that a process of the new code made before this ran, and remove it."""
    permissions = apps.get_model("auth", "Permission").objects
    for permission in permissions.filter(content_type=twin):
        kept, _ = permissions.get_or_create(
            content_type=into, codename=permission.codename, defaults={"name": permission.name}
        )
        kept.group_set.add(*permission.group_set.all())
        kept.user_set.add(*permission.user_set.all())
    for app in ("admin", "auditlog"):
        apps.get_model(app, "LogEntry").objects.filter(content_type=twin).update(content_type=into)
    twin.delete()


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0002_rules"),
        ("notify", "0001_tables"),
        ("admin", "0001_initial"),
        ("auditlog", "0001_initial"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]
    operations = [migrations.RunPython(move, migrations.RunPython.noop)]
