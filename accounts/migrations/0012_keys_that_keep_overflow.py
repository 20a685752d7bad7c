"""The overflow lane, key by key. Processes of before issue keys without it, and refuse what is beyond a limit."""

from django.db import migrations, models

OVERFLOW = (
    "For clients that drop what is answered 429. Requests beyond the rate limit, up to ten bursts, "
    "are kept and charged at once, and can be read when their turn has come, some minutes later. "
    "Secret keys only."
)


class Migration(migrations.Migration):
    dependencies = [("accounts", "0011_looks_at_messages")]
    operations = [
        migrations.AddField(
            "apikey",
            "keeps_overflow",
            models.BooleanField(db_default=False, default=False, help_text=OVERFLOW, verbose_name="overflow lane"),
        ),
        migrations.AddConstraint(
            "apikey",
            models.CheckConstraint(
                condition=models.Q(("keeps_overflow", False)) | models.Q(("kind", "secret")),
                name="only_secret_api_keys_keep_overflow",
                violation_error_message="The overflow lane is for secret keys.",
            ),
        ),
    ]
