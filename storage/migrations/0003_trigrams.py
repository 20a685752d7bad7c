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


class Migration(migrations.Migration):

    dependencies = [("storage", "0002_retention")]

    operations = [migrations.RunSQL(TRIGRAMS, migrations.RunSQL.noop)]
