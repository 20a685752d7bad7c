"""Channels, notices and deliveries, in tables that are named for the room they came from."""

import django.db.models.deletion
import django.db.models.functions.datetime
import uuid
from django.db import migrations, models


class Migration(migrations.Migration):
    #: What a data folder of before has run; see the loader's rules for squashed migrations.
    replaces = [
        ("quotas", "0006_notices"),
    ]
    initial = True

    dependencies = [
        ('accounts', '0001_tables'),
    ]

    operations = [
        migrations.CreateModel(
            name='Notice',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('quota_80', '80 % of the monthly bytes are used'), ('quota_100', 'The monthly bytes are used up'), ('refused', 'Requests were answered with 429')], max_length=10)),
                ('period', models.DateField(help_text='First day of the month, or the day (UTC).')),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('organisation', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='notices', to='accounts.organisation')),
            ],
            options={
                'db_table': 'quotas_notice',
                'ordering': ['-created_at'],
            },
        ),
        migrations.CreateModel(
            name='NoticeChannel',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('email', 'E-mail'), ('webhook', 'Webhook')], max_length=8)),
                ('address', models.CharField(help_text='An e-mail address, or an https:// address.', max_length=500)),
                ('is_active', models.BooleanField(default=True)),
                ('salt', models.UUIDField(default=uuid.uuid4, editable=False)),
                ('organisation', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='notice_channels', to='accounts.organisation')),
            ],
            options={
                'db_table': 'quotas_noticechannel',
            },
        ),
        migrations.CreateModel(
            name='NoticeDelivery',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('attempts', models.PositiveSmallIntegerField(db_default=0, default=0)),
                ('not_before', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('delivered_at', models.DateTimeField(blank=True, null=True)),
                ('last_error', models.CharField(blank=True, db_default='', default='', max_length=200)),
                ('channel', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='deliveries', to='notify.noticechannel')),
                ('notice', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='deliveries', to='notify.notice')),
            ],
            options={
                'verbose_name_plural': 'notice deliveries',
                'db_table': 'quotas_noticedelivery',
            },
        ),
        migrations.AddConstraint(
            model_name='notice',
            constraint=models.UniqueConstraint(fields=('organisation', 'kind', 'period'), name='notice_is_given_once_a_period'),
        ),
        migrations.AddConstraint(
            model_name='noticechannel',
            constraint=models.UniqueConstraint(fields=('organisation', 'kind', 'address'), name='notice_channel_is_named_once'),
        ),
        migrations.AddConstraint(
            model_name='noticechannel',
            constraint=models.CheckConstraint(condition=models.Q(('kind__in', ['email', 'webhook'])), name='notice_channel_kind_is_known'),
        ),
        migrations.AddIndex(
            model_name='noticedelivery',
            index=models.Index(condition=models.Q(('delivered_at__isnull', True)), fields=['not_before'], name='notice_delivery_due'),
        ),
        migrations.AddConstraint(
            model_name='noticedelivery',
            constraint=models.UniqueConstraint(fields=('notice', 'channel'), name='notice_is_delivered_once_a_channel'),
        ),
    ]
