"""What waits in the spool and what the log store refused: to look at, and dead letters to replay or export."""

from typing import Any, cast

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse

from accounts import looks
from accounts.addresses import client_address
from accounts.looks import Look
from accounts.models import AccessRecord, User
from foundation import places
from foundation.readonly import ReadOnlyAdmin
from ingest.models import DeadLetter, SpooledBatch
from ingest.spool import dead_letters

places.lists("operations", of="ingest.spooledbatch", title="Spool", order=2)
places.lists("operations", of="ingest.deadletter", title="Dead letters", order=4)


class WithoutPayloads(ReadOnlyAdmin):
    """Lists rows without their payloads, each of which may be megabytes."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request)
        return rows.defer("payload")


@admin.register(SpooledBatch)
class SpooledBatchAdmin(WithoutPayloads):
    empty_list = "Nothing waits: all that was accepted is stored."
    list_display = [
        "batch_id",
        "organisation_id",
        "project",
        "received_at",
        "deferred_until",
        "entries",
        "size_bytes",
        "attempts",
        "waits_for",
    ]
    list_filter = ["attempts", "waits_for"]
    search_fields = ["=batch_id", "=organisation_id"]
    search_help_text = "Batch or organisation id"
    exclude = ["payload"]
    ordering = ["received_at"]


@admin.register(DeadLetter)
class DeadLetterAdmin(WithoutPayloads):
    empty_list = "None: the log store has taken every entry."
    list_display = [
        "batch_id",
        "position",
        "organisation_id",
        "project",
        "entries",
        "size_bytes",
        "reason",
        "created_at",
    ]
    search_fields = ["=batch_id", "=organisation_id"]
    search_help_text = "Batch or organisation id"
    exclude = ["payload"]
    readonly_fields = ["content"]
    actions = ["replay", "export"]

    def render_change_form(self, request: HttpRequest, *arguments: Any, **options: Any) -> HttpResponse:
        """Record whoever opens a letter, before it is shown."""
        _record(request, AccessRecord.Action.DEAD_LETTER, DeadLetter.objects.filter(pk=options["obj"].pk))
        response: HttpResponse = super().render_change_form(request, *arguments, **options)
        return response

    @admin.display(description="Content")
    def content(self, letter: DeadLetter) -> str:
        """Show what was refused, as far as it can be read and is not too much for a page."""
        return dead_letters.glance(bytes(letter.payload))

    @admin.action(description="Replay: put back into the spool, uncharged", permissions=["replay"])
    def replay(self, request: HttpRequest, chosen: QuerySet[DeadLetter]) -> None:
        replayed = dead_letters.replay(list(chosen.values_list("pk", flat=True)))
        self.message_user(request, f"{replayed} dead letters were put back into the spool.", messages.SUCCESS)

    @admin.action(description="Export their entries as NDJSON", permissions=["view"])
    def export(self, request: HttpRequest, chosen: QuerySet[DeadLetter]) -> StreamingHttpResponse:
        _record(request, AccessRecord.Action.EXPORT, chosen)
        letter_ids = list(chosen.order_by("batch_id", "position").values_list("pk", flat=True))
        headers = {"Content-Disposition": 'attachment; filename="dead-letters.ndjson"'}
        lines = dead_letters.exported(letter_ids)
        return StreamingHttpResponse(lines, content_type="application/x-ndjson", headers=headers)

    def has_replay_permission(self, request: HttpRequest) -> bool:
        """Replaying changes what is stored: it takes the permission to change dead letters."""
        return request.user.has_perm("ingest.change_deadletter")


def _record(request: HttpRequest, action: AccessRecord.Action, letters: QuerySet[DeadLetter]) -> None:
    """Record that whoever asks is about to look at `letters`."""
    by = looks.member_of_staff(cast(User, request.user), address=client_address(request))
    look = Look(action=action, subject=dead_letters.called(letters))
    looks.record_each(look, by=by, organisation_ids=letters.values_list("organisation_id", flat=True))
