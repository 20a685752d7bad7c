"""Public keys: whose pages may use one, and what it may send a day. Processes of before issue keys without either."""

import django.contrib.postgres.fields
import django.core.validators
from django.db import migrations, models

import accounts.validators

ORIGINS = (
    "Of a public key: whose pages may use it, such as https://shop.example or https://*.shop.example, "
    "separated by commas. Requests without an origin are refused then. Empty: anybody's, and apps."
)
DAY = "Of a public key: how many bytes it may send a day (UTC). Empty: 2 % of the month's quota."


class Migration(migrations.Migration):
    dependencies = [("accounts", "0007_looks_of_several_requests")]
    operations = [
        migrations.AddField(
            "apikey",
            "allowed_origins",
            django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(max_length=255, validators=[accounts.validators.validate_origin]),
                blank=True,
                db_default=[],
                default=list,
                help_text=ORIGINS,
                size=None,
            ),
        ),
        migrations.AddField(
            "apikey",
            "daily_bytes",
            models.PositiveBigIntegerField(
                blank=True, help_text=DAY, null=True, validators=[django.core.validators.MinValueValidator(1)]
            ),
        ),
        migrations.AddConstraint(
            "apikey",
            models.CheckConstraint(
                condition=models.Q(("kind", "public"))
                | models.Q(("allowed_origins", []), ("daily_bytes__isnull", True)),
                name="only_public_api_keys_have_an_allowance",
                violation_error_message="Origins and a daily allowance are for public keys.",
            ),
        ),
    ]
