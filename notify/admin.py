"""Admin pages of notices, of the channels that messages go through, and of the log of deliveries."""

from typing import TYPE_CHECKING, Any, cast

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import URLPattern, path, reverse

from accounts import looks
from accounts.addresses import client_address
from accounts.looks import Look
from accounts.models import AccessRecord, User
from accounts.steps import find
from foundation import places
from foundation.phrases import ago
from foundation.readonly import ReadOnlyAdmin
from notify import trial
from notify.channel_form import FIELDS, ChannelForm, trouble
from notify.channels.webhook import secret_of
from notify.models import Notice, NoticeChannel, NoticeDelivery

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Any]
else:
    ModelAdmin = admin.ModelAdmin  # only django-stubs' is generic

#: Messages quote entries.
MAY_READ = "explore.view_logs"
MAY_SEND = "notify.change_noticechannel"
#: What a message about an incident says, without what clients wrote.
STEPS = {
    "alert.opened": "Incident {} began",
    "alert.closed": "Incident {} is over",
    "alert.late": "Incident {}, stored late",
    "alert.flapping": "Incident {} flaps",
    "alert.quiet": "Incident {}: quiet again",
    "alert.new_group": "Incident {}: a new error",
    "alert.regression": "Incident {}: an error came back",
    "alert.woken": "Incident {}: an error is ignored no longer",
    "alert.drift": "Incident {}: a field drifted",
}
#: Whose titles are ours, whoever may read what clients wrote.
OURS = ("notice.", "channel.", "test")

places.lists("usage", of="notify.notice", title="Notices", order=1)
places.lists("alerts", of="notify.noticechannel", title="Channels", order=4)
places.lists("alerts", of="notify.noticedelivery", title="Deliveries", order=5)


