"""Batches that were dead letters are marked: they are scrubbed when they are stored."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('ingest', '0006_claims_uncompressed'),
    ]

    operations = [
        migrations.AddField(
            model_name='spooledbatch',
            name='is_replayed',
            field=models.BooleanField(db_default=False, default=False),
        ),
    ]
