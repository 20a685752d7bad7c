from django.apps import AppConfig


class ExploreConfig(AppConfig):
    name = "explore"
    verbose_name = "Logs"
    default_auto_field = "django.db.models.BigAutoField"
