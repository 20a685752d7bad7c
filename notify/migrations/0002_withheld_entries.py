"""A notice of entries that could not be scrubbed."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('notify', '0001_tables'),
    ]

    operations = [
        migrations.AlterField(
            model_name='notice',
            name='kind',
            field=models.CharField(choices=[('quota_80', '80 % of the monthly bytes are used'), ('quota_100', 'The monthly bytes are used up'), ('refused', 'Requests were answered with 429'), ('withheld', 'Entries could not be scrubbed, and only their frames were kept')], max_length=10),
        ),
    ]
