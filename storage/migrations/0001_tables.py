"""Log entries in daily partitions, receipts, and what retention did."""

import django.db.models.functions.datetime
from django.db import migrations, models


# Partitioned by UTC day of received_at; partitions are made by storage/postgres/partitions.py.
LOG_ENTRY = """
CREATE TABLE storage_logentry (
    id bigint NOT NULL,
    organisation_id bigint NOT NULL,
    received_at timestamptz NOT NULL,
    timestamp timestamptz NOT NULL,
    level smallint NOT NULL,
    environment text NOT NULL,
    project text NOT NULL,
    trace_id text,
    span_id text,
    parent_span_id text,
    privacy_mode boolean,
    message text NOT NULL,
    metadata jsonb,
    error jsonb,
    size_bytes integer NOT NULL,
    PRIMARY KEY (id, received_at)  -- one entry by its id; the tail's reading of a batch
) PARTITION BY RANGE (received_at);

-- The newest entries of an organisation, every search bound in time, and counts by level.
-- Ascending, because entries arrive in the order of time: a page that fills up at its right edge is split there and
-- stays full, while a descending index was half empty. Reading it backwards gives the newest first all the same.
-- With level and received_at in it, counts by level never touch the entries.
CREATE INDEX storage_logentry_newest ON storage_logentry (organisation_id, timestamp, id)
    INCLUDE (level, received_at);
-- `key:value` in metadata.
CREATE INDEX storage_logentry_metadata ON storage_logentry USING gin (metadata jsonb_path_ops);
-- A trace.
CREATE INDEX storage_logentry_trace ON storage_logentry (organisation_id, trace_id) WHERE trace_id IS NOT NULL;
"""

# The id of the storing transaction: readers trust rows below pg_snapshot_xmin() only, so that none is missed.
RECEIPT = """
ALTER TABLE storage_receipt ADD COLUMN stored_xid xid8 NOT NULL DEFAULT pg_current_xact_id();
CREATE INDEX storage_receipt_stored_xid ON storage_receipt (stored_xid, batch_id);
"""


class Migration(migrations.Migration):
    #: What a data folder of before has run; see the loader's rules for squashed migrations.
    replaces = [
        ("storage", "0001_initial"),
        ("storage", "0002_retention"),
        ("storage", "0004_newest_entries"),
    ]
    initial = True

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='DroppedPartition',
            fields=[
                ('day', models.DateField(primary_key=True, serialize=False)),
                ('entries', models.BigIntegerField(help_text="PostgreSQL's estimate.")),
                ('size_bytes', models.BigIntegerField(help_text='With its indexes.')),
                ('dropped_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                'ordering': ['-day'],
            },
        ),
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(LOG_ENTRY, 'DROP TABLE storage_logentry')],
            state_operations=[
                migrations.CreateModel(
                    name='LogEntry',
                    fields=[
                        ('pk', models.CompositePrimaryKey('id', 'received_at', blank=True, editable=False, primary_key=True, serialize=False)),
                        ('id', models.BigIntegerField()),
                        ('organisation_id', models.BigIntegerField()),
                        ('received_at', models.DateTimeField()),
                        ('timestamp', models.DateTimeField()),
                        ('level', models.SmallIntegerField()),
                        ('environment', models.TextField()),
                        ('project', models.TextField()),
                        ('trace_id', models.TextField(null=True)),
                        ('span_id', models.TextField(null=True)),
                        ('parent_span_id', models.TextField(null=True)),
                        ('privacy_mode', models.BooleanField(null=True)),
                        ('message', models.TextField()),
                        ('metadata', models.JSONField(null=True)),
                        ('error', models.JSONField(null=True)),
                        ('size_bytes', models.IntegerField()),
                    ],
                    options={
                        'verbose_name_plural': 'log entries',
                    },
                ),
            ],
        ),
        migrations.CreateModel(
            name='Receipt',
            fields=[
                ('batch_id', models.BigIntegerField(primary_key=True, serialize=False)),
                ('organisation_id', models.BigIntegerField()),
                ('api_key_id', models.BigIntegerField()),
                ('period', models.DateField()),
                ('received_at', models.DateTimeField()),
                ('stored_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('entries', models.IntegerField()),
                ('size_bytes', models.BigIntegerField()),
            ],
        ),
        migrations.CreateModel(
            name='Retention',
            fields=[
                ('organisation_id', models.BigIntegerField(primary_key=True, serialize=False)),
                ('emptied_before', models.DateTimeField(help_text='Entries received before were deleted, or are being deleted.')),
                ('ran_at', models.DateTimeField(help_text='When the last run found something to delete.')),
                ('deleted_entries', models.BigIntegerField(default=0, help_text='By that run.')),
                ('deleted_entries_in_all', models.BigIntegerField(default=0)),
            ],
            options={
                'verbose_name_plural': 'retention',
            },
        ),
        migrations.RunSQL(RECEIPT, migrations.RunSQL.noop),
    ]
