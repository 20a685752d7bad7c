"""Operators keep the channels of notices; everybody with a role sees notices and what retention deleted."""

from django.db import migrations

SHOWN = [("quotas", "notice"), ("quotas", "noticechannel"), ("storage", "retention"), ("storage", "droppedpartition")]
ROLES = {
    "Operators": [("view", SHOWN), *((action, [("quotas", "noticechannel")]) for action in ("add", "change", "delete"))],
    "Support": [("view", SHOWN)],
    "Auditors": [("view", SHOWN)],
}


def extend_roles(apps, schema_editor):
    group_model = apps.get_model("auth", "Group")
    for role, grants in ROLES.items():
        group, _ = group_model.objects.get_or_create(name=role)
        for action, models in grants:
            group.permissions.add(*(_permission(apps, app, model, action) for app, model in models))


def _permission(apps, app, model, action):
    """Django makes permissions only after all migrations; those that it finds it leaves alone."""
    content_type, _ = apps.get_model("contenttypes", "ContentType").objects.get_or_create(app_label=app, model=model)
    permission, _ = apps.get_model("auth", "Permission").objects.get_or_create(
        content_type=content_type, codename=f"{action}_{model}", defaults={"name": f"Can {action} {model}"}
    )
    return permission


class Migration(migrations.Migration):
    dependencies = [("quotas", "0006_notices"), ("accounts", "0004_roles")]
    operations = [migrations.RunPython(extend_roles, migrations.RunPython.noop)]
