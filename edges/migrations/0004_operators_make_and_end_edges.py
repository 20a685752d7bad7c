"""Operators make edges, retire them and end them; others only look at them."""

from django.db import migrations

THEIRS = {"add_edge": "Can add edge", "end_edge": "Can retire and revoke edge"}


def let_them(apps, schema_editor):
    """Django makes permissions only after all migrations; those that it finds it leaves alone."""
    models = apps.get_model("contenttypes", "ContentType").objects
    content_type, _ = models.get_or_create(app_label="edges", model="edge")
    for codename, name in THEIRS.items():
        permission, _ = apps.get_model("auth", "Permission").objects.get_or_create(
            content_type=content_type, codename=codename, defaults={"name": name}
        )
        for role in apps.get_model("auth", "Group").objects.filter(name="Operators"):
            role.permissions.add(permission)


class Migration(migrations.Migration):
    dependencies = [("edges", "0003_when_an_edge_was_unheard")]
    operations = [
        migrations.AlterModelOptions(
            "edge", {"ordering": ["name"], "permissions": [("end_edge", "Can retire and revoke edge")]}
        ),
        migrations.RunPython(let_them, migrations.RunPython.noop),
    ]
