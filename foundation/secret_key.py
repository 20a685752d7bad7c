"""Is SECRET_KEY strong? The one rule: production refuses to start without it, and the doctor tells."""

LENGTH = 50
DIFFERENT_CHARACTERS = 10
#: How Django's own `startproject` marks a key that was never meant to be secret.
MARKED_INSECURE = "django-insecure-"
MAKE_ONE = "python3 -c 'import secrets; print(secrets.token_urlsafe(50))'"


def is_strong(key: str) -> bool:
    """Tell whether nobody guesses `key`: who knows it makes sessions, cursors and tickets of their own."""
    return len(key) >= LENGTH and len(set(key)) >= DIFFERENT_CHARACTERS and not key.startswith(MARKED_INSECURE)
