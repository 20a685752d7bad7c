"""The spool, claims, idempotency keys and dead letters."""

import django.contrib.postgres.fields
import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):
    #: What a data folder of before has run; see the loader's rules for squashed migrations.
    replaces = [
        ("ingest", "0001_initial"),
        ("ingest", "0003_fair_turns"),
        ("ingest", "0004_slots"),
    ]
    initial = True

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='DrainClaim',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('batch_ids', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), size=None)),
                ('claimed_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
        ),
        migrations.CreateModel(
            name='DeadLetter',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('batch_id', models.BigIntegerField()),
                ('position', models.SmallIntegerField(help_text='Index in the batch. Empty: the whole batch.', null=True)),
                ('organisation_id', models.BigIntegerField()),
                ('api_key_id', models.BigIntegerField()),
                ('project', models.TextField()),
                ('environment', models.TextField()),
                ('received_at', models.DateTimeField()),
                ('period', models.DateField()),
                ('entries', models.IntegerField()),
                ('size_bytes', models.BigIntegerField()),
                ('payload', models.BinaryField()),
                ('reason', models.TextField()),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                'ordering': ['-created_at'],
                'constraints': [models.UniqueConstraint(fields=('batch_id', 'position'), name='entry_dies_once', nulls_distinct=False)],
            },
        ),
        migrations.CreateModel(
            name='IdempotencyKey',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('organisation_id', models.BigIntegerField()),
                ('key', models.CharField(max_length=255)),
                ('body_sha256', models.BinaryField(max_length=32)),
                ('answer', models.JSONField()),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                'indexes': [models.Index(fields=['created_at'], name='idempotency_key_created_at')],
                'constraints': [models.UniqueConstraint(fields=('organisation_id', 'key'), name='idempotency_key_is_used_once')],
            },
        ),
        migrations.CreateModel(
            name='SpooledBatch',
            fields=[
                ('batch_id', models.BigIntegerField(primary_key=True, serialize=False)),
                ('organisation_id', models.BigIntegerField()),
                ('api_key_id', models.BigIntegerField()),
                ('project', models.TextField()),
                ('environment', models.TextField()),
                ('received_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('period', models.DateField()),
                ('requests', models.SmallIntegerField(default=1)),
                ('entries', models.IntegerField()),
                ('size_bytes', models.BigIntegerField()),
                ('payload', models.BinaryField()),
                ('attempts', models.SmallIntegerField(db_default=0, default=0)),
                ('not_before', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('last_error', models.TextField(db_default='', default='')),
                ('slot', models.GeneratedField(db_persist=True, expression=models.Func('received_at', template="extract(epoch FROM %(expressions)s AT TIME ZONE 'UTC')::bigint / 15"), output_field=models.BigIntegerField())),
            ],
            options={
                'verbose_name_plural': 'spooled batches',
                'indexes': [models.Index(condition=models.Q(('attempts', 0)), fields=['slot', 'organisation_id', 'batch_id'], name='spooled_batch_slot'), models.Index(condition=models.Q(('attempts__gt', 0)), fields=['not_before'], name='spooled_batch_retry')],
                'constraints': [models.CheckConstraint(condition=models.Q(('entries__range', (1, 1000))), name='spooled_batch_has_1_to_1000_entries')],
            },
        ),
    ]
