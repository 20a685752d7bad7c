"""The explorer's place in the admin, and saved searches."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    #: What a data folder of before has run; see the loader's rules for squashed migrations.
    replaces = [
        ("explore", "0001_explorer"),
    ]
    initial = True

    dependencies = [
        ('accounts', '0001_tables'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Explorer',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
            ],
            options={
                'verbose_name': 'explorer',
                'verbose_name_plural': 'explorer',
                'permissions': [('view_logs', 'Can look at log entries')],
                'managed': False,
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='SavedSearch',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=80)),
                ('is_shared', models.BooleanField(default=False, verbose_name='shared')),
                ('query', models.CharField(blank=True, max_length=2000)),
                ('levels', models.CharField(blank=True, help_text='Names separated by commas. Empty: all.', max_length=60)),
                ('time_range', models.CharField(blank=True, help_text='Like 24h, or two times separated by a slash.', max_length=80)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('organisation', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='saved_searches', to='accounts.organisation')),
                ('owner', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='saved_searches', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name_plural': 'saved searches',
                'ordering': ['name'],
                'constraints': [models.UniqueConstraint(fields=('owner', 'organisation', 'name'), name='saved_search_name_is_unique'), models.CheckConstraint(condition=models.Q(('name', ''), _negated=True), name='saved_search_has_a_name')],
            },
        ),
    ]
