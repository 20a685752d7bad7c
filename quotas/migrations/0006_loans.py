"""Bytes that are lent to edges, and borrowed by one.

Processes of the version before charge as if nothing was lent: make edges once all are of this one.
"""

import django.db.models.deletion
import django.db.models.expressions
import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0014_mirror'),
        ('quotas', '0005_provable_days'),
    ]

    operations = [
        migrations.CreateModel(
            name='Installation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.UUIDField()),
            ],
            options={
                'default_permissions': (),
            },
        ),
        migrations.AddField(
            model_name='monthlyusage',
            name='called_back_at',
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name='monthlyusage',
            name='lent_bytes',
            field=models.BigIntegerField(db_default=0, default=0, help_text='Lent to edges and not settled yet; at an edge, less than 0: borrowed.'),
        ),
        migrations.CreateModel(
            name='Borrowed',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('organisation_id', models.BigIntegerField()),
                ('period', models.DateField()),
                ('lent_bytes', models.BigIntegerField(db_default=0, default=0)),
                ('returned_bytes', models.BigIntegerField(db_default=0, default=0)),
                ('is_told', models.BooleanField(db_default=True, default=True, help_text='The core knows what was returned.')),
                ('used_bytes', models.BigIntegerField(db_default=0, default=0, help_text='When somebody looked last.')),
                ('used_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), help_text='When it was seen to grow last.')),
            ],
            options={
                'default_permissions': (),
                'constraints': [models.UniqueConstraint(fields=('organisation_id', 'period'), name='one_borrowing_a_month'), models.CheckConstraint(condition=models.Q(('lent_bytes__gte', models.F('returned_bytes')), ('returned_bytes__gte', 0)), name='no_more_is_returned_than_borrowed')],
            },
        ),
        migrations.CreateModel(
            name='Loan',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('edge_id', models.BigIntegerField()),
                ('period', models.DateField()),
                ('lent_bytes', models.BigIntegerField(db_default=0, default=0)),
                ('returned_bytes', models.BigIntegerField(db_default=0, default=0)),
                ('settled_bytes', models.BigIntegerField(db_default=0, default=0)),
                ('short_bytes', models.BigIntegerField(db_default=0, default=0)),
                ('heard_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('organisation', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.organisation')),
            ],
            options={
                'default_permissions': (),
                'indexes': [models.Index(fields=['organisation', 'period'], name='loan_of_a_month')],
                'constraints': [models.UniqueConstraint(fields=('edge_id', 'organisation', 'period'), name='one_loan_a_month_and_edge'), models.CheckConstraint(condition=models.Q(('lent_bytes__gte', django.db.models.expressions.CombinedExpression(models.F('returned_bytes'), '+', models.F('settled_bytes'))), ('returned_bytes__gte', 0), ('settled_bytes__gte', 0), ('short_bytes__gte', 0)), name='no_more_comes_back_than_was_lent')],
            },
        ),
    ]
