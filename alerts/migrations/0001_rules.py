"""Rules for alerts, what they find, and what is counted for them; and who may change them."""

import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.core.validators
import django.db.models.deletion
import django.db.models.functions.datetime
import uuid
from django.conf import settings
from django.db import migrations, models


# Counts are added to, and rules noted, again and again: with room in its page a row's next version needs no index entry.
ROOM = """
ALTER TABLE alerts_minute SET (fillfactor = 70);
ALTER TABLE alerts_rule SET (fillfactor = 70);
"""
#: What operators may do with what is in the console.
OF_OPERATORS = {
    "rule": ("add", "change", "delete", "view"),
    "silence": ("add", "change", "delete", "view"),
    "incident": ("change", "delete", "view"),
}


def let_operators_change_rules(apps, schema_editor):
    """Django makes permissions only after all migrations; those that it finds it leaves alone."""
    names = {"rule": "alert rule", "silence": "silence", "incident": "incident"}
    models = apps.get_model("contenttypes", "ContentType").objects
    permissions = apps.get_model("auth", "Permission").objects
    made = []
    for model, verbs in OF_OPERATORS.items():
        content_type, _ = models.get_or_create(app_label="alerts", model=model)
        for verb in verbs:
            permission, _ = permissions.get_or_create(
                content_type=content_type, codename=f"{verb}_{model}", defaults={"name": f"Can {verb} {names[model]}"}
            )
            made.append(permission)
    for role in apps.get_model("auth", "Group").objects.filter(name="Operators"):
        role.permissions.add(*made)


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('accounts', '0009_looks_at_groups'),
        ('issues', '0005_turns_alerted'),
        ('auth', '0012_alter_user_first_name_max_length'),
        ('contenttypes', '0002_remove_content_type_name'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Cursor',
            fields=[
                ('organisation_id', models.BigIntegerField(primary_key=True, serialize=False)),
                ('seen', models.TextField()),
                ('until', models.TextField(db_default='')),
                ('stored_xid', models.BigIntegerField(db_default=0)),
                ('after', models.BigIntegerField(db_default=0)),
                ('moved_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                'db_table': 'alerts_cursor',
            },
        ),
        migrations.CreateModel(
            name='Seen',
            fields=[
                ('pk', models.CompositePrimaryKey('rule_id', 'value', blank=True, editable=False, primary_key=True, serialize=False)),
                ('rule_id', models.BigIntegerField()),
                ('value', models.TextField()),
                ('last_minute', models.DateTimeField()),
                ('is_steady', models.BooleanField(db_default=False)),
            ],
            options={
                'db_table': 'alerts_seen',
            },
        ),
        migrations.CreateModel(
            name='Minute',
            fields=[
                ('pk', models.CompositePrimaryKey('rule_id', 'minute', 'value', blank=True, editable=False, primary_key=True, serialize=False)),
                ('rule_id', models.BigIntegerField()),
                ('minute', models.DateTimeField()),
                ('value', models.TextField()),
                ('entries', models.BigIntegerField()),
            ],
            options={
                'db_table': 'alerts_minute',
                'indexes': [django.contrib.postgres.indexes.BrinIndex(fields=['minute'], name='alerts_minute_minute')],
            },
        ),
        migrations.CreateModel(
            name='Round',
            fields=[
                ('id', models.SmallIntegerField(default=1, primary_key=True, serialize=False)),
                ('looked_at', models.DateTimeField()),
                ('deaf_until', models.DateTimeField(null=True)),
                ('built_in_at', models.DateTimeField(help_text="When rules of the product's own were seen to.", null=True)),
                ('seconds', models.FloatField(db_default=0)),
            ],
            options={
                'db_table': 'alerts_round',
                'constraints': [models.CheckConstraint(condition=models.Q(('id', 1)), name='round_is_one')],
            },
        ),
        migrations.CreateModel(
            name='Rule',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('rule_name', models.CharField(max_length=80)),
                ('kind', models.CharField(choices=[('threshold', 'so many errors, or entries of a level'), ('search', 'so many entries that a search finds'), ('new_group', 'an error that was never seen'), ('regression', 'a resolved error that comes back'), ('woken', 'an ignored error that is ignored no longer'), ('absence', 'nothing comes any more'), ('ratio', 'so large a part of all entries'), ('spike', 'three times as many as usual'), ('monitor', 'a heartbeat that stops'), ('digest', 'a digest of new, returned and busiest errors')], default='threshold', max_length=10)),
                ('error_type', models.CharField(blank=True, db_default='', default='', help_text='Of an error: exactly so, or its beginning, as in Payment*. Empty: any.', max_length=200)),
                ('severity', models.SmallIntegerField(choices=[(10, 'debug'), (20, 'info'), (30, 'warn'), (40, 'error'), (50, 'fatal'), (60, 'panic')], default=40, help_text='The lowest level that counts.')),
                ('count_threshold', models.IntegerField(default=1, help_text='1: every occurrence.', validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(1000000000)])),
                ('time_window_minutes', models.IntegerField(default=5, help_text='1 to 1,440 minutes.', validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(1440)])),
                ('channels', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=20), blank=True, db_default=models.Value([]), default=list, help_text='Kinds of channels (slack, email, webhook …) or their numbers, separated by commas. Empty: all.', size=20)),
                ('project', models.CharField(blank=True, db_default='', default='', help_text='Empty: any.', max_length=200)),
                ('environment', models.CharField(blank=True, db_default='', default='', help_text='Empty: any.', max_length=200)),
                ('query', models.CharField(blank=True, db_default='', default='', help_text='Of a search: as in the explorer.', max_length=2000)),
                ('group_by', models.CharField(blank=True, choices=[('', 'nothing: all together'), ('environment', 'environment'), ('project', 'project'), ('group', 'error group')], db_default='', default='', help_text='An incident for each, and not one for all.', max_length=11)),
                ('ratio_percent', models.SmallIntegerField(blank=True, help_text='Of a ratio.', null=True, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(100)])),
                ('keep_firing_minutes', models.IntegerField(blank=True, help_text='Quiet for so long, and the incident is over. Empty: as long as the window.', null=True, validators=[django.core.validators.MinValueValidator(0), django.core.validators.MaxValueValidator(1440)])),
                ('cooldown_minutes', models.IntegerField(db_default=0, default=0, help_text='After a message, incidents of so long come without one.', validators=[django.core.validators.MinValueValidator(0), django.core.validators.MaxValueValidator(1440)])),
                ('digest_every', models.CharField(blank=True, choices=[('hour', 'hour'), ('day', 'day'), ('week', 'week')], db_default='', default='', help_text='Of a digest.', max_length=4)),
                ('digest_at', models.TimeField(blank=True, help_text='Of a digest of a day or a week. Empty: 08:00.', null=True)),
                ('digest_weekday', models.SmallIntegerField(blank=True, help_text='Of a digest of a week: 1 is Monday, as is empty.', null=True, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(7)])),
                ('digest_if_nothing', models.BooleanField(db_default=False, default=False, help_text='Send a digest also when nothing happened.')),
                ('time_zone', models.CharField(db_default='UTC', default='UTC', help_text='Of a digest: as in Europe/Berlin.', max_length=64)),
                ('is_active', models.BooleanField(db_default=True, default=True)),
                ('is_built_in', models.BooleanField(db_default=False, default=False, editable=False)),
                ('by_key', models.CharField(db_default='', default='', editable=False, help_text='The prefix of the API key that made it.', max_length=40)),
                ('salt', models.UUIDField(default=uuid.uuid4, editable=False)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('settled_until', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('evaluated_at', models.DateTimeField(editable=False, null=True)),
                ('state', models.CharField(choices=[('ok', 'OK'), ('firing', 'Firing'), ('unknown', 'Unknown'), ('waiting', 'Waiting for the first')], db_default='ok', default='ok', editable=False, max_length=8)),
                ('state_reason', models.CharField(db_default='', default='', editable=False, max_length=200)),
                ('slow_looks', models.SmallIntegerField(db_default=0, default=0, editable=False)),
                ('paused_at', models.DateTimeField(editable=False, null=True)),
                ('paused_reason', models.CharField(db_default='', default='', editable=False, max_length=200)),
                ('organisation', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='alert_rules', to='accounts.organisation')),
                ('owner', models.ForeignKey(blank=True, editable=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'alert rule',
                'ordering': ['rule_name', 'id'],
            },
        ),
        migrations.CreateModel(
            name='Incident',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('organisation_id', models.BigIntegerField()),
                ('value', models.TextField(db_default='', help_text='Of what the rule counts apart.')),
                ('opened_at', models.DateTimeField()),
                ('last_over_at', models.DateTimeField()),
                ('closed_at', models.DateTimeField(null=True)),
                ('peak', models.BigIntegerField(db_default=0)),
                ('is_late', models.BooleanField(db_default=False, help_text='It was over when it was seen: stored late.')),
                ('told', models.CharField(blank=True, choices=[('', 'Not yet'), ('told', 'Told'), ('silenced', 'Silenced'), ('cooled', 'Within the cool-down'), ('flapping', 'Told as flapping'), ('flaps_on', 'Flapping goes on')], db_default='', max_length=8)),
                ('flaps_ended_at', models.DateTimeField(null=True)),
                ('acknowledged_at', models.DateTimeField(null=True)),
                ('acknowledged_by', models.CharField(db_default='', max_length=150)),
                ('ended_by', models.CharField(db_default='', help_text='What closed it, if not what was counted.', max_length=20)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('rule', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='incidents', to='alerts.rule')),
            ],
            options={
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='Silence',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('project', models.CharField(blank=True, db_default='', default='', help_text='Empty: any.', max_length=200)),
                ('environment', models.CharField(blank=True, db_default='', default='', help_text='Empty: any.', max_length=200)),
                ('group', models.IntegerField(blank=True, help_text='The number of an error group. Empty: any.', null=True)),
                ('until', models.DateTimeField()),
                ('reason', models.CharField(max_length=200)),
                ('by_key', models.CharField(db_default='', default='', editable=False, max_length=40)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('author', models.ForeignKey(blank=True, editable=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('organisation', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='silences', to='accounts.organisation')),
                ('rule', models.ForeignKey(blank=True, help_text='Empty: any.', null=True, on_delete=django.db.models.deletion.CASCADE, to='alerts.rule')),
            ],
            options={
                'ordering': ['-until'],
            },
        ),
        migrations.AddIndex(
            model_name='rule',
            index=models.Index(condition=models.Q(('is_active', True), ('paused_at', None)), fields=['organisation', 'id'], name='alert_rule_running'),
        ),
        migrations.AddConstraint(
            model_name='rule',
            constraint=models.UniqueConstraint(fields=('organisation', 'rule_name'), name='alert_rule_is_named_once'),
        ),
        migrations.AddConstraint(
            model_name='rule',
            constraint=models.UniqueConstraint(condition=models.Q(('is_built_in', True)), fields=('organisation',), name='built_in_rule_is_one'),
        ),
        migrations.AddConstraint(
            model_name='rule',
            constraint=models.CheckConstraint(condition=models.Q(('rule_name', ''), _negated=True), name='alert_rule_has_a_name'),
        ),
        migrations.AddConstraint(
            model_name='rule',
            constraint=models.CheckConstraint(condition=models.Q(('kind__in', ['threshold', 'search', 'new_group', 'regression', 'woken', 'absence', 'ratio', 'spike', 'monitor', 'digest'])), name='alert_rule_kind_is_known'),
        ),
        migrations.AddConstraint(
            model_name='rule',
            constraint=models.CheckConstraint(condition=models.Q(('count_threshold__range', (1, 1000000000))), name='alert_rule_counts_from_1'),
        ),
        migrations.AddConstraint(
            model_name='rule',
            constraint=models.CheckConstraint(condition=models.Q(('time_window_minutes__range', (1, 1440))), name='alert_rule_window_is_a_day_at_most'),
        ),
        migrations.AddConstraint(
            model_name='rule',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('digest_every__in', ['hour', 'day', 'week']), ('kind', 'digest')), models.Q(('kind', 'digest'), _negated=True), _connector='OR'), name='alert_rule_digest_has_its_period'),
        ),
        migrations.AddConstraint(
            model_name='rule',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('kind', 'ratio'), ('ratio_percent__range', (1, 100))), models.Q(('kind', 'ratio'), _negated=True), _connector='OR'), name='alert_rule_ratio_has_its_percentage'),
        ),
        migrations.AddIndex(
            model_name='incident',
            index=models.Index(fields=['organisation_id', '-id'], name='incident_of_organisation'),
        ),
        migrations.AddIndex(
            model_name='incident',
            index=models.Index(condition=models.Q(('flaps_ended_at', None), ('told__in', ['flapping', 'flaps_on'])), fields=['closed_at'], name='incident_flapping'),
        ),
        migrations.AddIndex(
            model_name='incident',
            index=django.contrib.postgres.indexes.BrinIndex(fields=['created_at'], name='incident_created_at'),
        ),
        migrations.AddConstraint(
            model_name='incident',
            constraint=models.UniqueConstraint(condition=models.Q(('closed_at', None)), fields=('rule', 'value'), name='incident_is_open_once'),
        ),
        migrations.AddConstraint(
            model_name='incident',
            constraint=models.UniqueConstraint(fields=('rule', 'value', 'opened_at'), name='incident_begins_once'),
        ),
        migrations.AddConstraint(
            model_name='incident',
            constraint=models.CheckConstraint(condition=models.Q(('closed_at', None), ('closed_at__gte', models.F('opened_at')), _connector='OR'), name='incident_ends_after_it_began'),
        ),
        migrations.AddIndex(
            model_name='silence',
            index=models.Index(fields=['organisation', 'until'], name='silence_until'),
        ),
        migrations.AddConstraint(
            model_name='silence',
            constraint=models.CheckConstraint(condition=models.Q(('reason', ''), _negated=True), name='silence_has_a_reason'),
        ),
        migrations.RunSQL(ROOM, migrations.RunSQL.noop),
        migrations.RunPython(let_operators_change_rules, migrations.RunPython.noop),
    ]
