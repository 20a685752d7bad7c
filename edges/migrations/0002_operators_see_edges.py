"""Whoever may see the spool may see edges."""

from django.db import migrations

NAME = "Can view edge"


def let_them_see(apps, schema_editor):
    """Django makes permissions only after all migrations; those that it finds it leaves alone."""
    models = apps.get_model("contenttypes", "ContentType").objects
    content_type, _ = models.get_or_create(app_label="edges", model="edge")
    permission, _ = apps.get_model("auth", "Permission").objects.get_or_create(
        content_type=content_type, codename="view_edge", defaults={"name": NAME}
    )
    for role in apps.get_model("auth", "Group").objects.filter(name="Operators"):
        role.permissions.add(permission)


class Migration(migrations.Migration):
    dependencies = [
        ("edges", "0001_edges"),
        ("accounts", "0014_mirror"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]
    operations = [migrations.RunPython(let_them_see, migrations.RunPython.noop)]
