"""What PostgreSQL takes for a field of a document's text, which it mostly only looks at: held to reading it."""

import json

import msgspec
import pytest
from django.db import connection

from explore.fields import field_of
from storage.postgres.fields import legible, raw

pytestmark = pytest.mark.django_db

#: Of a member called `n`, first, later, nested, and nowhere but in texts.
WRITTEN = [
    r'{"n":1}',
    r'{"n":-1.5e-7,"m":2}',
    r'{"n":"a,b}","m":2}',
    r'{"n":"","m":2}',
    r'{"n":true}',
    r'{"n":null,"m":2}',
    r'{"n":[1,2]}',
    r'{"n":{"n":3}}',
    r'{"m":2,"n":1}',
    r'{"m":2,"n":"x"}',
    r'{"m":2,"n":"a\"b"}',
    r'{"m":2,"n":"\u0007"}',
    r'{"m":2,"n":false,"k":3}',
    r'{"m":2,"n":null}',
    r'{"m":2,"n":[1,"x"]}',
    r'{"m":2,"n":{"k":1}}',
    r'{"m":2,"n":{"k":1,"n":3}}',
    r'{"m":{"n":3}}',
    r'{"m":{"k":1,"n":3}}',
    r'{"m":{"k":1,"n":3},"n":4}',
    r'{"n":5,"m":{"k":1,"n":3}}',
    r'{"m":[{"k":1,"n":3}],"n":"later"}',
    r'{"m":"{","n":6}',
    r'{"m":"\",\"n\":7","n":8}',
    r'{"m":"\",\"n\":7"}',
    r'{"m":",","n":9}',
    r'{"mn":1}',
    r'{"m":"n"}',
    r"{}",
    r'{"m":2, "n":1}',
    r'{"m": 2, "n": 1}',
    r'{"n": "x", "m": 2}',
    r'{"m": {"k": 1, "n": 3}}',
]


@pytest.mark.parametrize("written", WRITTEN)
def test_member_is_what_reading_the_document_tells(written: str) -> None:
    looked = raw(field_of("n"))
    whole = f"SELECT {looked.sql} AS looked FROM (SELECT %s AS metadata) AS document"
    sql = f"SELECT {legible(field_of('n'), 'looked')} FROM ({whole}) AS of_document"
    with connection.cursor() as cursor:
        cursor.execute(sql, [*looked.parameters, written])
        [(found,)] = cursor.fetchall()
    assert msgspec.json.decode(found) == json.loads(written).get("n")
