"""What is to be taken out of what is kept, and how far that is."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("accounts", "0005_time_zone"),
        ('operations', '0001_moved_models'),
    ]

    operations = [
        migrations.CreateModel(
            name='Erasure',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('query', 'Entries that a query finds'), ('value', 'Everything that a value stands in'), ('rules', "Scrub what is stored by today's privacy rules")], max_length=5)),
                ('wanted', models.TextField(blank=True, db_default='', default='', verbose_name='query or value')),
                ('digest', models.CharField(blank=True, db_default='', default='', help_text='The same for the same query or value; nobody can tell from it what that was.', max_length=16, verbose_name='fingerprint')),
                ('reference', models.CharField(blank=True, db_default='', default='', help_text='Your number of the request. Kept for ever.', max_length=120)),
                ('status', models.CharField(choices=[('asked', 'Waits for a second person'), ('running', 'Running'), ('done', 'Done'), ('withdrawn', 'Withdrawn')], max_length=9)),
                ('asked_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('asked_by_id', models.BigIntegerField()),
                ('asked_by', models.CharField(max_length=150)),
                ('confirmed_at', models.DateTimeField(blank=True, null=True)),
                ('confirmed_by_id', models.BigIntegerField(blank=True, null=True)),
                ('confirmed_by', models.CharField(blank=True, db_default='', default='', max_length=150)),
                ('phase', models.CharField(choices=[('letters', 'looks into dead letters'), ('entries', 'goes through the log store'), ('spool', 'waits until all that came before is stored'), ('again', 'looks at what was stored meanwhile'), ('elsewhere', 'looks at what staff have written')], db_default='letters', default='letters', max_length=9)),
                ('began_at', models.DateTimeField(blank=True, null=True)),
                ('until', models.DateTimeField(blank=True, help_text='All that was received before is looked at.', null=True)),
                ('seen', models.TextField(blank=True, db_default='', default='')),
                ('day', models.DateField(blank=True, help_text='The last day of receipt that was gone through.', null=True)),
                ('batch_id', models.BigIntegerField(blank=True, help_text='The last batch that was, of the day after it.', null=True)),
                ('entries', models.BigIntegerField(db_default=0, default=0, help_text='Erased, or scrubbed, in the log store.')),
                ('size_bytes', models.BigIntegerField(db_default=0, default=0, help_text='That it holds less.', verbose_name='bytes')),
                ('letters', models.BigIntegerField(db_default=0, default=0, help_text='Entries of dead letters.')),
                ('unreadable', models.IntegerField(db_default=0, default=0, help_text='Dead letters whose bytes are no entries: nobody knows what they hold.')),
                ('elsewhere', models.JSONField(blank=True, db_default={}, default=dict, help_text='What else held it, and how often.')),
                ('moved_at', models.DateTimeField(blank=True, help_text='When something was last done.', null=True)),
                ('ended_at', models.DateTimeField(blank=True, null=True)),
                ('last_error', models.CharField(blank=True, db_default='', default='', max_length=200)),
                ('organisation', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.organisation')),
            ],
            options={
                'ordering': ['-asked_at', '-id'],
                'permissions': [('confirm_erasure', 'Can confirm an erasure that somebody else asked for')],
                'indexes': [models.Index(condition=models.Q(('status__in', ['asked', 'running'])), fields=['asked_at'], name='erasure_unfinished')],
                'constraints': [models.CheckConstraint(condition=models.Q(('kind__in', ['query', 'value', 'rules'])), name='erasure_kind_is_known'), models.CheckConstraint(condition=models.Q(('status__in', ['asked', 'running', 'done', 'withdrawn'])), name='erasure_status_is_known'), models.CheckConstraint(condition=models.Q(('status__in', ['asked', 'running']), ('wanted', ''), _connector='OR'), name='ended_erasure_has_forgotten_its_value'), models.CheckConstraint(condition=models.Q(('confirmed_by_id', None), models.Q(('confirmed_by_id', models.F('asked_by_id')), _negated=True), _connector='OR'), name='erasure_is_confirmed_by_somebody_else')],
            },
        ),
    ]
