"""Are the settings those of a system that strangers may reach?"""

import os
from collections.abc import Iterator

from django.conf import settings

from foundation import secret_key
from notify import mail
from operations.doctor.finding import Finding, error, ok, warning


def examine() -> Iterator[Finding]:
    """Look at the settings; asks nobody."""
    yield _secret_key()
    yield from _hosts()
    yield _https()
    yield _email()
    yield from _metrics()


def _secret_key() -> Finding:
    if not secret_key.is_strong(settings.SECRET_KEY):
        return error(
            "SECRET_KEY",
            "SECRET_KEY is too short or too simple: whoever guesses it can log in as anybody.",
            f"Set {secret_key.LENGTH} random characters or more: {secret_key.MAKE_ONE}",
        )
    return ok("SECRET_KEY", "SECRET_KEY is long and varied.")


def _hosts() -> Iterator[Finding]:
    if "*" in settings.ALLOWED_HOSTS:
        yield warning("ALLOWED_HOSTS", "ALLOWED_HOSTS allows every name.", "List the names that clients use.")
    elif not settings.ALLOWED_HOSTS:
        yield error("ALLOWED_HOSTS", "ALLOWED_HOSTS is empty: every request is refused.", "List the names clients use.")
    else:
        yield ok("ALLOWED_HOSTS", f"Answers to {', '.join(settings.ALLOWED_HOSTS)}.")
    if insecure := [origin for origin in settings.CSRF_TRUSTED_ORIGINS if not origin.startswith("https://")]:
        yield warning("CSRF_TRUSTED_ORIGINS", f"{insecure[0]} is trusted without HTTPS.", "Write https:// addresses.")


def _https() -> Finding:
    if settings.DEVELOPMENT:
        return warning(
            "HTTPS",
            "Development mode: plain HTTP is accepted, and cookies travel over it.",
            "In production leave LUMINALOG_DEVELOPMENT unset, and put a proxy in front: docs/deploy.md.",
        )
    if not settings.TRUSTED_PROXIES:
        return warning(
            "HTTPS",
            "No proxy is trusted to say that a request came by HTTPS: unless web ends TLS, all of /v1 is refused.",
            "Behind a proxy that replaces X-Forwarded-Proto set LUMINALOG_TRUSTED_PROXIES=1.",
        )
    return ok("HTTPS", f"Plain HTTP is refused; {settings.TRUSTED_PROXIES} proxy in front is trusted to tell.")


def _email() -> Finding:
    if mail.reaches_nobody():
        return warning("e-mail", "E-mail is not set up: notices by e-mail reach nobody.", "Set EMAIL_URL.")
    return ok("e-mail", "E-mail is set up.")


def _metrics() -> Iterator[Finding]:
    if not settings.METRICS_TOKEN and not settings.DEVELOPMENT:
        yield warning("metrics", "Nobody can scrape /metrics.", "Set LUMINALOG_METRICS_TOKEN: docs/operations.md.")
    folder = settings.METRICS_DIR
    if folder and not os.access(folder if folder.exists() else folder.parent, os.W_OK):
        yield warning(
            "metrics",
            f"The metrics folder {folder} cannot be written: each process counts in its memory alone.",
            "Let the user of the product write LUMINALOG_METRICS_DIR.",
        )
