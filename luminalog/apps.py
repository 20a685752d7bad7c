from django.apps import AppConfig


class LuminalogConfig(AppConfig):
    name = "luminalog"
