"""What is taken out of what is kept: asked for by staff, done by workers, provable afterwards."""

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now


class Erasure(models.Model):
    """One request to erase, or to scrub what is stored. What it names is forgotten with its end.

    `asked_by_id` is 0 for whoever runs a command on the server. Progress is written with what is done, so that whoever
    goes on after a kill knows where, and no entry counts twice.
    """

    class Kind(models.TextChoices):
        QUERY = "query", "Entries that a query finds"
        VALUE = "value", "Everything that a value stands in"
        RULES = "rules", "Scrub what is stored by today's privacy rules"
        ALL = "all", "Everything of an organisation that has gone"

    class Status(models.TextChoices):
        ASKED = "asked", "Waits for a second person"
        RUNNING = "running"
        DONE = "done"
        WITHDRAWN = "withdrawn"

    class Phase(models.TextChoices):
        LETTERS = "letters", "looks into dead letters"
        ENTRIES = "entries", "goes through the log store"
        SPOOL = "spool", "waits until all that came before is stored"
        AGAIN = "again", "looks at what was stored meanwhile"
        ELSEWHERE = "elsewhere", "looks at what staff have written"

    organisation = models.ForeignKey("accounts.Organisation", on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=5, choices=Kind.choices)
    wanted = models.TextField(blank=True, default="", db_default="", verbose_name="query or value")
    digest = models.CharField(
        max_length=16,
        blank=True,
        default="",
        db_default="",
        verbose_name="fingerprint",
        help_text="The same for the same query or value; nobody can tell from it what that was.",
    )
    reference = models.CharField(
        max_length=120, blank=True, default="", db_default="", help_text="Your number of the request. Kept for ever."
    )
    status = models.CharField(max_length=9, choices=Status.choices)
    asked_at = models.DateTimeField(db_default=Now())
    # No foreign keys: the row outlives whom it names.
    asked_by_id = models.BigIntegerField()
    asked_by = models.CharField(max_length=150)
    confirmed_at = models.DateTimeField(null=True, blank=True)
    confirmed_by_id = models.BigIntegerField(null=True, blank=True)
    confirmed_by = models.CharField(max_length=150, blank=True, default="", db_default="")

    phase = models.CharField(max_length=9, choices=Phase.choices, default=Phase.LETTERS, db_default=Phase.LETTERS.value)
    began_at = models.DateTimeField(null=True, blank=True)
    until = models.DateTimeField(null=True, blank=True, help_text="All that was received before is looked at.")
    seen = models.TextField(
        blank=True, default="", db_default=""
    )  # PostgreSQL's snapshot when the log store's turn came
    day = models.DateField(null=True, blank=True, help_text="The last day of receipt that was gone through.")
    batch_id = models.BigIntegerField(null=True, blank=True, help_text="The last batch that was, of the day after it.")
    entries = models.BigIntegerField(default=0, db_default=0, help_text="Erased, or scrubbed, in the log store.")
    size_bytes = models.BigIntegerField(default=0, db_default=0, verbose_name="bytes", help_text="That it holds less.")
    letters = models.BigIntegerField(default=0, db_default=0, help_text="Entries of dead letters.")
    unreadable = models.IntegerField(
        default=0, db_default=0, help_text="Dead letters whose bytes are no entries: nobody knows what they hold."
    )
    elsewhere = models.JSONField(default=dict, db_default={}, blank=True, help_text="What else held it, and how often.")
    moved_at = models.DateTimeField(null=True, blank=True, help_text="When something was last done.")
    ended_at = models.DateTimeField(null=True, blank=True)
    last_error = models.CharField(max_length=200, blank=True, default="", db_default="")

    class Meta:
        ordering = ["-asked_at", "-id"]
        permissions = [("confirm_erasure", "Can confirm an erasure that somebody else asked for")]
        indexes = [
            # The next to run, and whether one does not end.
            models.Index(fields=["asked_at"], condition=Q(status__in=["asked", "running"]), name="erasure_unfinished"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(kind__in=["query", "value", "rules", "all"]), name="erasure_kind_is_known"
            ),
            models.CheckConstraint(
                condition=Q(status__in=["asked", "running", "done", "withdrawn"]), name="erasure_status_is_known"
            ),
            models.CheckConstraint(
                condition=Q(status__in=["asked", "running"]) | Q(wanted=""),
                name="ended_erasure_has_forgotten_its_value",
            ),
            models.CheckConstraint(
                condition=Q(confirmed_by_id=None) | ~Q(confirmed_by_id=F("asked_by_id")),
                name="erasure_is_confirmed_by_somebody_else",
            ),
        ]

    def __str__(self) -> str:
        return f"erasure {self.pk} of {self.organisation}"

    @property
    def is_over(self) -> bool:
        """Whether nothing more will be done."""
        return self.status in (self.Status.DONE, self.Status.WITHDRAWN)
