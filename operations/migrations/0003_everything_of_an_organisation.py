"""Everything of an organisation that has gone may be erased."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('operations', '0002_erasures'),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='erasure',
            name='erasure_kind_is_known',
        ),
        migrations.AlterField(
            model_name='erasure',
            name='kind',
            field=models.CharField(
                choices=[
                    ('query', 'Entries that a query finds'),
                    ('value', 'Everything that a value stands in'),
                    ('rules', "Scrub what is stored by today's privacy rules"),
                    ('all', 'Everything of an organisation that has gone'),
                ],
                max_length=5,
            ),
        ),
        migrations.AddConstraint(
            model_name='erasure',
            constraint=models.CheckConstraint(condition=models.Q(('kind__in', ['query', 'value', 'rules', 'all'])), name='erasure_kind_is_known'),
        ),
    ]
