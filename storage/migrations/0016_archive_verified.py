"""When an archive was last read and compared, and what was wrong with it; the newest are found by an index."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("storage", "0015_move")]
    operations = [
        migrations.AddField(
            model_name="archivedday",
            name="verified_at",
            field=models.DateTimeField(help_text="When all of it was last read, and compared.", null=True),
        ),
        migrations.AddField(
            model_name="archivedday",
            name="wrong",
            field=models.CharField(
                blank=True, db_default="", default="", help_text="What was found wrong with it then.", max_length=200
            ),
        ),
        migrations.AddIndex(
            model_name="archivedday",
            index=models.Index(fields=["-day", "organisation_id"], name="archived_day_newest"),
        ),
    ]
