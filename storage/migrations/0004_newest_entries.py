from django.db import migrations

# Ascending, because entries arrive in the order of time: a page that fills up at its right edge is split there and
# stays full, while the descending index was half empty. Reading it backwards gives the newest first all the same.
# With level and received_at in it, counts by level never touch the entries.
ASCENDING = """
DROP INDEX storage_logentry_newest;
-- The newest entries of an organisation, every search bound in time, and counts by level.
CREATE INDEX storage_logentry_newest ON storage_logentry (organisation_id, timestamp, id)
    INCLUDE (level, received_at);
"""
DESCENDING = """
DROP INDEX storage_logentry_newest;
CREATE INDEX storage_logentry_newest ON storage_logentry (organisation_id, timestamp DESC, id DESC);
"""


class Migration(migrations.Migration):

    dependencies = [("storage", "0003_trigrams")]

    operations = [migrations.RunSQL(ASCENDING, DESCENDING)]
