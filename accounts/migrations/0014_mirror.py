"""At an edge: how old what it knows of keys is. Additive."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0013_looks_at_aggregates'),
    ]

    operations = [
        migrations.CreateModel(
            name='Mirror',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('digest', models.CharField(max_length=64)),
                ('confirmed_at', models.DateTimeField(help_text='When the core has said last that this is how it is.')),
            ],
            options={
                'default_permissions': (),
            },
        ),
    ]
