"""Addresses of this room, below /v1/."""

from django.urls import re_path

from assist import evidence_views

GROUP = r"^groups/(?P<number>[0-9]{1,9})"

urlpatterns = [
    re_path(GROUP + r"/evidence\Z", evidence_views.EvidenceView.as_view(), name="evidence"),
]
