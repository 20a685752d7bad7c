"""What fields the entries of projects have, a sample to learn it from, and what is so no longer."""

import django.db.models.functions.datetime
from django.db import migrations, models

# Memories are written again and again: with room in its page a row's next version needs no entry in an index.
ROOM = "ALTER TABLE storage_field SET (fillfactor = 70)"
# What callers read, as the views of entries: see storage/wall.py.
VIEW = """
CREATE VIEW storage_visible_field AS
SELECT * FROM storage_field
 WHERE organisation_id = nullif(current_setting('luminalog.organisations', true), '')::bigint;
"""
RIGHTS = """
DO $$
BEGIN
    GRANT SELECT ON storage_visible_field TO luminalog_reader;
EXCEPTION
    WHEN undefined_object OR insufficient_privilege THEN
        RAISE WARNING 'luminalog_reader cannot be used: see "Row security" in docs/security.md';
END
$$;
"""


class Migration(migrations.Migration):

    dependencies = [
        ('storage', '0010_leaving'),
    ]

    operations = [
        migrations.CreateModel(
            name='Field',
            fields=[
                ('pk', models.CompositePrimaryKey('organisation_id', 'project', 'path', blank=True, editable=False, primary_key=True, serialize=False)),
                ('organisation_id', models.BigIntegerField()),
                ('project', models.TextField()),
                ('path', models.TextField()),
                ('first_at', models.DateTimeField()),
                ('first_entry', models.BigIntegerField()),
                ('last_at', models.DateTimeField()),
                ('last_entry', models.BigIntegerField()),
                ('memory', models.BinaryField(help_text='storage.fields.contract.Memory')),
            ],
            options={
                'db_table': 'storage_field',
            },
        ),
        migrations.CreateModel(
            name='Drift',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('organisation_id', models.BigIntegerField()),
                ('project', models.TextField()),
                ('environment', models.TextField(help_text='Of that entry.')),
                ('path', models.TextField()),
                ('what', models.CharField(choices=[('type', 'another type'), ('missing', 'missing')], max_length=7)),
                ('was', models.CharField(db_default='', help_text='The letter of a type: storage.fields.sampling.', max_length=1)),
                ('became', models.CharField(db_default='', max_length=1)),
                ('entry_id', models.BigIntegerField()),
                ('at', models.DateTimeField(help_text='When that entry was received.')),
                ('found_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('alerted_at', models.DateTimeField(null=True)),
            ],
            options={
                'db_table': 'storage_drift',
                'indexes': [models.Index(condition=models.Q(('alerted_at', None)), fields=['id'], name='drift_not_alerted'), models.Index(fields=['organisation_id', 'at'], name='drift_of_organisation')],
                'constraints': [models.CheckConstraint(condition=models.Q(('what__in', ['type', 'missing'])), name='drift_is_of_a_kind')],
            },
        ),
        migrations.CreateModel(
            name='FieldSample',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('organisation_id', models.BigIntegerField()),
                ('samples', models.BinaryField()),
                ('noted_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                'db_table': 'storage_field_sample',
                'indexes': [models.Index(fields=['organisation_id', 'id'], name='field_sample_of')],
            },
        ),
        migrations.RunSQL(ROOM, migrations.RunSQL.noop),
        migrations.RunSQL(VIEW, "DROP VIEW storage_visible_field"),
        migrations.RunSQL(RIGHTS, migrations.RunSQL.noop),
    ]
