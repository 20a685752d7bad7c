"""Plans, quotas and usage."""

import django.core.validators
import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):
    #: What a data folder of before has run; see the loader's rules for squashed migrations.
    replaces = [
        ("quotas", "0001_initial"),
        ("quotas", "0004_folded_outcomes"),
        ("quotas", "0005_limits_in_force_as_model"),
        ("quotas", "0008_refusals_by_hour"),
    ]
    initial = True

    dependencies = [
        ('accounts', '0001_tables'),
    ]

    operations = [
        migrations.CreateModel(
            name='LimitsInForce',
            fields=[
                ('organisation', models.OneToOneField(on_delete=django.db.models.deletion.DO_NOTHING, primary_key=True, related_name='limits', serialize=False, to='accounts.organisation')),
                ('plan', models.SlugField()),
                ('requests_per_minute', models.PositiveIntegerField()),
                ('burst_requests', models.PositiveIntegerField()),
                ('monthly_bytes', models.BigIntegerField()),
                ('retention_days', models.PositiveIntegerField()),
            ],
            options={
                'db_table': 'quotas_limits',
                'managed': False,
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='OutcomeFold',
            fields=[
                ('id', models.UUIDField(primary_key=True, serialize=False)),
                ('folded_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                'indexes': [models.Index(fields=['folded_at'], name='outcome_fold_folded_at')],
            },
        ),
        migrations.CreateModel(
            name='Plan',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=60, unique=True)),
                ('slug', models.SlugField(max_length=60, unique=True)),
                ('requests_per_minute', models.PositiveIntegerField(validators=[django.core.validators.MinValueValidator(1)])),
                ('burst_requests', models.PositiveIntegerField(blank=True, help_text="Bucket size. Empty: one minute's worth.", null=True, validators=[django.core.validators.MinValueValidator(1)])),
                ('monthly_bytes', models.BigIntegerField(validators=[django.core.validators.MinValueValidator(0)])),
                ('retention_days', models.PositiveIntegerField(validators=[django.core.validators.MinValueValidator(1)])),
            ],
            options={
                'ordering': ['monthly_bytes'],
                'constraints': [models.CheckConstraint(condition=models.Q(('monthly_bytes__gte', 0), ('requests_per_minute__gte', 1), ('retention_days__gte', 1)), name='plan_limits_are_positive')],
            },
        ),
        migrations.CreateModel(
            name='HourlyUsage',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('hour', models.DateTimeField()),
                ('outcome', models.CharField(max_length=40)),
                ('requests', models.BigIntegerField(default=0)),
                ('entries', models.BigIntegerField(default=0)),
                ('bytes', models.BigIntegerField(default=0)),
                ('api_key', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='hourly_usage', to='accounts.apikey')),
                ('organisation', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='hourly_usage', to='accounts.organisation')),
            ],
            options={
                'ordering': ['-hour'],
                'indexes': [models.Index(condition=models.Q(('outcome__in', ['quota_exhausted', 'rate_limited'])), fields=['hour'], name='hourly_usage_of_429'), models.Index(condition=models.Q(('outcome__in', ('accepted', 'deduplicated', 'below_level')), _negated=True), fields=['hour'], name='hourly_usage_of_refusals')],
                'constraints': [models.UniqueConstraint(fields=('organisation', 'hour', 'api_key', 'outcome'), name='one_usage_row_an_hour_key_and_outcome')],
            },
        ),
        migrations.CreateModel(
            name='MonthlyUsage',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('period', models.DateField(help_text='First day of the month (UTC).')),
                ('used_bytes', models.BigIntegerField(default=0)),
                ('entries', models.BigIntegerField(default=0)),
                ('organisation', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='monthly_usage', to='accounts.organisation')),
            ],
            options={
                'ordering': ['-period'],
                'constraints': [models.UniqueConstraint(fields=('organisation', 'period'), name='one_usage_row_a_month'), models.CheckConstraint(condition=models.Q(('entries__gte', 0), ('used_bytes__gte', 0)), name='usage_is_not_negative')],
            },
        ),
        migrations.CreateModel(
            name='Quota',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('requests_per_minute', models.PositiveIntegerField(blank=True, null=True, validators=[django.core.validators.MinValueValidator(1)])),
                ('monthly_bytes', models.BigIntegerField(blank=True, null=True, validators=[django.core.validators.MinValueValidator(0)])),
                ('retention_days', models.PositiveIntegerField(blank=True, null=True, validators=[django.core.validators.MinValueValidator(1)])),
                ('overrides_from', models.DateTimeField(blank=True, help_text='Empty: at once.', null=True)),
                ('overrides_until', models.DateTimeField(blank=True, help_text='Empty: until changed.', null=True)),
                ('organisation', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='quota', to='accounts.organisation')),
                ('plan', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='quotas', to='quotas.plan')),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('overrides_from__isnull', True), ('overrides_until__isnull', True), ('overrides_from__lt', models.F('overrides_until')), _connector='OR'), name='quota_overrides_end_after_they_begin')],
            },
        ),
    ]
