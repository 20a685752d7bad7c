from django.apps import AppConfig


class EdgesConfig(AppConfig):
    name = "edges"
    default_auto_field = "django.db.models.BigAutoField"
