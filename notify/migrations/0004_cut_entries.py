"""Notices of entries that were cut. Processes of before call for none."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('notify', '0003_notices_of_errors'),
    ]

    operations = [
        migrations.AlterField(
            model_name='notice',
            name='kind',
            field=models.CharField(choices=[('quota_80', '80 % of the monthly bytes are used'), ('quota_100', 'The monthly bytes are used up'), ('refused', 'Requests were answered with 429'), ('withheld', 'Entries could not be scrubbed, and only their frames were kept'), ('cut', 'Entries were too large for a field, and were cut'), ('spike', 'An error came 1,000 times in an hour, and ten times as often as usual'), ('no_group', 'There was no room for groups of new errors: they are counted together')], max_length=10),
        ),
    ]
