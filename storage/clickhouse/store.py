"""What `storage.store` opens for `clickhouse:`; readers are behind the wall if `STORE_READ_URL` names one."""

from functools import partial

from django.conf import settings

from storage.clickhouse.address import address_of
from storage.clickhouse.backup import Backup
from storage.clickhouse.days import Days
from storage.clickhouse.eraser import Eraser
from storage.clickhouse.health import look
from storage.clickhouse.keeper import Keeper
from storage.clickhouse.migrations import migrate
from storage.clickhouse.reader import Reader
from storage.clickhouse.server import Server
from storage.clickhouse.writer import Writer
from storage.store import Store


def open_store(url: str) -> Store:
    """Return the store at `url`. Raises: `ImproperlyConfigured`."""
    server = server_of(url)
    read_url = settings.STORE_READ_URL
    behind = Server(address_of(read_url, name="STORE_READ_URL")) if read_url else None
    return Store(
        writer=Writer(server),
        reader=Reader(server, behind=behind),
        days=Days(server),
        eraser=Eraser(server),
        keeper=Keeper(server),
        migrate=partial(migrate, server),
        health=partial(look, server),
        backup=Backup(server),
    )


def server_of(url: str) -> Server:
    """Return the server at `url`, to be spoken to as who writes. Raises: `ImproperlyConfigured`."""
    return Server(address_of(url, name="STORE_URL"))
