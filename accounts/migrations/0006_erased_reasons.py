"""Why a key was revoked stays as it was written, but for a value that is erased from it."""

from django.db import migrations

TRIGGER = """
DROP TRIGGER revoked_api_key_stays_revoked ON accounts_apikey;
CREATE TRIGGER revoked_api_key_stays_revoked BEFORE UPDATE OF revoked_at, revoked_reason, sha256 ON accounts_apikey
    FOR EACH ROW WHEN (
        NEW.sha256 <> OLD.sha256
        OR OLD.revoked_at IS NOT NULL AND NEW.revoked_at IS DISTINCT FROM OLD.revoked_at
        OR OLD.revoked_at IS NOT NULL AND NEW.revoked_reason IS DISTINCT FROM OLD.revoked_reason {but}
    ) EXECUTE FUNCTION accounts_refuse_change_of_ended_key();
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0005_time_zone")]
    operations = [
        migrations.RunSQL(
            TRIGGER.format(but="AND NEW.revoked_reason NOT LIKE '%[erased]%'"),
            TRIGGER.format(but=""),
        )
    ]
