"""Plans, each organisation's quota, and what was used of it."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from quotas.tally import BELOW_LEVEL

RECORDING_DAYS, MOST_RECORDING_DAYS = 30, 3_650


class Plan(models.Model):
    """A named set of limits. Changing one acts on the next request of every organisation on it."""

    name = models.CharField(max_length=60, unique=True)
    slug = models.SlugField(max_length=60, unique=True)
    requests_per_minute = models.PositiveIntegerField(validators=[MinValueValidator(1)])
    burst_requests = models.PositiveIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1)], help_text="Bucket size. Empty: one minute's worth."
    )
    monthly_bytes = models.BigIntegerField(validators=[MinValueValidator(0)])
    retention_days = models.PositiveIntegerField(validators=[MinValueValidator(1)])
    recording_days = models.PositiveIntegerField(
        default=RECORDING_DAYS,
        db_default=RECORDING_DAYS,
        validators=[MaxValueValidator(MOST_RECORDING_DAYS)],
        help_text="What was around a new or regressed error is kept for so long after retention. 0: not recorded.",
    )

    class Meta:
        ordering = ["monthly_bytes"]
        constraints = [
            models.CheckConstraint(
                condition=Q(requests_per_minute__gte=1, monthly_bytes__gte=0, retention_days__gte=1),
                name="plan_limits_are_positive",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Quota(models.Model):
    """An organisation's plan, with overrides that may begin and end by themselves."""

    organisation = models.OneToOneField("accounts.Organisation", on_delete=models.CASCADE, related_name="quota")
    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, related_name="quotas")
    requests_per_minute = models.PositiveIntegerField(null=True, blank=True, validators=[MinValueValidator(1)])
    monthly_bytes = models.BigIntegerField(null=True, blank=True, validators=[MinValueValidator(0)])
    retention_days = models.PositiveIntegerField(null=True, blank=True, validators=[MinValueValidator(1)])
    overrides_from = models.DateTimeField(null=True, blank=True, help_text="Empty: at once.")
    overrides_until = models.DateTimeField(null=True, blank=True, help_text="Empty: until changed.")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(overrides_from__isnull=True)
                | Q(overrides_until__isnull=True)
                | Q(overrides_from__lt=F("overrides_until")),
                name="quota_overrides_end_after_they_begin",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.organisation} on {self.plan}"


class LimitsInForce(models.Model):
    """The view `quotas_limits`: a quota's plan with its overrides, where they are in force now."""

    organisation = models.OneToOneField(
        "accounts.Organisation", on_delete=models.DO_NOTHING, primary_key=True, related_name="limits"
    )
    plan = models.SlugField()
    requests_per_minute = models.PositiveIntegerField()
    burst_requests = models.PositiveIntegerField()
    monthly_bytes = models.BigIntegerField()
    retention_days = models.PositiveIntegerField()
    recording_days = models.PositiveIntegerField()

    class Meta:
        managed = False
        db_table = "quotas_limits"
        default_permissions = ()

    def __str__(self) -> str:
        return f"limits of organisation {self.pk}"


