"""The spool is a queue: small, churning, already compressed. Batch ids come in blocks of 256."""

from django.db import migrations

SPOOL = """
CREATE SEQUENCE ingest_batch_id AS bigint INCREMENT BY 256 MAXVALUE 9007199254740736;
ALTER TABLE ingest_spooledbatch ALTER COLUMN payload SET STORAGE EXTERNAL;
ALTER TABLE ingest_spooledbatch SET (
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500, autovacuum_vacuum_insert_threshold = -1,
    autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 100000, autovacuum_vacuum_cost_delay = 0,
    toast.autovacuum_vacuum_scale_factor = 0, toast.autovacuum_vacuum_threshold = 500, toast.autovacuum_vacuum_cost_delay = 0
);
"""


class Migration(migrations.Migration):
    #: What a data folder of before has run; see the loader's rules for squashed migrations.
    replaces = [
        ("ingest", "0002_spool"),
    ]
    dependencies = [("ingest", "0001_tables")]
    operations = [
        migrations.RunSQL(SPOOL, "DROP SEQUENCE ingest_batch_id"),
    ]
