"""At an edge: the keys of hashes, as its core has made them. Additive."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('privacy', '0002_erasing_needs_two'),
    ]

    operations = [
        migrations.AddField(
            model_name='policy',
            name='hash_key',
            field=models.BinaryField(max_length=32, null=True),
        ),
    ]
