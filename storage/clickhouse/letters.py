"""Small letters as ClickHouse writes them (`lowerUTF8`): searches in any case compare what it makes of texts."""

from storage.clickhouse.errors import answering
from storage.clickhouse.server import Server
from storage.letters import Letters

# Unicode has letters of two cases in its first two planes only.
LETTERS = """
SELECT number, small FROM (
       SELECT number,
              multiIf(number < 128, char(number),
                      number < 2048, char(192 + intDiv(number, 64), 128 + number % 64),
                      number < 65536,
                      char(224 + intDiv(number, 4096), 128 + intDiv(number, 64) % 64, 128 + number % 64),
                      char(240 + intDiv(number, 262144), 128 + intDiv(number, 4096) % 64,
                           128 + intDiv(number, 64) % 64, 128 + number % 64)) AS letter, lowerUTF8(letter) AS small
         FROM numbers(1, 131071) WHERE number NOT BETWEEN 55296 AND 57343)
 WHERE small <> letter
"""
FINAL_SIGMA = "SELECT lowerUTF8('ΑΣ') = 'ας'"


def ask(server: Server) -> Letters:
    """Ask ClickHouse for its letters."""
    with answering(0):
        small: dict[int, str] = dict(server.rows(LETTERS))
        [(knows_final_sigma,)] = server.rows(FINAL_SIGMA)
    return Letters(small, knows_final_sigma=bool(knows_final_sigma))
