"""Edges, and which of their batches are kept. Additive."""

import accounts.validators
import django.contrib.postgres.fields
import django.core.validators
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('accounts', '0014_mirror'),
    ]

    operations = [
        migrations.CreateModel(
            name='Link',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.BigIntegerField(db_default=0, default=0)),
            ],
            options={
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='Edge',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(help_text='Short, as fra1.', max_length=32, unique=True, validators=[django.core.validators.RegexValidator('^[a-z][a-z0-9-]*\\Z', 'Small letters, digits and hyphens, a letter first.')])),
                ('region', models.CharField(blank=True, db_default='', default='', max_length=60)),
                ('sha256', models.BinaryField(max_length=32, unique=True)),
                ('suffix', models.CharField(editable=False, max_length=4)),
                ('allowed_networks', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=43, validators=[accounts.validators.validate_network]), blank=True, db_default=[], default=list, help_text='CIDR networks it calls from, separated by commas. Empty: from anywhere.', size=None)),
                ('takes_all', models.BooleanField(db_default=False, default=False, help_text='Those that are made later, too.', verbose_name='all organisations')),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('revoked_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('revoked_reason', models.CharField(blank=True, db_default='', default='', editable=False, max_length=200)),
                ('retiring_at', models.DateTimeField(editable=False, null=True)),
                ('installation', models.UUIDField(editable=False, null=True)),
                ('floor', models.BigIntegerField(db_default=0, default=0, editable=False)),
                ('last_seen_at', models.DateTimeField(editable=False, null=True)),
                ('told_at', models.DateTimeField(editable=False, null=True)),
                ('version', models.CharField(blank=True, db_default='', default='', editable=False, max_length=40)),
                ('waiting_batches', models.BigIntegerField(db_default=0, default=0, editable=False)),
                ('waiting_bytes', models.BigIntegerField(db_default=0, default=0, editable=False)),
                ('oldest_seconds', models.FloatField(db_default=0, default=0, editable=False)),
                ('clock_seconds', models.FloatField(db_default=0, default=0, editable=False)),
                ('refused_batches', models.BigIntegerField(db_default=0, default=0, editable=False)),
                ('organisations', models.ManyToManyField(blank=True, help_text='Who may send there; none chosen: nobody.', related_name='+', to='accounts.organisation')),
            ],
            options={
                'ordering': ['name'],
            },
        ),
        migrations.CreateModel(
            name='EdgeBatch',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('edge_batch_id', models.BigIntegerField()),
                ('batch_id', models.BigIntegerField()),
                ('edge', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='edges.edge')),
            ],
            options={
                'default_permissions': (),
            },
        ),
        migrations.AddConstraint(
            model_name='edge',
            constraint=models.CheckConstraint(condition=models.Q(('name__regex', '^[a-z][a-z0-9-]{0,31}$')), name='edge_has_a_plain_name'),
        ),
        migrations.AddConstraint(
            model_name='edge',
            constraint=models.CheckConstraint(condition=models.Q(('revoked_at__isnull', True), models.Q(('revoked_reason', ''), _negated=True), _connector='OR'), name='revoked_edge_has_a_reason'),
        ),
        migrations.AddConstraint(
            model_name='edgebatch',
            constraint=models.UniqueConstraint(fields=('edge', 'edge_batch_id'), name='edge_batch_is_kept_once'),
        ),
    ]
