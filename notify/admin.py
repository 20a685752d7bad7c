"""Admin pages of notices and of the channels they go through."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db.models import QuerySet
from django.http import HttpRequest

from foundation import places
from foundation.readonly import ReadOnlyAdmin
from notify.channels.webhook import secret_of
from notify.models import Notice, NoticeChannel, NoticeDelivery
from notify.webhooks import WebhookError, resolve

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Any]
    TabularInline = admin.TabularInline[Any, Any]
    ChannelModelForm = forms.ModelForm[NoticeChannel]
else:
    ModelAdmin, TabularInline = admin.ModelAdmin, admin.TabularInline
    ChannelModelForm = forms.ModelForm  # only django-stubs' are generic

places.lists("usage", of="notify.notice", title="Notices", order=1)
places.lists("usage", of="notify.noticechannel", title="Notice channels", order=2)


class ChannelForm(ChannelModelForm):
    class Meta:
        model = NoticeChannel
        fields = ["organisation", "kind", "address", "is_active"]

    def clean(self) -> dict[str, Any]:
        """Refuse an address that nothing could be sent to."""
        cleaned: dict[str, Any] = super().clean() or {}
        kind, address = cleaned.get("kind"), cleaned.get("address", "")
        try:
            if kind == NoticeChannel.Kind.EMAIL:
                validate_email(address)
            elif kind == NoticeChannel.Kind.WEBHOOK:
                resolve(address)
        except ValidationError as error:
            self.add_error("address", error)
        except WebhookError as error:
            self.add_error("address", f"Nothing can be sent there: {error}.")
        return cleaned


@admin.register(NoticeChannel)
class NoticeChannelAdmin(ModelAdmin):
    empty_list = "No channel yet: notices are shown here only. Add an e-mail address or a webhook."
    form = ChannelForm
    list_display = ["organisation", "kind", "address", "is_active"]
    list_display_links = ["address"]
    list_filter = ["kind", "is_active"]
    list_select_related = ["organisation"]
    search_fields = ["organisation__name", "organisation__slug", "address"]
    autocomplete_fields = ["organisation"]
    readonly_fields = ["secret"]
    show_full_result_count = False

    def get_fields(self, request: HttpRequest, obj: NoticeChannel | None = None) -> Any:
        """Show a webhook's secret to those who may change it."""
        shows = obj and obj.kind == NoticeChannel.Kind.WEBHOOK and self.has_change_permission(request, obj)
        return [*ChannelForm.Meta.fields, *(["secret"] if shows else [])]

    @admin.display(description="secret of its signatures")
    def secret(self, channel: NoticeChannel) -> str:
        return secret_of(channel)


class DeliveryInline(TabularInline):
    model = NoticeDelivery
    fields = ["channel", "attempts", "not_before", "delivered_at", "last_error"]
    readonly_fields = ["channel", "attempts", "not_before", "delivered_at", "last_error"]
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002 - Django's signature
        return False


@admin.register(Notice)
class NoticeAdmin(ReadOnlyAdmin):
    empty_list = "No notice yet. One is made at 80 % of the quota, when it is spent, and on days with refusals."
    list_display = ["organisation", "kind", "period", "created_at", "ways"]
    list_display_links = ["kind"]
    list_filter = ["kind"]
    list_select_related = ["organisation"]
    search_fields = ["organisation__name", "organisation__slug"]
    inlines = [DeliveryInline]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Notice]:
        notices: QuerySet[Notice] = super().get_queryset(request)
        return notices.prefetch_related("deliveries")

    @admin.display(description="sent")
    def ways(self, notice: Notice) -> str:
        deliveries = notice.deliveries.all()
        sent = sum(delivery.delivered_at is not None for delivery in deliveries)
        return f"{sent} of {len(deliveries)}"
