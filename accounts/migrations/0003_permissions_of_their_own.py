"""Permissions for steps that are graver than a change: revoking a key, suspending an organisation."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_key_stays_in_its_organisation")]
    operations = [
        migrations.AlterModelOptions(
            name="apikey",
            options={
                "ordering": ["-created_at"],
                "permissions": [("revoke_apikey", "Can revoke API key")],
                "verbose_name": "API key",
            },
        ),
        migrations.AlterModelOptions(
            name="organisation",
            options={
                "ordering": ["name"],
                "permissions": [("suspend_organisation", "Can suspend and resume organisation")],
            },
        ),
    ]
