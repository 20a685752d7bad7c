"""A revocation is never undone and a key's hash never changes, whoever writes: a rule that only a trigger can hold."""

from django.db import migrations

TRIGGER = """
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
UNDO = """
DROP TRIGGER revoked_api_key_stays_revoked ON accounts_apikey;
DROP FUNCTION accounts_refuse_change_of_ended_key();
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0004_roles")]
    operations = [migrations.RunSQL(TRIGGER, UNDO)]
