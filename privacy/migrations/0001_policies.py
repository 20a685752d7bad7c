"""An organisation's privacy rules; who is there already begins by reporting: but for secrets nothing is changed."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models

EXISTING = "INSERT INTO privacy_policy (organisation_id, mode) SELECT id, 'report' FROM accounts_organisation"


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('accounts', '0004_looks_at_dead_letters'),
    ]

    operations = [
        migrations.CreateModel(
            name='Policy',
            fields=[
                ('organisation', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='privacy', serialize=False, to='accounts.organisation')),
                ('mode', models.CharField(choices=[('on', 'On: replace what is found'), ('report', 'Report: count what is found, and change secrets only'), ('off', 'Off: look for secrets only')], db_default='on', default='on', max_length=6)),
                ('secrets', models.CharField(choices=[('mask', 'Mask: [email]'), ('hash', 'Hash: [email:3f2a9c1b77de], the same for the same value'), ('drop', 'Drop the field')], db_default='mask', default='mask', help_text='Keys, tokens, passwords. Replaced in every mode.', max_length=4)),
                ('money', models.CharField(choices=[('mask', 'Mask: [email]'), ('hash', 'Hash: [email:3f2a9c1b77de], the same for the same value'), ('drop', 'Drop the field'), ('keep', 'Keep')], db_default='mask', default='mask', help_text='Numbers of cards and accounts.', max_length=4)),
                ('identity', models.CharField(choices=[('mask', 'Mask: [email]'), ('hash', 'Hash: [email:3f2a9c1b77de], the same for the same value'), ('drop', 'Drop the field'), ('keep', 'Keep')], db_default='mask', default='mask', help_text="Social security numbers (US), phone numbers with their country's.", max_length=4)),
                ('contact', models.CharField(choices=[('mask', 'Mask: [email]'), ('hash', 'Hash: [email:3f2a9c1b77de], the same for the same value'), ('drop', 'Drop the field'), ('keep', 'Keep')], db_default='hash', default='hash', help_text='E-mail addresses.', max_length=4)),
                ('network', models.CharField(choices=[('mask', 'Mask: [email]'), ('hash', 'Hash: [email:3f2a9c1b77de], the same for the same value'), ('drop', 'Drop the field'), ('keep', 'Keep')], db_default='keep', default='keep', help_text='IP addresses.', max_length=4)),
                ('own', models.CharField(choices=[('mask', 'Mask: [email]'), ('hash', 'Hash: [email:3f2a9c1b77de], the same for the same value'), ('drop', 'Drop the field'), ('keep', 'Keep')], db_default='mask', default='mask', help_text='What your own rules find, and sensitive fields.', max_length=4)),
                ('safe_fields', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=200), blank=True, db_default=[], default=list, help_text='One a line, as metadata.session_id or error.context.*.note: nobody looks into these.', size=100)),
                ('sensitive_fields', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=200), blank=True, db_default=[], default=list, help_text='One a line: their values go, whatever they are.', size=100)),
                ('honours_privacy_mode', models.BooleanField(db_default=False, default=False, help_text='Then only secrets and money are looked for in entries with privacy_mode. Otherwise those are private: everything is looked for, IP addresses too, and masked.', verbose_name='senders have scrubbed entries in privacy mode')),
                ('salt', models.CharField(blank=True, db_default='', default='', editable=False, max_length=32)),
            ],
            options={
                'verbose_name': 'privacy rules',
                'verbose_name_plural': 'privacy rules',
                'constraints': [models.CheckConstraint(condition=models.Q(('mode__in', ['on', 'report', 'off'])), name='privacy_mode_is_known'), models.CheckConstraint(condition=models.Q(('secrets__in', ['mask', 'hash', 'drop'])), name='secrets_are_never_kept'), models.CheckConstraint(condition=models.Q(('contact__in', ['mask', 'hash', 'drop', 'keep']), ('identity__in', ['mask', 'hash', 'drop', 'keep']), ('money__in', ['mask', 'hash', 'drop', 'keep']), ('network__in', ['mask', 'hash', 'drop', 'keep']), ('own__in', ['mask', 'hash', 'drop', 'keep'])), name='privacy_actions_are_known')],
            },
        ),
        migrations.CreateModel(
            name='Rule',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(help_text='What is found is counted as own.name, and masked as [own.name].', max_length=24)),
                ('pattern', models.CharField(help_text='RE2, as in EMP-\\d{6}. (?i) in front: small letters and capitals are the same.', max_length=200, verbose_name='expression')),
                ('policy', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='own_rules', to='privacy.policy')),
            ],
            options={
                'verbose_name': 'own rule',
                'ordering': ['name'],
                'constraints': [models.UniqueConstraint(fields=('policy', 'name'), name='own_rule_is_named_once'), models.CheckConstraint(condition=models.Q(('name__regex', '^[a-z][a-z0-9_]{0,23}$')), name='own_rule_has_a_plain_name'), models.CheckConstraint(condition=models.Q(('pattern', ''), _negated=True), name='own_rule_has_an_expression')],
            },
        ),
        migrations.RunSQL(EXISTING, migrations.RunSQL.noop),
    ]
