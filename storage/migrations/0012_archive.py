"""Days that are archived, and what was read back of archives: no reader is told of that as of something new."""

import django.contrib.postgres.fields
import django.db.models.functions.datetime
from django.db import migrations, models


#: The same columns, whatever they are: who may read the view keeps that.
NEWS = """
DO $$
BEGIN
    EXECUTE 'CREATE OR REPLACE VIEW storage_visible_receipt AS SELECT '
        || (SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute
             WHERE attrelid = 'storage_visible_receipt'::regclass AND attnum > 0 AND NOT attisdropped)
        || ' FROM storage_receipt WHERE organisation_id = ANY (string_to_array('
        || 'nullif(current_setting(''luminalog.organisations'', true), ''''), '','')::bigint[])%s';
END
$$;
"""
#: On a day to which anything was loaded, the minutes of events do not tell all.
ROLLED_DAYS = """
CREATE OR REPLACE VIEW storage_visible_rolled_day AS
SELECT rolled.organisation_id, rolled.day FROM storage_rollup_day AS rolled
 WHERE rolled.organisation_id = nullif(current_setting('luminalog.organisations', true), '')::bigint
   AND rolled.event_minutes IS NOT NULL
   AND NOT EXISTS (SELECT FROM storage_unrolled_day AS unrolled WHERE unrolled.day = rolled.day)
   AND NOT EXISTS (SELECT FROM storage_droppedpartition AS dropped WHERE dropped.day >= rolled.day)
   AND NOT EXISTS (SELECT FROM storage_retention AS retention
                    WHERE retention.organisation_id = rolled.organisation_id
                      AND retention.emptied_before > rolled.day::timestamp AT TIME ZONE 'UTC')
   AND NOT EXISTS (SELECT FROM storage_receipt AS receipt
                    WHERE receipt.organisation_id = rolled.organisation_id AND NOT receipt.is_rolled_up
                      AND receipt.received_at >= rolled.day::timestamp AT TIME ZONE 'UTC'
                      AND receipt.received_at < (rolled.day + 1)::timestamp AT TIME ZONE 'UTC')%s;
"""
NOT_LOADED = """
   AND NOT EXISTS (SELECT FROM storage_loaded_part AS loaded
                    WHERE loaded.organisation_id = rolled.organisation_id
                      AND (loaded.received_at AT TIME ZONE 'UTC')::date = rolled.day)"""


class Migration(migrations.Migration):

    dependencies = [
        ('storage', '0011_fields'),
    ]

    operations = [
        migrations.CreateModel(
            name='ArchivedDay',
            fields=[
                ('pk', models.CompositePrimaryKey('organisation_id', 'day', blank=True, editable=False, primary_key=True, serialize=False)),
                ('organisation_id', models.BigIntegerField()),
                ('day', models.DateField()),
                ('waits_since', models.DateTimeField(help_text='When it was found that it is to be written; null: it is.', null=True)),
                ('version', models.IntegerField(db_default=0, default=0, help_text='One more whenever its entries were changed.')),
                ('attempt', models.CharField(blank=True, db_default='', default='', help_text='The name of the archive that is being written.', max_length=32)),
                ('attempt_version', models.IntegerField(db_default=0, default=0)),
                ('tries', models.IntegerField(db_default=0, default=0, help_text='That failed since the last that did not.')),
                ('tried_at', models.DateTimeField(null=True)),
                ('last_error', models.CharField(blank=True, db_default='', default='', max_length=200)),
                ('archive', models.CharField(blank=True, db_default='', default='', max_length=32)),
                ('written_at', models.DateTimeField(null=True)),
                ('entries', models.BigIntegerField(help_text='That the receipts of the day said then.', null=True)),
                ('size_bytes', models.BigIntegerField(null=True)),
                ('parts', models.IntegerField(db_default=0, default=0)),
                ('object_bytes', models.BigIntegerField(db_default=0, default=0, help_text='Compressed.')),
                ('manifest_sha256', models.CharField(blank=True, db_default='', default='', max_length=64)),
            ],
            options={
                'db_table': 'storage_archived_day',
                'ordering': ['-day', 'organisation_id'],
            },
        ),
        migrations.CreateModel(
            name='ArchivedPart',
            fields=[
                ('pk', models.CompositePrimaryKey('organisation_id', 'day', 'number', blank=True, editable=False, primary_key=True, serialize=False)),
                ('organisation_id', models.BigIntegerField()),
                ('day', models.DateField()),
                ('number', models.IntegerField()),
                ('name', models.CharField(max_length=64)),
                ('entries', models.BigIntegerField()),
                ('size_bytes', models.BigIntegerField()),
                ('text_bytes', models.BigIntegerField()),
                ('text_sha256', models.CharField(max_length=64)),
                ('object_bytes', models.BigIntegerField()),
                ('object_sha256', models.CharField(max_length=64)),
                ('through_received_at', models.DateTimeField(help_text='Of the last batch in it.')),
                ('through_batch_id', models.BigIntegerField()),
            ],
            options={
                'db_table': 'storage_archived_part',
            },
        ),
        migrations.CreateModel(
            name='Archiving',
            fields=[
                ('id', models.SmallIntegerField(default=1, primary_key=True, serialize=False)),
                ('planned_through', models.DateField(help_text='Days up to this one were looked at once they were closed.', null=True)),
                ('looked_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), help_text='When a worker last looked for what is to be written.')),
                ('written_at', models.DateTimeField(help_text='When a day was last written whole.', null=True)),
            ],
            options={
                'db_table': 'storage_archiving',
            },
        ),
        migrations.CreateModel(
            name='LoadedPart',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('organisation_id', models.BigIntegerField()),
                ('day', models.DateField(help_text='On which its entries were received first.')),
                ('archive', models.CharField(max_length=32)),
                ('number', models.IntegerField()),
                ('received_at', models.DateTimeField(help_text='Of all its entries, now.')),
                ('batch_ids', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), size=None)),
                ('entries', models.BigIntegerField()),
                ('size_bytes', models.BigIntegerField()),
                ('kept_until', models.DateTimeField()),
                ('is_whole', models.BooleanField(db_default=False, default=False, help_text='All of it is stored; false while it comes, and while it goes.')),
            ],
            options={
                'db_table': 'storage_loaded_part',
            },
        ),
        migrations.AddField(
            model_name='receipt',
            name='loaded_part_id',
            field=models.BigIntegerField(help_text='The LoadedPart that it was read back with: it was charged before, and counts nowhere.', null=True),
        ),
        migrations.AddIndex(
            model_name='archivedday',
            index=models.Index(condition=models.Q(('waits_since', None), _negated=True), fields=['waits_since'], name='archived_day_waits'),
        ),
        migrations.AddConstraint(
            model_name='archiving',
            constraint=models.CheckConstraint(condition=models.Q(('id', 1)), name='archiving_has_one_row'),
        ),
        migrations.AddIndex(
            model_name='loadedpart',
            index=models.Index(fields=['kept_until'], name='loaded_part_until'),
        ),
        migrations.AddConstraint(
            model_name='loadedpart',
            constraint=models.UniqueConstraint(fields=('organisation_id', 'day', 'number'), name='loaded_part_once'),
        ),
        migrations.RunSQL(NEWS % " AND loaded_part_id IS NULL", NEWS % ""),
        migrations.RunSQL(ROLLED_DAYS % NOT_LOADED, ROLLED_DAYS % ""),
    ]
