"""Whether an organisation wants a second person to confirm what is erased."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('privacy', '0001_policies'),
    ]

    operations = [
        migrations.AddField(
            model_name='policy',
            name='erasing_needs_two',
            field=models.BooleanField(db_default=False, default=False, help_text='Whoever asks for one does not begin it: somebody else confirms it.', verbose_name='an erasure needs a second person'),
        ),
    ]
