"""What a batch that failed waits for, and which transaction noted its last failure. Old processes leave both alone."""

from django.db import migrations, models

CHOICES = [
    ("store", "the log store, which took nothing"),
    ("place", "its organisation's or day's place in the log store, which took others"),
]


class Migration(migrations.Migration):
    dependencies = [("ingest", "0003_answers_as_bytes")]
    operations = [
        migrations.AddField(
            "spooledbatch", "waits_for", models.TextField(blank=True, choices=CHOICES, db_default="", default="")
        ),
        migrations.RunSQL(
            "ALTER TABLE ingest_spooledbatch ADD COLUMN failed_in xid8",
            "ALTER TABLE ingest_spooledbatch DROP COLUMN failed_in",
        ),
    ]
