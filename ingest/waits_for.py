"""What batches that failed wait for. Apart from the models, because the web server asks before Django is set up."""

from django.db.models import TextChoices


class WaitsFor(TextChoices):
    """What a batch that failed waits for, if nothing says that the failure was its own."""

    STORE = "store", "the log store, which took nothing"
    PLACE = "place", "its organisation's or day's place in the log store, which took others"
