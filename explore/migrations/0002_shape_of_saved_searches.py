"""Columns, order and wrapping of a saved search. Processes of before save without them."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("explore", "0001_tables")]

    operations = [
        migrations.AddField(
            "savedsearch",
            "columns",
            models.CharField(
                max_length=600, blank=True, db_default="", default="",
                help_text="As in the address, behind columns=. Empty: the usual.",
            ),
        ),
        migrations.AddField(
            "savedsearch",
            "order",
            models.CharField(
                max_length=4, blank=True, db_default="", default="", choices=[("asc", "oldest first")]
            ),
        ),
        migrations.AddField(
            "savedsearch",
            "is_wrapped",
            models.BooleanField(default=False, db_default=False, verbose_name="wrapped lines"),
        ),
    ]
