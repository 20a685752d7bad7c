from django.apps import AppConfig


class AssistConfig(AppConfig):
    name = "assist"
    verbose_name = "Explanations"
    default_auto_field = "django.db.models.BigAutoField"
