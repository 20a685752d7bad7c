"""Until when an edge was not heard: what was silent meanwhile may have been sent there."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("edges", "0002_operators_see_edges")]
    operations = [
        migrations.AddField("edge", "unheard_until", models.DateTimeField(editable=False, null=True)),
    ]
