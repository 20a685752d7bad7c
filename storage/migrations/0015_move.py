"""Which days were moved from PostgreSQL to another log store, and how far the one that is being moved has come."""

from django.db import migrations, models
from django.db.models.functions import Now


class Migration(migrations.Migration):
    dependencies = [("storage", "0014_when_an_edge_took_it")]
    operations = [
        migrations.CreateModel(
            name="Move",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("day", models.DateField()),
                (
                    "after_id",
                    models.BigIntegerField(db_default=-1, help_text="All entries with ids up to this one are there."),
                ),
                ("entries", models.BigIntegerField(db_default=0, help_text="That were brought.")),
                ("is_over", models.BooleanField(db_default=False, help_text="They are shown, and PostgreSQL has none.")),
                ("began_at", models.DateTimeField(db_default=Now())),
                ("ended_at", models.DateTimeField(null=True)),
            ],
        ),
    ]
