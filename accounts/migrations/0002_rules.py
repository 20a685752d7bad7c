"""What Django cannot declare: two rules that hold whoever writes, and what the roles of staff may do in all rooms."""

from django.db import migrations

#: A key's project is one of the key's own organisation.
SAME_ORGANISATION = """
ALTER TABLE accounts_project ADD CONSTRAINT project_and_organisation UNIQUE (id, organisation_id);
ALTER TABLE accounts_apikey ADD CONSTRAINT api_key_project_is_of_its_organisation
    FOREIGN KEY (project_id, organisation_id) REFERENCES accounts_project (id, organisation_id)
    DEFERRABLE INITIALLY IMMEDIATE;
"""
UNDO_SAME_ORGANISATION = """
ALTER TABLE accounts_apikey DROP CONSTRAINT api_key_project_is_of_its_organisation;
ALTER TABLE accounts_project DROP CONSTRAINT project_and_organisation;
"""
#: A revocation is never undone and a key's hash never changes.
ENDED_FOR_EVER = """
CREATE FUNCTION accounts_refuse_change_of_ended_key() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a revoked API key stays revoked, and no key changes its hash' USING ERRCODE = 'check_violation';
END $$;
CREATE TRIGGER revoked_api_key_stays_revoked BEFORE UPDATE OF revoked_at, revoked_reason, sha256 ON accounts_apikey
    FOR EACH ROW WHEN (
        NEW.sha256 <> OLD.sha256
        OR OLD.revoked_at IS NOT NULL
           AND (NEW.revoked_at, NEW.revoked_reason) IS DISTINCT FROM (OLD.revoked_at, OLD.revoked_reason)
    ) EXECUTE FUNCTION accounts_refuse_change_of_ended_key();
"""
UNDO_ENDED_FOR_EVER = """
DROP TRIGGER revoked_api_key_stays_revoked ON accounts_apikey;
DROP FUNCTION accounts_refuse_change_of_ended_key();
"""

CONFIGURATION = [("accounts", "organisation"), ("accounts", "project"), ("accounts", "apikey")]
LIMITS = [("quotas", "plan"), ("quotas", "quota")]
USAGE = [("quotas", "monthlyusage"), ("quotas", "hourlyusage")]
NOTICES = [("notify", "notice"), ("notify", "noticechannel")]
RETENTION = [("storage", "retention"), ("storage", "droppedpartition")]
PIPELINE = [("ingest", "spooledbatch"), ("ingest", "deadletter"), ("storage", "receipt")]
LOGS = [("storage", "logentry")]
STAFF = [("accounts", "user"), ("auth", "group")]
TRAIL = [("auditlog", "logentry")]


def permissions(models, *actions):
    return [(app, model, f"{action}_{model}") for app, model in models for action in actions]


#: None of them may touch users, groups or permissions.
ROLES = {
    "Operators": [
        *permissions(CONFIGURATION + LIMITS, "view", "add", "change"),
        ("accounts", "apikey", "revoke_apikey"),
        ("accounts", "organisation", "suspend_organisation"),
        *permissions(USAGE + PIPELINE + LOGS + TRAIL + NOTICES + RETENTION, "view"),
        *permissions([("notify", "noticechannel")], "add", "change", "delete"),
        ("ingest", "deadletter", "change_deadletter"),
        ("explore", "explorer", "view_logs"),
        ("explore", "savedsearch", "view_savedsearch"),
    ],
    "Support": [
        *permissions(CONFIGURATION + LIMITS + USAGE + NOTICES + RETENTION, "view"),
        ("accounts", "apikey", "revoke_apikey"),
    ],
    "Auditors": [
        *permissions(CONFIGURATION + LIMITS + USAGE + STAFF + TRAIL + NOTICES + RETENTION, "view"),
        ("accounts", "accessrecord", "view_accessrecord"),
    ],
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
    #: What a data folder of before has run; see the loader's rules for squashed migrations.
    replaces = [
        ("accounts", "0002_key_stays_in_its_organisation"),
        ("accounts", "0004_roles"),
        ("accounts", "0005_revoked_key_stays_revoked"),
        ("explore", "0002_roles_may_look"),
        ("quotas", "0007_roles_see_notices"),
    ]
    dependencies = [
        ("accounts", "0001_tables"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]
    operations = [
        migrations.RunSQL(SAME_ORGANISATION, UNDO_SAME_ORGANISATION),
        migrations.RunSQL(ENDED_FOR_EVER, UNDO_ENDED_FOR_EVER),
        migrations.RunPython(make_roles, migrations.RunPython.noop),
    ]
