"""How many errors of a batch are in groups, and the index of entries by what they were counted for."""

from django.db import migrations, models

# Receipts of before have NULL, without a row being written; those of a worker that does not know the column, -1.
ERRORS = """
ALTER TABLE storage_receipt ADD COLUMN errors integer;
ALTER TABLE storage_receipt ALTER COLUMN errors SET DEFAULT -1;
"""
# At once, whatever is stored: no row is written. Days that nothing is stored of yet get their index here; it comes to
# those of before when they are closed (storage/postgres/indexes.py), and no search needs it.
INDEX = """
CREATE INDEX storage_entry_error ON ONLY storage_entry (organisation_id, error_key, timestamp)
 WHERE error_key IS NOT NULL;

DO $$
DECLARE
    part record;
    is_empty boolean;
BEGIN
    FOR part IN
        SELECT child.relname FROM pg_inherits JOIN pg_class child ON child.oid = inhrelid
         WHERE inhparent = 'storage_entry'::regclass AND NOT inhdetachpending
    LOOP
        EXECUTE format('SELECT NOT EXISTS (SELECT FROM %I)', part.relname) INTO is_empty;
        IF is_empty THEN
            EXECUTE format('CREATE INDEX %I ON %I (organisation_id, error_key, timestamp) WHERE error_key IS NOT NULL',
                           part.relname || '_error', part.relname);
            EXECUTE format('ALTER INDEX storage_entry_error ATTACH PARTITION %I', part.relname || '_error');
        END IF;
    END LOOP;
END
$$;
"""


class Migration(migrations.Migration):
    dependencies = [("storage", "0007_erased")]
    operations = [
        migrations.RunSQL(
            ERRORS,
            "ALTER TABLE storage_receipt DROP COLUMN errors",
            state_operations=[
                migrations.AddField(
                    "Receipt",
                    "errors",
                    models.IntegerField(
                        null=True,
                        db_default=-1,
                        help_text="Of its entries, those in error groups. -1: nobody has looked; null: it is of before groups.",
                    ),
                )
            ],
        ),
        migrations.AddField("Erased", "errors", models.IntegerField(db_default=0)),
        migrations.RunSQL(INDEX, "DROP INDEX storage_entry_error"),
    ]
