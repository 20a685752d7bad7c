"""Messages, more kinds of channels, and what is known of each delivery's last try. Processes of before go on beside it."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models

KINDS = [
    ("email", "E-mail"), ("slack", "Slack"), ("discord", "Discord"), ("teams", "Microsoft Teams"),
    ("pagerduty", "PagerDuty"), ("webhook", "Webhook"),
]  # fmt: skip
ENDED = [
    ("given_up", "given up"), ("refused", "refused"), ("held", "held back"), ("silenced", "silenced"),
]  # fmt: skip
NAME = "As people call it: #ops."
ADDRESS = "An e-mail address, an https:// address, or a routing key."
MENTION = "Discord: the number of a role to be mentioned."


def text(length, **options):
    return models.CharField(max_length=length, blank=True, default="", db_default="", **options)


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0001_tables"),
        ("notify", "0004_cut_entries"),
    ]
    operations = [
        migrations.RemoveConstraint("noticechannel", "notice_channel_kind_is_known"),
        migrations.AlterField("noticechannel", "kind", models.CharField(choices=KINDS, max_length=12)),
        migrations.AlterField("noticechannel", "address", models.CharField(help_text=ADDRESS, max_length=1000)),
        migrations.AddField("noticechannel", "name", text(80, help_text=NAME)),
        migrations.AddField("noticechannel", "mention", text(20, help_text=MENTION)),
        migrations.AddField("noticechannel", "rests_until", models.DateTimeField(editable=False, null=True)),
        migrations.AddField("noticechannel", "stopped_because", text(200, editable=False)),
        migrations.AddConstraint(
            "noticechannel",
            models.CheckConstraint(
                condition=models.Q(("kind__in", [kind for kind, _ in KINDS])), name="notice_channel_is_of_a_known_kind"
            ),
        ),
        migrations.CreateModel(
            name="MessageRecord",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.CharField(editable=False, max_length=200)),
                ("kind", models.CharField(max_length=200)),
                ("together", text(200, editable=False)),
                ("content", models.JSONField()),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "notice",
                    models.OneToOneField(
                        editable=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name="message",
                        to="notify.notice",
                    ),
                ),
                (
                    "organisation",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name="+",
                        to="accounts.organisation",
                    ),
                ),
            ],
            options={
                "verbose_name": "message",
                "db_table": "notify_message",
                "indexes": [models.Index(fields=["created_at"], name="message_by_age")],
                "constraints": [
                    models.UniqueConstraint(fields=("organisation", "key"), name="message_is_put_once"),
                ],
            },
        ),
        migrations.AlterField(
            "noticedelivery",
            "notice",
            models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.CASCADE, related_name="deliveries", to="notify.notice"
            ),
        ),
        migrations.AddField(
            "noticedelivery",
            "message",
            models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.CASCADE, related_name="deliveries",
                to="notify.messagerecord",
            ),
        ),
        migrations.AddField("noticedelivery", "repeat", models.PositiveSmallIntegerField(db_default=0, default=0)),
        migrations.AddField("noticedelivery", "ended", text(10, choices=ENDED)),
        migrations.AddField(
            "noticedelivery",
            "lead",
            models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="followers",
                to="notify.noticedelivery",
            ),
        ),
        migrations.AddField("noticedelivery", "tried_at", models.DateTimeField(blank=True, null=True)),
        migrations.AddField("noticedelivery", "status", models.PositiveSmallIntegerField(blank=True, null=True)),
        migrations.AddField("noticedelivery", "duration_ms", models.PositiveIntegerField(blank=True, null=True)),
        migrations.AddField(
            "noticedelivery",
            "body",
            models.TextField(blank=True, db_default="", default="", help_text="As it was sent, but for keys."),
        ),
        migrations.AddConstraint(
            "noticedelivery",
            models.UniqueConstraint(fields=("message", "channel", "repeat"), name="message_is_delivered_once_a_channel"),
        ),
        migrations.AddConstraint(
            "noticedelivery",
            models.CheckConstraint(
                condition=models.Q(("ended__in", ["", *(name for name, _ in ENDED)])), name="delivery_end_is_known"
            ),
        ),
        migrations.AddIndex(
            "noticedelivery", models.Index(fields=["channel", "delivered_at"], name="delivery_of_a_channel")
        ),
    ]
