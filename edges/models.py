"""At the core: the edges there are, and which of their batches were kept and may come again."""

from datetime import timedelta

from django.contrib.postgres.fields import ArrayField
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q

from accounts.models import Organisation
from accounts.validators import validate_network

#: An edge that was not heard for so long is silent.
SILENT_SECONDS = 60
SILENT_AFTER = timedelta(seconds=SILENT_SECONDS)


class Edge(models.Model):
    """An installation that forwards to this one. Only its token's SHA-256 is kept; the token is shown once.

    An edge ends for ever by `revoked_at`: whatever it still holds is not taken any more.
    """

    name = models.CharField(
        max_length=32,
        unique=True,
        validators=[RegexValidator(r"^[a-z][a-z0-9-]*\Z", "Small letters, digits and hyphens, a letter first.")],
        help_text="Short, as fra1.",
    )
    region = models.CharField(max_length=60, blank=True, default="", db_default="")
    sha256 = models.BinaryField(max_length=32, unique=True, editable=False)  # unique: the look-up of every request
    suffix = models.CharField(max_length=4, editable=False)
    allowed_networks = ArrayField(
        models.CharField(max_length=43, validators=[validate_network]),
        default=list,
        db_default=[],
        blank=True,
        help_text="CIDR networks it calls from, separated by commas. Empty: from anywhere.",
    )
    takes_all = models.BooleanField(
        "all organisations", default=False, db_default=False, help_text="Those that are made later, too."
    )
    organisations = models.ManyToManyField(
        Organisation, blank=True, related_name="+", help_text="Who may send there; none chosen: nobody."
    )
    created_at = models.DateTimeField(auto_now_add=True)
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)
    revoked_reason = models.CharField(max_length=200, blank=True, default="", db_default="", editable=False)
    retiring_at = models.DateTimeField(null=True, editable=False)
    #: Of one installation only: two with the same token would give their batches the same numbers.
    installation = models.UUIDField(null=True, editable=False)
    #: No request with a smaller number is taken any more.
    floor = models.BigIntegerField(default=0, db_default=0, editable=False)
    last_seen_at = models.DateTimeField(null=True, editable=False)
    unheard_until = models.DateTimeField(null=True, editable=False)  # the end of the last time that it was silent
    told_at = models.DateTimeField(null=True, editable=False)  # when it told what waits there
    version = models.CharField(max_length=40, blank=True, default="", db_default="", editable=False)
    waiting_batches = models.BigIntegerField(default=0, db_default=0, editable=False)
    waiting_bytes = models.BigIntegerField(default=0, db_default=0, editable=False)
    oldest_seconds = models.FloatField(default=0, db_default=0, editable=False)
    clock_seconds = models.FloatField(default=0, db_default=0, editable=False)  # its clock, less ours
    refused_batches = models.BigIntegerField(default=0, db_default=0, editable=False)

    class Meta:
        ordering = ["name"]
        permissions = [("end_edge", "Can retire and revoke edge")]
        constraints = [
            models.CheckConstraint(condition=Q(name__regex=r"^[a-z][a-z0-9-]{0,31}$"), name="edge_has_a_plain_name"),
            models.CheckConstraint(
                condition=Q(revoked_at__isnull=True) | ~Q(revoked_reason=""), name="revoked_edge_has_a_reason"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class EdgeBatch(models.Model):
    """A batch of an edge that is kept here, as long as a request that carries it may still come."""

    edge = models.ForeignKey(Edge, on_delete=models.PROTECT, related_name="+")
    edge_batch_id = models.BigIntegerField()
    batch_id = models.BigIntegerField()

    class Meta:
        default_permissions = ()
        constraints = [
            # Keeps a batch once, however often it comes; and finds those that were forgotten.
            models.UniqueConstraint(fields=["edge", "edge_batch_id"], name="edge_batch_is_kept_once"),
        ]

    def __str__(self) -> str:
        return f"batch {self.edge_batch_id} of edge {self.edge_id}"


class Link(models.Model):
    """At an edge: the number of its last request to the core. One row."""

    number = models.BigIntegerField(default=0, db_default=0)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"request {self.number}"
