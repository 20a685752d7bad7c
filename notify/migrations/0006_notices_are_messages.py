"""Notices and their deliveries become messages; what waits goes on as one.

The column of before stays in the table for processes of before, which give and send their own notices beside new ones.
"""

from django.db import migrations, models

#: Titles and how bad each is, as they are when this is written; texts are the same for all.
MAKE_MESSAGES = """
INSERT INTO notify_message (organisation_id, key, kind, notice_id, created_at, content)
SELECT notice.organisation_id, 'notice-' || notice.id, 'notice.' || notice.kind, notice.id, notice.created_at,
       jsonb_build_object(
           'kind', 'notice.' || notice.kind, 'title', said.title, 'severity', said.severity,
           'occurred_at', to_char(notice.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
           'text', 'What was used, and by which key, is on the organisation''s usage page and at GET /v1/usage.',
           'facts', jsonb_build_array(jsonb_build_object('name', 'Period', 'value', notice.period || ' (UTC)')),
           'links', jsonb_build_array(jsonb_build_object(
               'label', 'Open usage', 'url', '/admin/usage/?organisation=' || organisation.slug)),
           'data', jsonb_build_object(
               'id', notice.id, 'kind', notice.kind, 'period', notice.period, 'title', said.title,
               'created_at', notice.created_at))
  FROM quotas_notice AS notice
  JOIN accounts_organisation AS organisation ON organisation.id = notice.organisation_id
  JOIN (VALUES ('quota_80', 'warn', '80 % of the monthly bytes are used'),
               ('quota_100', 'error', 'The monthly bytes are used up'),
               ('refused', 'warn', 'Requests were answered with 429'),
               ('withheld', 'error', 'Entries could not be scrubbed, and only their frames were kept'),
               ('cut', 'warn', 'Entries were too large for a field, and were cut'),
               ('spike', 'error', 'An error came 1,000 times in an hour, and ten times as often as usual'),
               ('no_group', 'warn', 'There was no room for groups of new errors: they are counted together')
       ) AS said (kind, severity, title) ON said.kind = notice.kind
 ORDER BY notice.id
ON CONFLICT (organisation_id, key) DO NOTHING
"""
JOIN_DELIVERIES = """
UPDATE quotas_noticedelivery AS delivery
   SET message_id = message.id, tried_at = delivery.delivered_at,
       ended = CASE WHEN delivery.delivered_at IS NULL AND delivery.attempts >= 8 THEN 'given_up' ELSE '' END
  FROM notify_message AS message
 WHERE message.notice_id = delivery.notice_id AND delivery.message_id IS NULL
"""
#: What processes of before put there afterwards is theirs.
LEAVE_DELIVERIES = "UPDATE quotas_noticedelivery SET message_id = NULL WHERE notice_id IS NOT NULL"


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0001_tables"),
        ("notify", "0005_messages"),
    ]
    operations = [
        migrations.AddField(
            "messagerecord",
            "subject",
            models.CharField(blank=True, db_default="", default="", editable=False, max_length=100),
        ),
        migrations.RunSQL(MAKE_MESSAGES, migrations.RunSQL.noop),
        migrations.RunSQL(JOIN_DELIVERIES, LEAVE_DELIVERIES),
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.RemoveConstraint("noticedelivery", "notice_is_delivered_once_a_channel"),
                migrations.RemoveField("noticedelivery", "notice"),
            ]
        ),
    ]
