"""What a key may do becomes a set; existing keys keep what they had. And keys of a public kind, which can only send."""

import django.contrib.postgres.fields
from django.db import migrations, models

import accounts.scopes

FROM_BOOLEANS = """
UPDATE accounts_apikey SET scopes =
    array_remove(ARRAY[CASE WHEN can_ingest THEN 'ingest' END, CASE WHEN can_read THEN 'read' END], NULL)
"""
TO_BOOLEANS = "UPDATE accounts_apikey SET can_ingest = 'ingest' = ANY (scopes), can_read = 'read' = ANY (scopes)"


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_rules")]
    operations = [
        migrations.AddField(
            model_name='apikey',
            name='kind',
            field=models.CharField(choices=[('secret', 'Secret: known to servers only'), ('public', 'Public: carried by browsers and apps')], default='secret', help_text='A public key is seen by whoever uses the application that carries it: it can only send logs.', max_length=6),
        ),
        migrations.AddField(
            model_name='apikey',
            name='scopes',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.CharField(choices=[('ingest', 'Send logs'), ('read', 'Read logs'), ('manage', 'Manage its organisation')], max_length=8), default=accounts.scopes.default_scopes, size=None),
        ),
        migrations.RunSQL(FROM_BOOLEANS, TO_BOOLEANS),
        migrations.RemoveConstraint(
            model_name='apikey',
            name='api_key_may_do_something',
        ),
        migrations.RemoveField(
            model_name='apikey',
            name='can_ingest',
        ),
        migrations.RemoveField(
            model_name='apikey',
            name='can_read',
        ),
        migrations.AddConstraint(
            model_name='apikey',
            constraint=models.CheckConstraint(condition=models.Q(('scopes__contained_by', ['ingest', 'read', 'manage']), models.Q(('scopes', []), _negated=True)), name='api_key_scopes_are_known', violation_error_message='Choose what the key may do.'),
        ),
        migrations.AddConstraint(
            model_name='apikey',
            constraint=models.CheckConstraint(condition=models.Q(('kind__in', ['secret', 'public'])), name='api_key_kind_is_known'),
        ),
        migrations.AddConstraint(
            model_name='apikey',
            constraint=models.CheckConstraint(condition=models.Q(('kind', 'secret'), ('scopes', ['ingest']), _connector='OR'), name='public_api_key_only_ingests', violation_error_message='A public key may send logs, and nothing else.'),
        ),
    ]
