"""Channels, notices and their deliveries. Who raises a notice says of what kind it is: see `Notice.Kind`."""

from uuid import uuid4

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now


class NoticeChannel(models.Model):
    """Where an organisation wants its notices sent."""

    class Kind(models.TextChoices):
        EMAIL = "email", "E-mail"
        WEBHOOK = "webhook", "Webhook"

    organisation = models.ForeignKey("accounts.Organisation", on_delete=models.CASCADE, related_name="notice_channels")
    kind = models.CharField(max_length=8, choices=Kind.choices)
    address = models.CharField(max_length=500, help_text="An e-mail address, or an https:// address.")
    is_active = models.BooleanField(default=True)
    salt = models.UUIDField(default=uuid4, editable=False)  # with SECRET_KEY it makes the webhook's secret

    class Meta:
        db_table = "quotas_noticechannel"  # older than this room
        constraints = [
            models.UniqueConstraint(fields=["organisation", "kind", "address"], name="notice_channel_is_named_once"),
            models.CheckConstraint(condition=Q(kind__in=["email", "webhook"]), name="notice_channel_kind_is_known"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} to {self.address}"


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


class NoticeDelivery(models.Model):
    """A notice on its way through one channel."""

    notice = models.ForeignKey(Notice, on_delete=models.CASCADE, related_name="deliveries")
    channel = models.ForeignKey(NoticeChannel, on_delete=models.CASCADE, related_name="deliveries")
    attempts = models.PositiveSmallIntegerField(default=0, db_default=0)
    not_before = models.DateTimeField(db_default=Now())
    delivered_at = models.DateTimeField(null=True, blank=True)
    last_error = models.CharField(max_length=200, blank=True, default="", db_default="")

    class Meta:
        db_table = "quotas_noticedelivery"  # older than this room
        verbose_name_plural = "notice deliveries"
        constraints = [
            models.UniqueConstraint(fields=["notice", "channel"], name="notice_is_delivered_once_a_channel"),
        ]
        indexes = [
            # The deliveries to be tried now.
            models.Index(fields=["not_before"], condition=Q(delivered_at__isnull=True), name="notice_delivery_due"),
        ]

    def __str__(self) -> str:
        return f"{self.notice} by {self.channel}"
