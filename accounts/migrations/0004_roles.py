"""The roles of staff, as groups: Operators, Support, Auditors. None of them may touch users, groups or permissions."""

from django.db import migrations

CONFIGURATION = [("accounts", "organisation"), ("accounts", "project"), ("accounts", "apikey")]
LIMITS = [("quotas", "plan"), ("quotas", "quota")]
USAGE = [("quotas", "monthlyusage"), ("quotas", "hourlyusage")]
PIPELINE = [("ingest", "spooledbatch"), ("ingest", "deadletter"), ("storage", "receipt")]
LOGS = [("storage", "logentry")]
STAFF = [("accounts", "user"), ("auth", "group")]
TRAIL = [("auditlog", "logentry")]


def permissions(models, *actions):
    return [(app, model, f"{action}_{model}") for app, model in models for action in actions]


ROLES = {
    "Operators": [
        *permissions(CONFIGURATION + LIMITS, "view", "add", "change"),
        ("accounts", "apikey", "revoke_apikey"),
        ("accounts", "organisation", "suspend_organisation"),
        *permissions(USAGE + PIPELINE + LOGS + TRAIL, "view"),
        ("ingest", "deadletter", "change_deadletter"),
    ],
    "Support": [
        *permissions(CONFIGURATION + LIMITS + USAGE, "view"),
        ("accounts", "apikey", "revoke_apikey"),
    ],
    "Auditors": permissions(CONFIGURATION + LIMITS + USAGE + STAFF + TRAIL, "view"),
}


def make_roles(apps, schema_editor):
    group_model = apps.get_model("auth", "Group")
    for role, rows in ROLES.items():
        group, _ = group_model.objects.get_or_create(name=role)
        group.permissions.add(*(_permission(apps, *row) for row in rows))


def _permission(apps, app, model, codename):
    """Django makes permissions only after all migrations; those that it finds it leaves alone."""
    content_type, _ = apps.get_model("contenttypes", "ContentType").objects.get_or_create(app_label=app, model=model)
    permission, _ = apps.get_model("auth", "Permission").objects.get_or_create(
        content_type=content_type, codename=codename, defaults={"name": f"Can {codename.replace('_', ' ')}"}
    )
    return permission


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0003_permissions_of_their_own"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]
    operations = [migrations.RunPython(make_roles, migrations.RunPython.noop)]
