"""Organisations, projects, API keys, staff and the record of their looks."""

import accounts.validators
import django.contrib.auth.models
import django.contrib.auth.validators
import django.contrib.postgres.fields
import django.core.validators
import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    #: What a data folder of before has run; see the loader's rules for squashed migrations.
    replaces = [
        ("accounts", "0001_initial"),
        ("accounts", "0003_permissions_of_their_own"),
        ("explore", "0003_looks_at_logs"),
    ]
    initial = True

    dependencies = [
        ('auth', '0012_alter_user_first_name_max_length'),
    ]

    operations = [
        migrations.CreateModel(
            name='User',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('password', models.CharField(max_length=128, verbose_name='password')),
                ('last_login', models.DateTimeField(blank=True, null=True, verbose_name='last login')),
                ('is_superuser', models.BooleanField(default=False, help_text='Designates that this user has all permissions without explicitly assigning them.', verbose_name='superuser status')),
                ('username', models.CharField(error_messages={'unique': 'A user with that username already exists.'}, help_text='Required. 150 characters or fewer. Letters, digits and @/./+/-/_ only.', max_length=150, unique=True, validators=[django.contrib.auth.validators.UnicodeUsernameValidator()], verbose_name='username')),
                ('first_name', models.CharField(blank=True, max_length=150, verbose_name='first name')),
                ('last_name', models.CharField(blank=True, max_length=150, verbose_name='last name')),
                ('email', models.EmailField(blank=True, max_length=254, verbose_name='email address')),
                ('is_staff', models.BooleanField(default=False, help_text='Designates whether the user can log into this admin site.', verbose_name='staff status')),
                ('is_active', models.BooleanField(default=True, help_text='Designates whether this user should be treated as active. Unselect this instead of deleting accounts.', verbose_name='active')),
                ('date_joined', models.DateTimeField(default=django.utils.timezone.now, verbose_name='date joined')),
                ('groups', models.ManyToManyField(blank=True, help_text='The groups this user belongs to. A user will get all permissions granted to each of their groups.', related_name='user_set', related_query_name='user', to='auth.group', verbose_name='groups')),
                ('user_permissions', models.ManyToManyField(blank=True, help_text='Specific permissions for this user.', related_name='user_set', related_query_name='user', to='auth.permission', verbose_name='user permissions')),
            ],
            options={
                'verbose_name': 'user',
                'verbose_name_plural': 'users',
                'abstract': False,
            },
            managers=[
                ('objects', django.contrib.auth.models.UserManager()),
            ],
        ),
        migrations.CreateModel(
            name='AccessRecord',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField(auto_now_add=True)),
                ('user_id', models.BigIntegerField()),
                ('username', models.CharField(max_length=150)),
                ('organisation_id', models.BigIntegerField()),
                ('organisation', models.CharField(help_text='Its short name at the time.', max_length=60)),
                ('action', models.CharField(choices=[('search', 'Search'), ('histogram', 'Histogram'), ('fields', 'Fields'), ('entry', 'Entry'), ('context', 'Context'), ('trace', 'Trace'), ('tail', 'Tail'), ('export', 'Export')], max_length=12)),
                ('query', models.CharField(blank=True, max_length=2200)),
                ('range_start', models.DateTimeField(null=True)),
                ('range_end', models.DateTimeField(null=True)),
                ('subject', models.CharField(blank=True, help_text="The entry's id, or the trace's.", max_length=140)),
                ('address', models.GenericIPAddressField(null=True)),
            ],
            options={
                'verbose_name': 'look at logs',
                'verbose_name_plural': 'looks at logs',
                'db_table': 'explore_accessrecord',
                'ordering': ['-at', '-id'],
                'indexes': [models.Index(fields=['-at', '-id'], name='access_record_newest'), models.Index(fields=['user_id', '-at'], name='access_record_of_a_user'), models.Index(fields=['organisation_id', '-at'], name='access_record_of_a_tenant')],
            },
        ),
        migrations.CreateModel(
            name='Organisation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=120)),
                ('slug', models.SlugField(help_text='Short name in addresses and commands.', max_length=60, unique=True)),
                ('status', models.CharField(choices=[('active', 'Active'), ('suspended', 'Suspended')], default='active', max_length=12)),
                ('suspended_reason', models.CharField(blank=True, max_length=200)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
            ],
            options={
                'ordering': ['name'],
                'permissions': [('suspend_organisation', 'Can suspend and resume organisation')],
                'constraints': [models.CheckConstraint(condition=models.Q(('status__in', ['active', 'suspended'])), name='organisation_status_is_known'), models.CheckConstraint(condition=models.Q(('status', 'active'), models.Q(('suspended_reason', ''), _negated=True), _connector='OR'), name='suspended_organisation_has_a_reason')],
            },
        ),
        migrations.CreateModel(
            name='Project',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=120)),
                ('slug', models.SlugField(max_length=60)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('organisation', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='projects', to='accounts.organisation')),
            ],
            options={
                'ordering': ['organisation', 'name'],
            },
        ),
        migrations.CreateModel(
            name='ApiKey',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=120)),
                ('environment', models.CharField(default='production', help_text='For entries that name no environment of their own.', max_length=64)),
                ('sha256', models.BinaryField(max_length=32, unique=True)),
                ('prefix', models.CharField(editable=False, max_length=7)),
                ('suffix', models.CharField(editable=False, max_length=4)),
                ('can_ingest', models.BooleanField(default=True, verbose_name='may send logs')),
                ('can_read', models.BooleanField(default=True, verbose_name='may read logs')),
                ('requests_per_minute', models.PositiveIntegerField(blank=True, help_text="Own limit, below the organisation's.", null=True, validators=[django.core.validators.MinValueValidator(1)])),
                ('allowed_networks', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=43, validators=[accounts.validators.validate_network]), blank=True, default=list, help_text='CIDR networks the key may be used from, separated by commas. Empty: from anywhere.', size=None)),
                ('invalid_entries', models.CharField(choices=[('strict', 'Refuse the whole batch'), ('lenient', 'Keep the valid entries')], default='strict', help_text='What a bad entry does.', max_length=8)),
                ('minimum_level', models.PositiveSmallIntegerField(choices=[(10, 'debug'), (20, 'info'), (30, 'warn'), (40, 'error'), (50, 'fatal'), (60, 'panic')], default=10, help_text='Entries below this level are dropped, and counted.')),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('expires_at', models.DateTimeField(blank=True, null=True)),
                ('revoked_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('revoked_reason', models.CharField(blank=True, editable=False, max_length=200)),
                ('last_used_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('last_used_address', models.GenericIPAddressField(blank=True, editable=False, null=True)),
                ('last_used_client', models.CharField(blank=True, editable=False, max_length=200)),
                ('seen_over_plain_http_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('created_by', models.ForeignKey(blank=True, editable=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('rotated_from', models.OneToOneField(blank=True, editable=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='successor', to='accounts.apikey')),
                ('organisation', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='api_keys', to='accounts.organisation')),
                ('project', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='api_keys', to='accounts.project')),
            ],
            options={
                'verbose_name': 'API key',
                'ordering': ['-created_at'],
                'permissions': [('revoke_apikey', 'Can revoke API key')],
            },
        ),
        migrations.AddConstraint(
            model_name='project',
            constraint=models.UniqueConstraint(fields=('organisation', 'slug'), name='project_slug_is_unique_in_its_organisation'),
        ),
        migrations.AddIndex(
            model_name='apikey',
            index=models.Index(condition=models.Q(('revoked_at__isnull', True)), fields=['expires_at'], name='api_key_expires_at'),
        ),
        migrations.AddConstraint(
            model_name='apikey',
            constraint=models.CheckConstraint(condition=models.Q(('can_ingest', True), ('can_read', True), _connector='OR'), name='api_key_may_do_something'),
        ),
        migrations.AddConstraint(
            model_name='apikey',
            constraint=models.CheckConstraint(condition=models.Q(('requests_per_minute__isnull', True), ('requests_per_minute__gte', 1), _connector='OR'), name='api_key_limit_is_positive'),
        ),
        migrations.AddConstraint(
            model_name='apikey',
            constraint=models.CheckConstraint(condition=models.Q(('revoked_at__isnull', True), models.Q(('revoked_reason', ''), _negated=True), _connector='OR'), name='revoked_api_key_has_a_reason'),
        ),
        migrations.AddConstraint(
            model_name='apikey',
            constraint=models.CheckConstraint(condition=models.Q(('minimum_level__in', [10, 20, 30, 40, 50, 60])), name='api_key_level_is_known'),
        ),
    ]
