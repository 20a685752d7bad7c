"""At an edge: which batches its core has. Additive."""

import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('ingest', '0009_claims_that_last'),
    ]

    operations = [
        migrations.CreateModel(
            name='ForgottenBatch',
            fields=[
                ('batch_id', models.BigIntegerField(primary_key=True, serialize=False)),
                ('forgotten_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('is_confirmed', models.BooleanField(db_default=False, default=False, help_text='The core knows that, too.')),
            ],
            options={
                'default_permissions': (),
                'indexes': [models.Index(condition=models.Q(('is_confirmed', False)), fields=['batch_id'], name='forgotten_batch_to_confirm')],
            },
        ),
    ]
