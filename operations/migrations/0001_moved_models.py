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
        content_types.filter(app_label=old, model__in=models).update(app_label=new)


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0002_rules"),
        ("notify", "0001_tables"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]
    operations = [migrations.RunPython(move, migrations.RunPython.noop)]
