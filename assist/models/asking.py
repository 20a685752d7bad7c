"""Whether an organisation's evidence may be shown to a model, what that may cost, and what was asked and answered."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Length, Now
from django.db.models.lookups import LessThanOrEqual

MONTHLY_TOKENS = 500_000
MOST_SENT, MOST_ANSWERED = 524_288, 65_536


class Setting(models.Model):
    """Whether a model may be asked about an organisation's errors. One without a row has the defaults: it may not."""

    organisation = models.OneToOneField(
        "accounts.Organisation", on_delete=models.CASCADE, primary_key=True, related_name="explanations"
    )
    asks_model = models.BooleanField(
        "may ask a model",
        default=False,
        db_default=False,
        help_text="Whoever may ask sends the evidence of an error, with lines of logs, to the model that the operator "
        "has set up. Secrets and personal data are replaced first, whatever the organisation's rules say.",
    )
    monthly_tokens = models.PositiveBigIntegerField(
        default=MONTHLY_TOKENS,
        db_default=MONTHLY_TOKENS,
        help_text="What all questions and answers of a month (UTC) may come to.",
    )

    class Meta:
        verbose_name = "explanations by a model"
        verbose_name_plural = "explanations by a model"
        permissions = [("ask_model", "Can ask a model about error groups")]

    def __str__(self) -> str:
        return f"Explanations of {self.organisation}"


class Spending(models.Model):
    """The tokens of an organisation in a month (UTC): spent, and held for questions that are being asked."""

    organisation = models.ForeignKey("accounts.Organisation", on_delete=models.CASCADE, related_name="+")
    period = models.DateField(help_text="First day of the month (UTC).")
    tokens = models.BigIntegerField()
    questions = models.IntegerField(db_default=0)

    class Meta:
        default_permissions = ()
        constraints = [
            # Serves the charge of every question.
            models.UniqueConstraint(fields=["organisation", "period"], name="one_spending_row_a_month"),
            models.CheckConstraint(condition=Q(tokens__gte=0), name="spending_is_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.organisation_id} {self.period:%Y-%m}: {self.tokens} tokens"


class Answer(models.Model):
    """What a model said about the evidence with this digest: checked, and kept as text."""

    organisation_id = models.BigIntegerField()
    group_id = models.BigIntegerField()
    digest = models.CharField(max_length=32)
    model = models.CharField(max_length=200)
    at = models.DateTimeField(db_default=Now())
    oldest_at = models.DateTimeField(help_text="That of the evidence.")
    document = models.TextField(help_text="JSON.")

    class Meta:
        default_permissions = ()
        constraints = [
            # Found by what was asked.
            models.UniqueConstraint(fields=["group_id", "digest", "model"], name="evidence_is_explained_once"),
            models.CheckConstraint(
                condition=LessThanOrEqual(Length("document"), MOST_ANSWERED), name="answer_is_bounded"
            ),
        ]
        indexes = [
            # What retention takes, and erasing.
            models.Index(fields=["organisation_id", "oldest_at"], name="answer_oldest"),
        ]

    def __str__(self) -> str:
        return f"{self.model} on group {self.group_id}"


class Verdict(models.Model):
    """Whether somebody found an answer helpful."""

    answer = models.ForeignKey(
        Answer, on_delete=models.CASCADE, db_index=False, db_constraint=False, related_name="verdicts"
    )
    who = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    is_helpful = models.BooleanField()
    at = models.DateTimeField(db_default=Now())

    class Meta:
        default_permissions = ()
        constraints = [
            # Somebody's own, and all of an answer.
            models.UniqueConstraint(fields=["answer", "who"], name="one_verdict_each"),
        ]

    def __str__(self) -> str:
        return f"{'helpful' if self.is_helpful else 'not helpful'}: {self.answer}"


class Call(models.Model):
    """A question to a model, with the exact text that was sent. Written before it is sent, and kept for 30 days."""

    class Outcome(models.TextChoices):
        ASKED = "asked", "No answer yet"
        ANSWERED = "answered", "Answered"
        INVALID = "invalid", "Answered, but not as asked"
        REFUSED = "refused", "Refused"
        FAILED = "failed", "Failed"

    at = models.DateTimeField(db_default=Now())
    organisation_id = models.BigIntegerField()
    group_number = models.IntegerField()
    record_id = models.BigIntegerField(help_text="Its access record: who asked, when and from where.")
    username = models.CharField(max_length=150)
    digest = models.CharField(max_length=32)
    model = models.CharField(max_length=200)
    sent = models.TextField(help_text="The body of the request.")
    outcome = models.CharField(max_length=10, choices=Outcome.choices, db_default=Outcome.ASKED.value)
    detail = models.CharField(max_length=200, db_default="", blank=True)
    tokens_in = models.IntegerField(db_default=0)
    tokens_out = models.IntegerField(db_default=0)
    seconds = models.FloatField(null=True)

    class Meta:
        verbose_name = "question to a model"
        verbose_name_plural = "questions to a model"
        ordering = ["-at", "-id"]
        default_permissions = ("view",)
        constraints = [
            models.CheckConstraint(
                condition=Q(outcome__in=["asked", "answered", "invalid", "refused", "failed"]),
                name="outcome_of_call_is_known",
            ),
            models.CheckConstraint(condition=LessThanOrEqual(Length("sent"), MOST_SENT), name="call_is_bounded"),
        ]
        indexes = [
            # The admin's list; the old ones go.
            models.Index(fields=["-at", "-id"], name="call_newest"),
            # What erasing looks into.
            models.Index(fields=["organisation_id"], name="call_organisation"),
        ]

    def __str__(self) -> str:
        return f"{self.model} on #{self.group_number}"
