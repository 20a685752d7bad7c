"""The role that looks at logs decides on errors, too."""

from django.db import migrations

NAME = "Can resolve, ignore, assign, merge and split error groups"


def let_operators_resolve(apps, schema_editor):
    """Django makes permissions only after all migrations; those that it finds it leaves alone."""
    models = apps.get_model("contenttypes", "ContentType").objects
    content_type, _ = models.get_or_create(app_label="issues", model="group")
    permission, _ = apps.get_model("auth", "Permission").objects.get_or_create(
        content_type=content_type, codename="resolve_group", defaults={"name": NAME}
    )
    for role in apps.get_model("auth", "Group").objects.filter(name="Operators"):
        role.permissions.add(permission)


class Migration(migrations.Migration):
    dependencies = [
        ("issues", "0001_groups"),
        ("accounts", "0009_looks_at_groups"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]
    operations = [migrations.RunPython(let_operators_resolve, migrations.RunPython.noop)]
