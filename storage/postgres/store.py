"""What `storage.store` opens for `postgresql:`."""

from django.core.exceptions import ImproperlyConfigured

from storage.postgres import days, eraser, search, writer
from storage.store import Store


def open_store(url: str) -> Store:
    """Return the store in the database of `DATABASE_URL`. Raises: `ImproperlyConfigured`."""
    if url.partition(":")[2]:
        raise ImproperlyConfigured("STORE_URL=postgresql: is the database of DATABASE_URL, and takes no address.")
    return Store(writer=writer, reader=search, days=days, eraser=eraser)
