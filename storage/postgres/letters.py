"""Small letters as this database writes them: searches in any case (`ILIKE`) compare what its `lower` makes of texts.

Its locale decides, not Python: C.UTF-8 makes an i of İ, and ICU a ς of the last Σ of a word.
"""

from functools import cache

from django.db import connections, transaction

from storage.letters import Letters
from storage.postgres.errors import answering
from storage.wall import ALIAS

# Unicode has letters of two cases in its first two planes only.
LETTERS = """
SELECT chr(code), lower(chr(code)) FROM generate_series(1, 131071) AS code
 WHERE code NOT BETWEEN 55296 AND 57343 AND lower(chr(code)) <> chr(code)
"""
FINAL_SIGMA = "SELECT lower('ΑΣ') = 'ας'"


def lower(text: str) -> str:
    """Write `text` in small letters. The first text that is not ASCII asks the database how."""
    return text.lower() if text.isascii() else letters().lower(text)


@cache
def letters() -> Letters:
    """Ask the database for its letters, once a process."""
    with answering(0), transaction.atomic(using=ALIAS), connections[ALIAS].cursor() as cursor:
        cursor.execute(LETTERS)
        small = {ord(letter): lowered for letter, lowered in cursor.fetchall()}
        cursor.execute(FINAL_SIGMA)
        return Letters(small, knows_final_sigma=cursor.fetchone() == (True,))
