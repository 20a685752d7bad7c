"""Whoever may see notices may see how they were sent; what was sent is for those who look at logs."""

from django.db import migrations

NAME = "Can view notice delivery"


def let_them_see(apps, schema_editor):
    """Django makes permissions only after all migrations; those that it finds it leaves alone."""
    models = apps.get_model("contenttypes", "ContentType").objects
    content_type, _ = models.get_or_create(app_label="notify", model="noticedelivery")
    permission, _ = apps.get_model("auth", "Permission").objects.get_or_create(
        content_type=content_type, codename="view_noticedelivery", defaults={"name": NAME}
    )
    for role in apps.get_model("auth", "Group").objects.filter(name__in=["Operators", "Support", "Auditors"]):
        role.permissions.add(permission)


class Migration(migrations.Migration):
    dependencies = [
        ("notify", "0006_notices_are_messages"),
        ("accounts", "0009_looks_at_groups"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]
    operations = [migrations.RunPython(let_them_see, migrations.RunPython.noop)]
