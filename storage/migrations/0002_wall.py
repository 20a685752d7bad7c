"""What callers may see of the entries, and trigrams for searching closed days."""

from django.db import migrations

# The nightly index of closed days' messages. A role that may not create extensions goes without: messages are scanned.
TRIGRAMS = """
DO $$
BEGIN
    CREATE EXTENSION IF NOT EXISTS pg_trgm;
EXCEPTION WHEN insufficient_privilege OR undefined_file OR feature_not_supported THEN
    RAISE WARNING 'pg_trgm is not available: searching messages of past days will scan them';
END
$$;
"""

# What callers read: see storage/wall.py. Without a named organisation there are no rows.
# Not security barriers: callers bring values, never functions, and behind a barrier no search could use its index.
VIEWS = """
CREATE VIEW storage_visible_entry AS
SELECT * FROM storage_logentry
 WHERE organisation_id = nullif(current_setting('luminalog.organisations', true), '')::bigint;

-- The live tail reads for all who listen.
CREATE VIEW storage_visible_receipt AS
SELECT * FROM storage_receipt
 WHERE organisation_id = ANY (string_to_array(nullif(current_setting('luminalog.organisations', true), ''), ',')::bigint[]);

-- For every other role that is ever allowed to read the table; the owner, who stores and deletes, passes.
ALTER TABLE storage_logentry ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_organisation ON storage_logentry FOR SELECT
 USING (organisation_id = nullif(current_setting('luminalog.organisations', true), '')::bigint);
"""
NO_VIEWS = """
DROP POLICY own_organisation ON storage_logentry;
ALTER TABLE storage_logentry DISABLE ROW LEVEL SECURITY;
DROP VIEW storage_visible_receipt;
DROP VIEW storage_visible_entry;
"""

# Roles belong to the cluster: another database may have made this one, or be making it. Who may not make roles goes
# without: `manage.py database_roles` prints what an administrator is to run.
ROLE = """
DO $$
BEGIN
    CREATE ROLE luminalog_reader NOLOGIN;
EXCEPTION
    WHEN duplicate_object OR unique_violation THEN NULL;
    WHEN insufficient_privilege THEN
        RAISE WARNING 'no right to create roles: see "Row security" in docs/security.md';
END
$$;
DO $$
BEGIN
    IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
        GRANT luminalog_reader TO CURRENT_USER;
    END IF;
    GRANT SELECT ON storage_visible_entry, storage_visible_receipt TO luminalog_reader;
EXCEPTION
    WHEN undefined_object OR insufficient_privilege THEN
        RAISE WARNING 'luminalog_reader cannot be used: see "Row security" in docs/security.md';
END
$$;
"""


class Migration(migrations.Migration):
    #: What a data folder of before has run; see the loader's rules for squashed migrations.
    replaces = [
        ("storage", "0003_trigrams"),
        ("storage", "0005_visible_rows"),
    ]
    dependencies = [("storage", "0001_tables")]
    operations = [
        migrations.RunSQL(TRIGRAMS, migrations.RunSQL.noop),
        migrations.RunSQL(VIEWS, NO_VIEWS),
        migrations.RunSQL(ROLE, migrations.RunSQL.noop),
    ]
