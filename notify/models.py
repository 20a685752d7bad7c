"""Channels, notices, messages and their deliveries. Who raises a notice says of what kind it is: see `Notice.Kind`."""

from collections.abc import Sequence
from uuid import uuid4

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from notify.masking import mask


class NoticeChannel(models.Model):
    """Where an organisation wants to be told what it should know."""

    class Kind(models.TextChoices):
        EMAIL = "email", "E-mail"
        SLACK = "slack", "Slack"
        DISCORD = "discord", "Discord"
        TEAMS = "teams", "Microsoft Teams"
        PAGERDUTY = "pagerduty", "PagerDuty"
        WEBHOOK = "webhook", "Webhook"

    organisation = models.ForeignKey("accounts.Organisation", on_delete=models.CASCADE, related_name="notice_channels")
    kind = models.CharField(max_length=12, choices=Kind.choices)
    name = models.CharField(max_length=80, blank=True, default="", db_default="", help_text="As people call it: #ops.")
    #: A secret, but for an e-mail address: `masked` is for showing.
    address = models.CharField(max_length=1000, help_text="An e-mail address, an https:// address, or a routing key.")
    mention = models.CharField(
        max_length=20, blank=True, default="", db_default="", help_text="Discord: the number of a role to be mentioned."
    )
    is_active = models.BooleanField(default=True)
    salt = models.UUIDField(default=uuid4, editable=False)  # with SECRET_KEY it makes the webhook's secret
    #: Nothing is sent before: what the service allows a second, or what it asked for.
    rests_until = models.DateTimeField(null=True, editable=False)
    stopped_because = models.CharField(max_length=200, blank=True, default="", db_default="", editable=False)

    class Meta:
        db_table = "quotas_noticechannel"  # older than this room
        constraints = [
            models.UniqueConstraint(fields=["organisation", "kind", "address"], name="notice_channel_is_named_once"),
            models.CheckConstraint(
                condition=Q(kind__in=["email", "slack", "discord", "teams", "pagerduty", "webhook"]),
                name="notice_channel_is_of_a_known_kind",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.name}" if self.name else f"{self.get_kind_display()} to {self.masked}"

    @property
    def masked(self) -> str:
        """Return the address as it may be shown: of a secret its host, and how it ends."""
        return mask(self.address)


class Notice(models.Model):
    """Something that an organisation should know, once a period: a month, or a day."""

    class Kind(models.TextChoices):
        QUOTA_80 = "quota_80", "80 % of the monthly bytes are used"
        QUOTA_100 = "quota_100", "The monthly bytes are used up"
        REFUSED = "refused", "Requests were answered with 429"
        WITHHELD = "withheld", "Entries could not be scrubbed, and only their frames were kept"
        CUT = "cut", "Entries were too large for a field, and were cut"
        SPIKE = "spike", "An error came 1,000 times in an hour, and ten times as often as usual"
        NO_GROUP = "no_group", "There was no room for groups of new errors: they are counted together"

    organisation = models.ForeignKey("accounts.Organisation", on_delete=models.CASCADE, related_name="notices")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    period = models.DateField(help_text="First day of the month, or the day (UTC).")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "quotas_notice"  # older than this room
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(fields=["organisation", "kind", "period"], name="notice_is_given_once_a_period"),
        ]

    def __str__(self) -> str:
        return self.get_kind_display()

    @property
    def deliveries(self) -> "Sequence[NoticeDelivery]":
        """Return how it was sent; one of a process of the version before was sent by that."""
        return list(self.message.deliveries.all()) if hasattr(self, "message") else []


class MessageRecord(models.Model):
    """A message that was put on its way, as `notify.message` has it; it goes after `notify.retention.KEPT_DAYS`."""

    organisation = models.ForeignKey(
        "accounts.Organisation", on_delete=models.CASCADE, related_name="+", db_index=False
    )
    key = models.CharField(max_length=200, editable=False)
    kind = models.CharField(max_length=200)
    subject = models.CharField(max_length=100, blank=True, default="", db_default="", editable=False)
    together = models.CharField(max_length=200, blank=True, default="", db_default="", editable=False)
    content = models.JSONField()
    notice = models.OneToOneField(Notice, on_delete=models.CASCADE, null=True, editable=False, related_name="message")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "notify_message"
        verbose_name = "message"
        constraints = [models.UniqueConstraint(fields=["organisation", "key"], name="message_is_put_once")]
        # What is too old to be kept.
        indexes = [models.Index(fields=["created_at"], name="message_by_age")]

    def __str__(self) -> str:
        return str(self.content.get("title", self.kind))


class NoticeDelivery(models.Model):
    """A message on its way through one channel, with its last try. `not_before` is when the next is due."""

    class Ended(models.TextChoices):
        """Why it is not sent, where it is not and will not be."""

        GIVEN_UP = "given_up", "given up"
        REFUSED = "refused", "refused"
        HELD = "held", "held back"
        SILENCED = "silenced", "silenced"

    #: None of what processes of the version before have put there, which is theirs to send.
    message = models.ForeignKey(MessageRecord, on_delete=models.CASCADE, related_name="deliveries", null=True)
    channel = models.ForeignKey(NoticeChannel, on_delete=models.CASCADE, related_name="deliveries")
    #: Sent again by hand so many times before.
    repeat = models.PositiveSmallIntegerField(default=0, db_default=0)
    attempts = models.PositiveSmallIntegerField(default=0, db_default=0)
    not_before = models.DateTimeField(db_default=Now())
    delivered_at = models.DateTimeField(null=True, blank=True)
    ended = models.CharField(max_length=10, choices=Ended.choices, blank=True, default="", db_default="")
    #: The delivery that this one was sent with, or that told that it was held back.
    lead = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, related_name="followers")
    last_error = models.CharField(max_length=200, blank=True, default="", db_default="")
    tried_at = models.DateTimeField(null=True, blank=True)
    status = models.PositiveSmallIntegerField(null=True, blank=True)
    duration_ms = models.PositiveIntegerField(null=True, blank=True)
    body = models.TextField(blank=True, default="", db_default="", help_text="As it was sent, but for keys.")

    class Meta:
        db_table = "quotas_noticedelivery"  # older than this room
        verbose_name_plural = "notice deliveries"
        constraints = [
            models.UniqueConstraint(
                fields=["message", "channel", "repeat"], name="message_is_delivered_once_a_channel"
            ),
            models.CheckConstraint(
                condition=Q(ended__in=["", "given_up", "refused", "held", "silenced"]), name="delivery_end_is_known"
            ),
        ]
        indexes = [
            # The deliveries to be tried now.
            models.Index(fields=["not_before"], condition=Q(delivered_at__isnull=True), name="notice_delivery_due"),
            # How many were sent by a channel in the last hour.
            models.Index(fields=["channel", "delivered_at"], name="delivery_of_a_channel"),
        ]

    def __str__(self) -> str:
        return f"Delivery {self.pk} by {self.channel}"

    @property
    def standing(self) -> str:
        """Return how far it is, in a few words."""
        if self.delivered_at:
            return "sent with others" if self.lead_id else "sent"
        tries = f"{self.attempts} attempt{'s' if self.attempts != 1 else ''}"
        if self.ended:
            return f"{self.get_ended_display()}: {self.last_error}" if self.last_error else self.get_ended_display()
        return f"{self.last_error}, {tries}" if self.last_error else "waiting"
