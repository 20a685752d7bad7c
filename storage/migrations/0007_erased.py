"""What of stored batches was erased or changed: receipts go on to say what was charged."""

import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('storage', '0006_receipts_not_rolled_up'),
    ]

    operations = [
        migrations.CreateModel(
            name='Erased',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('batch_id', models.BigIntegerField()),
                ('organisation_id', models.BigIntegerField()),
                ('entries', models.IntegerField()),
                ('size_bytes', models.BigIntegerField()),
                ('erased_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                'verbose_name_plural': 'erased',
                'indexes': [models.Index(fields=['batch_id'], name='erased_batch')],
            },
        ),
    ]
