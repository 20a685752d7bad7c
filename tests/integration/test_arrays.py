"""Columns of texts and bytes come to PostgreSQL as they are."""

import pytest

from foundation.arrays import Blobs, Texts
from foundation.postgres import fetch_one

pytestmark = pytest.mark.django_db
TEXTS = ["", "shop", 'a"b\\c,{}', "NULL", "é", "💥" * 30, "\n\t"]
BLOBS = [b"", b"\0\xff", bytes(range(256)) * 300]


def test_texts_come_as_they_are() -> None:
    assert fetch_one("SELECT %s::text[]", [Texts(TEXTS)]) == (TEXTS,)


def test_bytes_come_as_they_are() -> None:
    assert fetch_one("SELECT %s::bytea[]", [Blobs(BLOBS)]) == (BLOBS,)
