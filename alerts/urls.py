"""Addresses of this room, below /v1/."""

from django.urls import path, re_path

from alerts import views

NUMBER = r"[0-9]{1,18})\Z"

urlpatterns = [
    path("alert-rules", views.RulesView.as_view(), name="alert-rules"),
    path("alert-rules/preview", views.PreviewView.as_view(), name="alert-rules-preview"),
    re_path(r"^alert-rules/(?P<rule_id>" + NUMBER, views.OneRuleView.as_view(), name="alert-rule"),
    path("incidents", views.IncidentsView.as_view(), name="incidents"),
    re_path(r"^incidents/(?P<incident_id>" + NUMBER, views.OneIncidentView.as_view(), name="incident"),
    path("silences", views.SilencesView.as_view(), name="silences"),
    re_path(r"^silences/(?P<silence_id>" + NUMBER, views.OneSilenceView.as_view(), name="silence"),
    re_path(r"^heartbeats/(?P<token>[0-9a-f-]{1,60})\Z", views.HeartbeatView.as_view(), name="heartbeat"),
]