@admin.register(NoticeChannel)
class NoticeChannelAdmin(ModelAdmin):
    empty_list = (
        "No channel yet: notices are shown here only. Add one: e-mail, Slack, Discord, Teams, PagerDuty, webhook."
    )
    form = ChannelForm
    change_form_template = "admin/notify/channel_form.html"
    list_display = ["organisation", "kind", "called", "state"]
    list_display_links = ["called"]
    list_filter = ["kind", "is_active"]
    list_select_related = ["organisation"]
    search_fields = ["organisation__name", "organisation__slug", "name"]
    autocomplete_fields = ["organisation"]
    readonly_fields = ["masked", "secret", "state"]
    show_full_result_count = False

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.try_out)
        return [path("<path:object_id>/test/", view, name="notify_noticechannel_test"), *super().get_urls()]

    def get_fields(self, request: HttpRequest, obj: NoticeChannel | None = None) -> Any:
        """Show an address masked to those who only read, and a webhook's secret to those who may change it."""
        if not obj:
            return FIELDS
        if not self.has_change_permission(request, obj):
            return [*("masked" if name == "address" else name for name in FIELDS), "state"]
        return [*FIELDS, "state", *(["secret"] if obj.kind == NoticeChannel.Kind.WEBHOOK else [])]

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        """Refuse to find channels by secrets: whoever may look at the list could guess them letter by letter."""
        if lookup.startswith(("address", "salt")):
            return False
        return bool(super().lookup_allowed(lookup, value, cast(HttpRequest, request)))

    def save_model(self, request: HttpRequest, obj: NoticeChannel, form: Any, change: bool) -> None:
        """Begin anew with a channel that is switched on; say of one that cannot work why."""
        if obj.is_active:
            obj.stopped_because, obj.rests_until = "", None
        super().save_model(request, obj, form, change)
        if obj.is_active and (why := trouble(obj)):
            self.message_user(request, why, messages.WARNING)

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *arguments: Any, **options: Any) -> Any:
        """Say of a channel that cannot work why, and lead to what was sent by it."""
        channel = cast(NoticeChannel | None, options.get("obj"))
        shown = {
            "trouble": trouble(channel) if channel else "",
            "may_view_deliveries": request.user.has_perm("notify.view_noticedelivery"),
        }
        return super().render_change_form(request, context | shown, *arguments, **options)

    def try_out(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Send a test, and say how that went."""
        channel = find(self, request, unquote(object_id), permission=MAY_SEND)
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        delivery = trial.try_out(channel, by=request.user.get_username())
        answer = f"answered {delivery.status}, " if delivery.status else ""
        took = f"{(delivery.duration_ms or 0) / 1000:.1f} s"
        if delivery.last_error:
            text, level = f"The test was not delivered: {delivery.last_error}.", messages.ERROR
        else:
            text, level = f"The test was delivered: {answer}{took}.", messages.SUCCESS
        self.message_user(request, text, level)
        return HttpResponseRedirect(reverse("admin:notify_noticechannel_change", args=[channel.pk]))

    @admin.display(description="called", ordering="name")
    def called(self, channel: NoticeChannel) -> str:
        return channel.name or channel.masked

    @admin.display(description="address")
    def masked(self, channel: NoticeChannel) -> str:
        return channel.masked

    @admin.display(description="state")
    def state(self, channel: NoticeChannel) -> str:
        if channel.is_active:
            return trouble(channel) or "on"
        return f"switched off: it {channel.stopped_because}" if channel.stopped_because else "off"

    @admin.display(description="secret of its signatures")
    def secret(self, channel: NoticeChannel) -> str:
        return secret_of(channel)


@admin.register(NoticeDelivery)
class NoticeDeliveryAdmin(ReadOnlyAdmin):
    """The log: what was sent by whom, and how that went. Its list quotes no client; a delivery's page does."""

    empty_list = "Nothing was sent yet. Test a channel, and it is here."
    change_form_template = "admin/notify/delivery_form.html"
    list_display = ["about", "organisation", "channel", "standing", "status", "tries", "put"]
    list_display_links = ["about"]
    list_filter = ["channel__kind", "ended"]
    search_fields = ["message__organisation__name", "message__organisation__slug", "channel__name"]
    ordering = ["-pk"]
    fields = [
        "about", "organisation", "channel", "standing", "status", "duration", "tries", "put", "tried_at",
        "delivered_at", "not_before", "lead", "body",
    ]  # fmt: skip

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.send_again)
        return [path("<path:object_id>/again/", view, name="notify_noticedelivery_again"), *super().get_urls()]

    def get_queryset(self, request: HttpRequest) -> QuerySet[NoticeDelivery]:
        """Leave out what processes of the version before have put there, which know no messages."""
        rows: QuerySet[NoticeDelivery] = super().get_queryset(request)
        return rows.filter(message__isnull=False).select_related("message__organisation", "channel").defer("body")

    def get_fields(self, request: HttpRequest, obj: NoticeDelivery | None = None) -> Any:  # noqa: ARG002
        return [name for name in self.fields or () if name != "body" or request.user.has_perm(MAY_READ)]

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        """Find deliveries of a channel, and never by what was sent."""
        if lookup.startswith(("body", "message")):
            return False
        return lookup == "channel__id__exact" or bool(super().lookup_allowed(lookup, value, cast(HttpRequest, request)))

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *arguments: Any, **options: Any) -> Any:
        """Record whoever reads what was sent, before it is shown."""
        delivery = cast(NoticeDelivery, options["obj"])
        if request.user.has_perm(MAY_READ):
            by = looks.member_of_staff(cast(User, request.user), address=client_address(request))
            look = Look(action=AccessRecord.Action.MESSAGE, subject=f"delivery {delivery.pk}")
            looks.record_each(look, by=by, organisation_ids=[delivery.channel.organisation_id])
        may = {"may_send": request.user.has_perm(MAY_SEND), "may_read": request.user.has_perm(MAY_READ)}
        return super().render_change_form(request, context | may, *arguments, **options)

    def send_again(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Put the message on its way once more."""
        delivery = find(self, request, unquote(object_id), permission=MAY_SEND)
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not delivery.channel.is_active:
            self.message_user(request, f"{delivery.channel} is switched off: nothing is sent by it.", messages.ERROR)
            return HttpResponseRedirect(reverse("admin:notify_noticedelivery_change", args=[delivery.pk]))
        again = trial.send_again(delivery)
        self.message_user(request, "It is on its way again, and sent within seconds.", messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:notify_noticedelivery_change", args=[again.pk]))

    @admin.display(description="message")
    def about(self, delivery: NoticeDelivery) -> str:
        message = delivery.message
        assert message
        if message.kind.startswith(OURS):
            return str(message)
        number = message.subject.removeprefix("incident-")
        is_incident = message.kind.startswith("alert.") and number.isdecimal()
        words = STEPS.get(message.kind, "").format(number) if is_incident else ""
        return words or f"{message.kind} {message.subject}".rstrip()

    @admin.display(description="organisation")
    def organisation(self, delivery: NoticeDelivery) -> str:
        return str(delivery.channel.organisation if delivery.message is None else delivery.message.organisation)

    @admin.display(description="state")
    def standing(self, delivery: NoticeDelivery) -> str:
        return delivery.standing

    @admin.display(description="attempts")
    def tries(self, delivery: NoticeDelivery) -> int:
        return delivery.attempts

    @admin.display(description="put")
    def put(self, delivery: NoticeDelivery) -> str:
        assert delivery.message
        return ago(delivery.message.created_at)

    @admin.display(description="took")
    def duration(self, delivery: NoticeDelivery) -> str:
        return "" if delivery.duration_ms is None else f"{delivery.duration_ms / 1000:.2f} s"


@admin.register(Notice)
class NoticeAdmin(ReadOnlyAdmin):
    empty_list = "No notice yet. One is made at 80 % of the quota, when it is spent, and on days with refusals."
    list_display = ["organisation", "kind", "period", "created_at", "ways"]
    list_display_links = ["kind"]
    list_filter = ["kind"]
    list_select_related = ["organisation"]
    search_fields = ["organisation__name", "organisation__slug"]
    fields = ["organisation", "kind", "period", "created_at", "sent"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Notice]:
        notices: QuerySet[Notice] = super().get_queryset(request)
        return notices.prefetch_related("message__deliveries__channel")

    @admin.display(description="sent")
    def ways(self, notice: Notice) -> str:
        sent = sum(delivery.delivered_at is not None for delivery in notice.deliveries)
        return f"{sent} of {len(notice.deliveries)}"

    @admin.display(description="sent")
    def sent(self, notice: Notice) -> str:
        return (
            "; ".join(f"{delivery.channel}: {delivery.standing}" for delivery in notice.deliveries) or "by no channel"
        )
