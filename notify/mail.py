"""Send letters by Django's mail settings, if those lead anywhere."""

from django.conf import settings
from django.core.mail import EmailMultiAlternatives

from notify.envelope import Letter

#: Backends that send nothing to anybody: what stands for EMAIL_URL where that is not set.
SILENT = ("console.EmailBackend", "dummy.EmailBackend")


def reaches_nobody() -> bool:
    """Tell whether mails go nowhere."""
    return settings.EMAIL_BACKEND.endswith(SILENT)


def send(letter: Letter) -> None:
    """Send it. Raises: `OSError`, `SMTPException`."""
    message = EmailMultiAlternatives(letter.subject, letter.text, None, [letter.to], headers=dict(letter.headers))
    message.attach_alternative(letter.html, "text/html")
    message.send()
