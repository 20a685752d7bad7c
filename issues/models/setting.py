"""How an organisation's errors are grouped, where it says so itself."""

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Value

from issues.ours import MOST_CHARACTERS as MOST_OF_PREFIX
from issues.ours import MOST_PREFIXES
from issues.rules import is_expression

MOST_PATTERNS = 20


def _texts(help_text: str, *, longest: int = MOST_OF_PREFIX, size: int = MOST_PREFIXES) -> ArrayField:  # type: ignore[type-arg]
    return ArrayField(
        models.CharField(max_length=longest),
        default=list,
        db_default=Value([]),
        blank=True,
        size=size,
        help_text=help_text,
    )


class Setting(models.Model):
    """How an organisation's errors are grouped. One without a row has the defaults."""

    organisation = models.OneToOneField(
        "accounts.Organisation", on_delete=models.CASCADE, primary_key=True, related_name="grouping"
    )
    release_key = models.CharField(
        max_length=100,
        default="",
        db_default="",
        blank=True,
        help_text="The metadata key that holds an entry's release, where neither release nor version does.",
    )
    ours = _texts("One a line: beginnings of paths, modules or classes that are your own, whatever they look like.")
    not_ours = _texts("One a line: beginnings of paths, modules or classes of libraries.")
    edition = models.IntegerField(default=0, db_default=0, editable=False)
    former_ours = _texts("", size=MOST_PREFIXES)
    former_not_ours = _texts("", size=MOST_PREFIXES)
    former_edition = models.IntegerField(default=0, db_default=0, editable=False)
    changed_at = models.DateTimeField(null=True, blank=True, editable=False)
    filters_extensions = models.BooleanField(
        default=False, db_default=False, help_text="Errors in extensions of browsers: kept, but in no group."
    )
    filters_crawlers = models.BooleanField(
        default=False,
        db_default=False,
        help_text="Errors of crawlers, told by their user agent: kept, but in no group.",
    )
    filtered_messages = _texts(
        "One RE2 expression a line: errors whose message it fits are kept, but in no group.",
        longest=200,
        size=MOST_PATTERNS,
    )

    class Meta:
        verbose_name = "grouping of errors"
        verbose_name_plural = "grouping of errors"

    def __str__(self) -> str:
        return f"Grouping of {self.organisation}"

    def clean(self) -> None:
        """Refuse what RE2 cannot read, and what fits every message."""
        wrong = [pattern for pattern in self.filtered_messages if not is_expression(pattern)]
        if wrong:
            raise ValidationError({"filtered_messages": f"RE2 cannot read {wrong[0]}, or it fits an empty message."})
