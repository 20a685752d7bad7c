"""The model that staff may ask about errors: is it there, and does it take our key?"""

from collections.abc import Iterator

from django.conf import settings

from assist import model_client
from assist.model_client import ModelError
from operations.doctor.finding import Finding, ok, warning


def examine() -> Iterator[Finding]:
    """Ask the model's server for its list of models, if the operator has set one up. Nothing of logs is sent."""
    if not settings.AI_URL:
        return
    if not settings.AI_MODEL:
        yield warning("model", "LUMINALOG_AI_URL is set, but no model: none is asked.", "Set LUMINALOG_AI_MODEL.")
        return
    try:
        model_client.probe()
    except ModelError as error:
        yield warning(
            "model",
            f"The model at {model_client.host()} cannot be asked: {error}",
            "Start its server, and check LUMINALOG_AI_URL, LUMINALOG_AI_KEY and LUMINALOG_AI_PUBLIC: docs/explain.md.",
        )
    else:
        yield ok("model", f"{settings.AI_MODEL} at {model_client.host()} answers.")
