"""Addresses of this room, below /v1/."""

from django.urls import re_path

from assist import evidence_views, recording_views

GROUP = r"^groups/(?P<number>[0-9]{1,9})"

urlpatterns = [
    re_path(GROUP + r"/evidence\Z", evidence_views.EvidenceView.as_view(), name="evidence"),
    re_path(GROUP + r"/recordings\Z", recording_views.RecordingsView.as_view(), name="recordings"),
    re_path(
        GROUP + r"/recordings/(?P<recording_id>[0-9]{1,18})\Z",
        recording_views.RecordingView.as_view(),
        name="recording",
    ),
]
