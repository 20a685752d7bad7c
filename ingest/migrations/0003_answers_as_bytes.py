"""Answers to a repeated request come back byte by byte, in whatever protocol it spoke."""

from django.db import migrations, models

AS_BYTES = """
ALTER TABLE ingest_idempotencykey
    ALTER COLUMN answer TYPE bytea USING convert_to(answer::text, 'UTF8'),
    ADD COLUMN media_type text NOT NULL DEFAULT 'application/json'
"""
AS_JSON = """
ALTER TABLE ingest_idempotencykey
    ALTER COLUMN answer TYPE jsonb USING convert_from(answer, 'UTF8')::jsonb,
    DROP COLUMN media_type
"""


class Migration(migrations.Migration):
    dependencies = [("ingest", "0002_rules")]
    operations = [
        migrations.RunSQL(
            AS_BYTES,
            AS_JSON,
            state_operations=[
                migrations.AlterField("idempotencykey", "answer", models.BinaryField()),
                migrations.AddField(
                    "idempotencykey", "media_type", models.TextField(db_default="application/json")
                ),
            ],
        ),
    ]
