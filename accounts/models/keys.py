"""API keys, and their standing."""

from datetime import datetime, timedelta
from typing import Self

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from accounts.models.tenants import Organisation, Project
from accounts.scopes import OF_PUBLIC_KEYS, PUBLIC_KEYS_ONLY_INGEST, SCOPES, Scope, default_scopes
from accounts.validators import validate_network, validate_origin
from foundation.levels import Level

EXPIRES_SOON = timedelta(days=14)
ROTATE_EVERY = timedelta(days=90)


class ApiKeyQuerySet(models.QuerySet["ApiKey"]):
    """Keys by their standing."""

    def in_force(self, *, at: datetime | None = None) -> Self:
        """Neither revoked nor expired; their organisation may be suspended nevertheless."""
        at = at or timezone.now()
        return self.filter(Q(expires_at__isnull=True) | Q(expires_at__gt=at), revoked_at__isnull=True)

    def stragglers(self, *, at: datetime | None = None) -> Self:
        """Rotated keys in force that somebody still used after their successor was there."""
        return self.in_force(at=at).filter(successor__isnull=False, last_used_at__gt=F("successor__created_at"))

    def expiring(self, *, at: datetime | None = None) -> Self:
        """In force for less than 14 days more, and without a successor."""
        at = at or timezone.now()
        return self.in_force(at=at).filter(expires_at__lte=at + EXPIRES_SOON, successor__isnull=True)

    def overdue(self, *, at: datetime | None = None) -> Self:
        """In force and not rotated for 90 days."""
        at = at or timezone.now()
        return self.in_force(at=at).filter(created_at__lte=at - ROTATE_EVERY, successor__isnull=True)

    def overheard(self, *, at: datetime | None = None) -> Self:
        """In force although they were sent over plain HTTP."""
        return self.in_force(at=at).filter(seen_over_plain_http_at__isnull=False)


class ApiKey(models.Model):
    """A secret that lets an application in. Only its SHA-256 is kept; the key itself is shown once, at its making."""

    class Kind(models.TextChoices):
        SECRET = "secret", "Secret: known to servers only"
        PUBLIC = "public", "Public: carried by browsers and apps"

    class InvalidEntries(models.TextChoices):
        STRICT = "strict", "Refuse the whole batch"
        LENIENT = "lenient", "Keep the valid entries"

    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="api_keys")
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="api_keys")
    name = models.CharField(max_length=120)
    environment = models.CharField(
        max_length=64, default="production", help_text="For entries that name no environment of their own."
    )
    sha256 = models.BinaryField(max_length=32, unique=True, editable=False)  # unique: the look-up of every request
    prefix = models.CharField(max_length=7, editable=False)
    suffix = models.CharField(max_length=4, editable=False)
    kind = models.CharField(
        max_length=6,
        choices=Kind.choices,
        default=Kind.SECRET,
        help_text="A public key is seen by whoever uses the application that carries it: it can only send logs.",
    )
    scopes = ArrayField(models.CharField(max_length=8, choices=SCOPES), default=default_scopes)
    requests_per_minute = models.PositiveIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1)], help_text="Own limit, below the organisation's."
    )
    allowed_networks = ArrayField(
        models.CharField(max_length=43, validators=[validate_network]),
        default=list,
        blank=True,
        help_text="CIDR networks the key may be used from, separated by commas. Empty: from anywhere.",
    )
    allowed_origins = ArrayField(
        models.CharField(max_length=255, validators=[validate_origin]),
        default=list,
        db_default=[],
        blank=True,
        help_text="Of a public key: whose pages may use it, such as https://shop.example or https://*.shop.example, "
        "separated by commas. Requests without an origin are refused then. Empty: anybody's, and apps.",
    )
    daily_bytes = models.PositiveBigIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="Of a public key: how many bytes it may send a day (UTC). Empty: 2 % of the month's quota.",
    )
    keeps_overflow = models.BooleanField(
        "overflow lane",
        default=False,
        db_default=False,
        help_text="For clients that drop what is answered 429. Requests beyond the rate limit, up to ten bursts, "
        "are kept and charged at once, and can be read when their turn has come, some minutes later. "
        "Secret keys only.",
    )
    invalid_entries = models.CharField(
        max_length=8, choices=InvalidEntries.choices, default=InvalidEntries.STRICT, help_text="What a bad entry does."
    )
    minimum_level = models.PositiveSmallIntegerField(
        choices=[(level.value, level.label) for level in Level],
        default=Level.DEBUG.value,
        help_text="Entries below this level are dropped, and counted.",
    )
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, editable=False, related_name="+"
    )
    rotated_from = models.OneToOneField(
        "self", on_delete=models.SET_NULL, null=True, blank=True, editable=False, related_name="successor"
    )
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)
    revoked_reason = models.CharField(max_length=200, blank=True, editable=False)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_used_address = models.GenericIPAddressField(null=True, blank=True, editable=False)
    last_used_client = models.CharField(max_length=200, blank=True, editable=False)
    seen_over_plain_http_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = ApiKeyQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        verbose_name = "API key"
        permissions = [("revoke_apikey", "Can revoke API key")]
        constraints = [
            models.CheckConstraint(
                condition=Q(scopes__contained_by=[scope.value for scope in Scope]) & ~Q(scopes=[]),
                name="api_key_scopes_are_known",
                violation_error_message="Choose what the key may do.",
            ),
            models.CheckConstraint(condition=Q(kind__in=["secret", "public"]), name="api_key_kind_is_known"),
            models.CheckConstraint(
                condition=Q(kind="secret") | Q(scopes=OF_PUBLIC_KEYS),
                name="public_api_key_only_ingests",
                violation_error_message=PUBLIC_KEYS_ONLY_INGEST,
            ),
            models.CheckConstraint(
                condition=Q(kind="public") | Q(allowed_origins=[], daily_bytes__isnull=True),
                name="only_public_api_keys_have_an_allowance",
                violation_error_message="Origins and a daily allowance are for public keys.",
            ),
            models.CheckConstraint(
                condition=Q(keeps_overflow=False) | Q(kind="secret"),
                name="only_secret_api_keys_keep_overflow",
                violation_error_message="The overflow lane is for secret keys.",
            ),
            models.CheckConstraint(
                condition=Q(requests_per_minute__isnull=True) | Q(requests_per_minute__gte=1),
                name="api_key_limit_is_positive",
            ),
            models.CheckConstraint(
                condition=Q(revoked_at__isnull=True) | ~Q(revoked_reason=""), name="revoked_api_key_has_a_reason"
            ),
            models.CheckConstraint(
                condition=Q(minimum_level__in=[level.value for level in Level]), name="api_key_level_is_known"
            ),
        ]
        indexes = [
            # The warning lists of the admin: keys that expire soon.
            models.Index(fields=["expires_at"], condition=Q(revoked_at__isnull=True), name="api_key_expires_at"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…{self.suffix})"
