"""Rules for fields that drift, and what an incident keeps of a drift."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('alerts', '0001_rules'),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='rule',
            name='alert_rule_kind_is_known',
        ),
        migrations.AddField(
            model_name='incident',
            name='details',
            field=models.JSONField(help_text='Of a drift: `alerts.drifted.details_of`.', null=True),
        ),
        migrations.AlterField(
            model_name='rule',
            name='kind',
            field=models.CharField(choices=[('threshold', 'so many errors, or entries of a level'), ('search', 'so many entries that a search finds'), ('new_group', 'an error that was never seen'), ('regression', 'a resolved error that comes back'), ('woken', 'an ignored error that is ignored no longer'), ('absence', 'nothing comes any more'), ('ratio', 'so large a part of all entries'), ('spike', 'three times as many as usual'), ('monitor', 'a heartbeat that stops'), ('digest', 'a digest of new, returned and busiest errors'), ('drift', 'a field of entries that changes its type, or is missing')], default='threshold', max_length=10),
        ),
        migrations.AddConstraint(
            model_name='rule',
            constraint=models.CheckConstraint(condition=models.Q(('kind__in', ['threshold', 'search', 'new_group', 'regression', 'woken', 'absence', 'ratio', 'spike', 'monitor', 'digest', 'drift'])), name='alert_rule_kind_is_known'),
        ),
    ]
