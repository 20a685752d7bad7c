"""Addresses of this room, below /v1/."""

from django.urls import path, re_path

from issues import views

GROUP = r"^groups/(?P<number>[0-9]{1,9})"

urlpatterns = [
    path("groups", views.GroupsView.as_view(), name="groups"),
    re_path(GROUP + r"\Z", views.OneGroupView.as_view(), name="group"),
    re_path(GROUP + r"/merge\Z", views.MergeView.as_view(), name="group-merge"),
    re_path(GROUP + r"/split\Z", views.SplitView.as_view(), name="group-split"),
]
