"""Error groups: what they are made of, how many there were, and what became of them."""

import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models

# Counts are added to again and again: with room in its page a row's next version needs no entry in an index.
ROOM = """
ALTER TABLE issues_fingerprint SET (fillfactor = 70);
ALTER TABLE issues_minute SET (fillfactor = 70);
ALTER TABLE issues_hour SET (fillfactor = 70);
"""

# What callers read: see storage/wall.py.
VIEWS = """
CREATE VIEW issues_visible_fingerprint AS
SELECT * FROM issues_fingerprint WHERE organisation_id = nullif(current_setting('luminalog.organisations', true), '')::bigint;
CREATE VIEW issues_visible_filtered AS
SELECT * FROM issues_filtered WHERE organisation_id = nullif(current_setting('luminalog.organisations', true), '')::bigint;
CREATE VIEW issues_visible_group AS
SELECT * FROM issues_group WHERE organisation_id = nullif(current_setting('luminalog.organisations', true), '')::bigint;
CREATE VIEW issues_visible_hour AS
SELECT * FROM issues_hour WHERE organisation_id = nullif(current_setting('luminalog.organisations', true), '')::bigint;
CREATE VIEW issues_visible_minute AS
SELECT * FROM issues_minute WHERE organisation_id = nullif(current_setting('luminalog.organisations', true), '')::bigint;
CREATE VIEW issues_visible_person AS
SELECT * FROM issues_person WHERE organisation_id = nullif(current_setting('luminalog.organisations', true), '')::bigint;
CREATE VIEW issues_visible_release AS
SELECT * FROM issues_release WHERE organisation_id = nullif(current_setting('luminalog.organisations', true), '')::bigint;
CREATE VIEW issues_visible_turn AS
SELECT * FROM issues_turn WHERE organisation_id = nullif(current_setting('luminalog.organisations', true), '')::bigint;
"""
NO_VIEWS = "DROP VIEW issues_visible_fingerprint, issues_visible_filtered, issues_visible_group, issues_visible_hour, issues_visible_minute, issues_visible_person, issues_visible_release, issues_visible_turn"
RIGHTS = """
DO $$
BEGIN
    GRANT SELECT ON issues_visible_fingerprint, issues_visible_filtered, issues_visible_group,
                    issues_visible_hour, issues_visible_minute, issues_visible_person,
                    issues_visible_release, issues_visible_turn
       TO luminalog_reader;
EXCEPTION
    WHEN undefined_object OR insufficient_privilege THEN
        RAISE WARNING 'luminalog_reader cannot be used: see "Row security" in docs/security.md';
END
$$;
"""


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('storage', '0009_receipts_not_grouped'),  # has made the role that reads
        ('accounts', '0005_time_zone'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Allowance',
            fields=[
                ('organisation_id', models.BigIntegerField(primary_key=True, serialize=False)),
                ('hour', models.DateTimeField()),
                ('made', models.IntegerField(db_default=0, help_text='In that hour.')),
                ('alive', models.IntegerField(db_default=0)),
                ('last_number', models.IntegerField(db_default=0)),
            ],
            options={
                'db_table': 'issues_allowance',
            },
        ),
        migrations.CreateModel(
            name='Filtered',
            fields=[
                ('pk', models.CompositePrimaryKey('organisation_id', 'day', 'filter', blank=True, editable=False, primary_key=True, serialize=False)),
                ('organisation_id', models.BigIntegerField()),
                ('day', models.DateField()),
                ('filter', models.TextField()),
                ('entries', models.BigIntegerField()),
            ],
            options={
                'db_table': 'issues_filtered',
            },
        ),
        migrations.CreateModel(
            name='Release',
            fields=[
                ('pk', models.CompositePrimaryKey('organisation_id', 'project', 'release', blank=True, editable=False, primary_key=True, serialize=False)),
                ('organisation_id', models.BigIntegerField()),
                ('project', models.TextField()),
                ('release', models.TextField()),
                ('first_seen', models.DateTimeField()),
            ],
            options={
                'db_table': 'issues_release',
            },
        ),
        migrations.CreateModel(
            name='Setting',
            fields=[
                ('organisation', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='grouping', serialize=False, to='accounts.organisation')),
                ('release_key', models.CharField(blank=True, db_default='', default='', help_text="The metadata key that holds an entry's release, where neither release nor version does.", max_length=100)),
                ('ours', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=100), blank=True, db_default=models.Value([]), default=list, help_text='One a line: beginnings of paths, modules or classes that are your own, whatever they look like.', size=20)),
                ('not_ours', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=100), blank=True, db_default=models.Value([]), default=list, help_text='One a line: beginnings of paths, modules or classes of libraries.', size=20)),
                ('edition', models.IntegerField(db_default=0, default=0, editable=False)),
                ('former_ours', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=100), blank=True, db_default=models.Value([]), default=list, size=20)),
                ('former_not_ours', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=100), blank=True, db_default=models.Value([]), default=list, size=20)),
                ('former_edition', models.IntegerField(db_default=0, default=0, editable=False)),
                ('changed_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('filters_extensions', models.BooleanField(db_default=False, default=False, help_text='Errors in extensions of browsers: kept, but in no group.')),
                ('filters_crawlers', models.BooleanField(db_default=False, default=False, help_text='Errors of crawlers, told by their user agent: kept, but in no group.')),
                ('filtered_messages', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=200), blank=True, db_default=models.Value([]), default=list, help_text='One RE2 expression a line: errors whose message it fits are kept, but in no group.', size=20)),
            ],
            options={
                'verbose_name': 'grouping of errors',
                'verbose_name_plural': 'grouping of errors',
            },
        ),
        migrations.CreateModel(
            name='Group',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('organisation_id', models.BigIntegerField()),
                ('number', models.IntegerField(help_text='Of the organisation: group:17 finds its entries.')),
                ('project', models.TextField()),
                ('type', models.TextField(db_default='')),
                ('title', models.TextField()),
                ('culprit', models.TextField(db_default='')),
                ('is_overflow', models.BooleanField(db_default=False)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('state', models.CharField(choices=[('unresolved', 'Unresolved'), ('resolved', 'Resolved'), ('ignored', 'Ignored'), ('muted', 'Muted')], db_default='unresolved', max_length=10)),
                ('state_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('is_regressed', models.BooleanField(db_default=False, help_text='It was resolved, and came back.')),
                ('resolution', models.CharField(blank=True, choices=[('now', 'Now'), ('next_release', 'In the next release'), ('release', 'In a release')], db_default='', max_length=12)),
                ('resolved_in', models.TextField(blank=True, db_default='', help_text='The release that resolves it.')),
                ('highest_releases', django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), db_default=models.Value([]), help_text='Known when it was resolved: the highest of each form.', size=None)),
                ('older_events', models.BigIntegerField(db_default=0, help_text='Since it was resolved, in releases known then.')),
                ('ignored_until', models.DateTimeField(blank=True, null=True)),
                ('ignored_events', models.BigIntegerField(blank=True, help_text='Until it has so many events in all.', null=True)),
                ('ignored_rate', models.IntegerField(blank=True, help_text='Until it has so many events …', null=True)),
                ('ignored_minutes', models.IntegerField(blank=True, help_text='… in so many minutes.', null=True)),
                ('ignored_people', models.IntegerField(blank=True, help_text='Until it has met so many people in all.', null=True)),
                ('assignee', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('merged_into', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='merged', to='issues.group')),
            ],
            options={
                'permissions': [('resolve_group', 'Can resolve, ignore, assign, merge and split error groups')],
            },
        ),
        migrations.CreateModel(
            name='Fingerprint',
            fields=[
                ('pk', models.CompositePrimaryKey('organisation_id', 'key', blank=True, editable=False, primary_key=True, serialize=False)),
                ('organisation_id', models.BigIntegerField()),
                ('key', models.BigIntegerField(help_text='The first 64 bits of the digest.')),
                ('digest', models.BinaryField()),
                ('version', models.TextField()),
                ('project', models.TextField()),
                ('parent_key', models.BigIntegerField(help_text='Of the siblings, which differ in words only.', null=True)),
                ('basis', django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), size=None)),
                ('events', models.BigIntegerField(db_default=0)),
                ('level', models.SmallIntegerField(db_default=0, help_text='The highest there was.')),
                ('people', models.IntegerField(db_default=0, help_text='Different ones; 1,000 at most are told apart.')),
                ('first_received_at', models.DateTimeField(null=True)),
                ('last_received_at', models.DateTimeField(null=True)),
                ('first_at', models.DateTimeField(null=True)),
                ('last_at', models.DateTimeField(null=True)),
                ('first_sample', models.BigIntegerField(null=True)),
                ('samples', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), db_default=models.Value([]), help_text="The newest entries' ids.", size=None)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('group', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='fingerprints', to='issues.group')),
                ('home', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='issues.group')),
            ],
        ),
        migrations.CreateModel(
            name='Hour',
            fields=[
                ('pk', models.CompositePrimaryKey('organisation_id', 'key', 'hour', 'environment', 'release', 'level', blank=True, editable=False, primary_key=True, serialize=False)),
                ('organisation_id', models.BigIntegerField()),
                ('key', models.BigIntegerField()),
                ('hour', models.DateTimeField()),
                ('environment', models.TextField()),
                ('release', models.TextField()),
                ('level', models.SmallIntegerField()),
                ('events', models.BigIntegerField()),
            ],
            options={
                'db_table': 'issues_hour',
                'indexes': [django.contrib.postgres.indexes.BrinIndex(fields=['hour'], name='issues_hour_hour')],
            },
        ),
        migrations.CreateModel(
            name='Minute',
            fields=[
                ('pk', models.CompositePrimaryKey('organisation_id', 'key', 'minute', 'environment', 'release', 'level', blank=True, editable=False, primary_key=True, serialize=False)),
                ('organisation_id', models.BigIntegerField()),
                ('key', models.BigIntegerField()),
                ('minute', models.DateTimeField()),
                ('environment', models.TextField()),
                ('release', models.TextField()),
                ('level', models.SmallIntegerField()),
                ('events', models.BigIntegerField()),
            ],
            options={
                'db_table': 'issues_minute',
                'indexes': [django.contrib.postgres.indexes.BrinIndex(fields=['minute'], name='issues_minute_minute')],
            },
        ),
        migrations.CreateModel(
            name='Person',
            fields=[
                ('pk', models.CompositePrimaryKey('organisation_id', 'key', 'person', blank=True, editable=False, primary_key=True, serialize=False)),
                ('organisation_id', models.BigIntegerField()),
                ('key', models.BigIntegerField()),
                ('person', models.BigIntegerField()),
                ('last_day', models.DateField()),
            ],
            options={
                'db_table': 'issues_person',
                'indexes': [models.Index(fields=['organisation_id', 'person'], name='person_person')],
            },
        ),
        migrations.CreateModel(
            name='Turn',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('organisation_id', models.BigIntegerField()),
                ('what', models.CharField(choices=[('new', 'New'), ('regressed', 'Came back'), ('resolved', 'Resolved'), ('unresolved', 'Unresolved'), ('ignored', 'Ignored'), ('muted', 'Muted'), ('woken', 'Ignored no longer'), ('merged', 'Merged'), ('split', 'Split'), ('assigned', 'Assigned'), ('comment', 'Commented on')], max_length=10)),
                ('by_key', models.CharField(db_default='', help_text='The prefix of the API key that asked for it.', max_length=40)),
                ('details', models.JSONField(db_default=models.Value({}, models.JSONField()))),
                ('at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('group', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='turns', to='issues.group')),
                ('who', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
        ),
        migrations.AddIndex(
            model_name='group',
            index=models.Index(condition=models.Q(('state', 'ignored')), fields=['organisation_id'], name='group_ignored'),
        ),
        migrations.AddIndex(
            model_name='group',
            index=models.Index(condition=models.Q(('merged_into__isnull', False)), fields=['merged_into'], name='group_merged_into'),
        ),
        migrations.AddConstraint(
            model_name='group',
            constraint=models.UniqueConstraint(fields=('organisation_id', 'number'), name='group_is_numbered_once'),
        ),
        migrations.AddConstraint(
            model_name='group',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ['unresolved', 'resolved', 'ignored', 'muted'])), name='group_state_is_known'),
        ),
        migrations.AddConstraint(
            model_name='group',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('state', 'resolved'), ('resolution__in', ['now', 'next_release', 'release'])), models.Q(models.Q(('state', 'resolved'), _negated=True), ('resolution', '')), _connector='OR'), name='resolved_group_says_how'),
        ),
        migrations.AddConstraint(
            model_name='group',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('ignored_minutes', None), ('ignored_rate', None)), models.Q(('ignored_minutes__isnull', False), ('ignored_rate__isnull', False)), _connector='OR'), name='group_rate_is_in_minutes'),
        ),
        migrations.AddIndex(
            model_name='fingerprint',
            index=models.Index(fields=['group'], name='fingerprint_group'),
        ),
        migrations.AddIndex(
            model_name='fingerprint',
            index=models.Index(fields=['home'], name='fingerprint_home'),
        ),
        migrations.AddIndex(
            model_name='fingerprint',
            index=models.Index(condition=models.Q(('parent_key__isnull', False)), fields=['organisation_id', 'parent_key'], name='fingerprint_parent'),
        ),
        migrations.AddConstraint(
            model_name='fingerprint',
            constraint=models.CheckConstraint(condition=models.Q(('samples__len__lte', 25)), name='fingerprint_has_25_samples'),
        ),
        migrations.AddConstraint(
            model_name='fingerprint',
            constraint=models.CheckConstraint(condition=models.Q(('people__lte', 1000)), name='fingerprint_has_1000_people'),
        ),
        migrations.AddIndex(
            model_name='turn',
            index=models.Index(fields=['group', '-id'], name='turn_group'),
        ),
        migrations.RunSQL(ROOM, migrations.RunSQL.noop),
        migrations.RunSQL(VIEWS, NO_VIEWS),
        migrations.RunSQL(RIGHTS, migrations.RunSQL.noop),
    ]