class MonthlyUsage(models.Model):
    """What an organisation used in one UTC calendar month. `used_bytes` never exceeds the quota: see `ledger`."""

    organisation = models.ForeignKey("accounts.Organisation", on_delete=models.CASCADE, related_name="monthly_usage")
    period = models.DateField(help_text="First day of the month (UTC).")
    used_bytes = models.BigIntegerField(default=0)
    entries = models.BigIntegerField(default=0)
    lent_bytes = models.BigIntegerField(
        default=0, db_default=0, help_text="Lent to edges and not settled yet; at an edge, less than 0: borrowed."
    )
    called_back_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ["-period"]
        constraints = [
            # Serves the charge of every accepted batch.
            models.UniqueConstraint(fields=["organisation", "period"], name="one_usage_row_a_month"),
            models.CheckConstraint(condition=Q(used_bytes__gte=0, entries__gte=0), name="usage_is_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.organisation_id} {self.period:%Y-%m}: {self.used_bytes} bytes"


class Loan(models.Model):
    """What an edge may charge of an organisation's month: totals that only grow, so what comes twice changes nothing.

    Unspent are `lent_bytes - returned_bytes - settled_bytes`; the sum of those is `MonthlyUsage.lent_bytes`.
    `short_bytes` were forwarded beyond that: a fault of the edge.
    """

    edge_id = models.BigIntegerField()
    organisation = models.ForeignKey("accounts.Organisation", on_delete=models.CASCADE, related_name="+")
    period = models.DateField()
    lent_bytes = models.BigIntegerField(default=0, db_default=0)
    returned_bytes = models.BigIntegerField(default=0, db_default=0)
    settled_bytes = models.BigIntegerField(default=0, db_default=0)
    short_bytes = models.BigIntegerField(default=0, db_default=0)
    heard_at = models.DateTimeField(db_default=Now())

    class Meta:
        default_permissions = ()
        constraints = [
            # Serves what an edge asks for and settles.
            models.UniqueConstraint(fields=["edge_id", "organisation", "period"], name="one_loan_a_month_and_edge"),
            models.CheckConstraint(
                condition=Q(
                    returned_bytes__gte=0,
                    settled_bytes__gte=0,
                    short_bytes__gte=0,
                    lent_bytes__gte=F("returned_bytes") + F("settled_bytes"),
                ),
                name="no_more_comes_back_than_was_lent",
            ),
        ]
        indexes = [
            # Who else has something of an organisation's month.
            models.Index(fields=["organisation", "period"], name="loan_of_a_month"),
        ]

    def __str__(self) -> str:
        return f"edge {self.edge_id}: {self.lent_bytes} bytes of {self.organisation_id} {self.period:%Y-%m}"


class Installation(models.Model):
    """The number of this installation: one row. See `quotas.installation`."""

    number = models.UUIDField()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return str(self.number)


class Borrowed(models.Model):
    """At an edge: the totals of its loan of an organisation's month, as it knows them; see `Loan`.

    What it may still charge is `lent_bytes - returned_bytes` less the month's `used_bytes`.
    """

    organisation_id = models.BigIntegerField()
    period = models.DateField()
    lent_bytes = models.BigIntegerField(default=0, db_default=0)
    returned_bytes = models.BigIntegerField(default=0, db_default=0)
    is_told = models.BooleanField(default=True, db_default=True, help_text="The core knows what was returned.")
    used_bytes = models.BigIntegerField(default=0, db_default=0, help_text="When somebody looked last.")
    used_at = models.DateTimeField(db_default=Now(), help_text="When it was seen to grow last.")

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["organisation_id", "period"], name="one_borrowing_a_month"),
            models.CheckConstraint(
                condition=Q(returned_bytes__gte=0, lent_bytes__gte=F("returned_bytes")),
                name="no_more_is_returned_than_borrowed",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.lent_bytes} bytes of {self.organisation_id} {self.period:%Y-%m}"


class DailyUsage(models.Model):
    """What a public key has sent on its last day (UTC); never more than its allowance: see `allowance`."""

    api_key = models.OneToOneField(
        "accounts.ApiKey", on_delete=models.CASCADE, primary_key=True, related_name="daily_usage"
    )
    day = models.DateField()
    used_bytes = models.BigIntegerField()
    is_provable = models.BooleanField(
        db_default=True, help_text="False: not all that was received on this day was charged to it."
    )

    class Meta:
        default_permissions = ()
        constraints = [models.CheckConstraint(condition=Q(used_bytes__gte=0), name="daily_usage_is_not_negative")]

    def __str__(self) -> str:
        return f"key {self.api_key_id} {self.day}: {self.used_bytes} bytes"


#: Outcomes of requests that were not refused.
NO_REFUSALS = ("accepted", "deduplicated", BELOW_LEVEL)


class HourlyUsage(models.Model):
    """Requests, entries and bytes of one API key in one hour with one outcome. Written by SQL addition only.

    `outcome` is `accepted`, `deduplicated`, or the code of the error that refused the request; and for entries that an
    accepted request lost, `below_level` or `rejected.` with the code of what was wrong; for those in which something
    was found before they were kept, `scrubbed.` or `reported.` with the detector, or `withheld`. What is `deferred` by
    the overflow lane is counted as `accepted`, too, when it is stored.
    """

    hour = models.DateTimeField()
    organisation = models.ForeignKey("accounts.Organisation", on_delete=models.CASCADE, related_name="hourly_usage")
    api_key = models.ForeignKey("accounts.ApiKey", on_delete=models.CASCADE, related_name="hourly_usage")
    outcome = models.CharField(max_length=40)
    requests = models.BigIntegerField(default=0)
    entries = models.BigIntegerField(default=0)
    bytes = models.BigIntegerField(default=0)

    class Meta:
        ordering = ["-hour"]
        constraints = [
            # Serves the upsert, and an organisation's charts by hour.
            models.UniqueConstraint(
                fields=["organisation", "hour", "api_key", "outcome"], name="one_usage_row_an_hour_key_and_outcome"
            ),
        ]
        indexes = [
            # The look for refusals that somebody should be told of.
            models.Index(
                fields=["hour"],
                condition=Q(outcome__in=["quota_exhausted", "rate_limited"]),
                name="hourly_usage_of_429",
            ),
            # The start page's refusals of the last day; the look for entries that could not be scrubbed.
            models.Index(fields=["hour"], condition=~Q(outcome__in=NO_REFUSALS), name="hourly_usage_of_refusals"),
        ]

    def __str__(self) -> str:
        return f"{self.hour:%Y-%m-%d %H:00} key {self.api_key_id} {self.outcome}: {self.requests}"


class OutcomeFold(models.Model):
    """A set of counts that a process has added to `HourlyUsage`; remembered so that it cannot come twice."""

    id = models.UUIDField(primary_key=True)
    folded_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes = [models.Index(fields=["folded_at"], name="outcome_fold_folded_at")]  # forgetting after a week

    def __str__(self) -> str:
        return f"fold {self.id}"


class OutcomeReport(models.Model):
    """At an edge: a set of counts that its core is yet to add to its `HourlyUsage`."""

    id = models.UUIDField(primary_key=True)
    written_at = models.DateTimeField(db_default=Now())
    amounts = models.JSONField()

    class Meta:
        default_permissions = ()
        indexes = [models.Index(fields=["written_at"], name="outcome_report_written_at")]  # the oldest are sent first

    def __str__(self) -> str:
        return f"report {self.id}"
