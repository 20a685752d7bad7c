"""Small letters as a database writes them, whatever its locale."""

import pytest

from storage.letters import Letters

SMALL = {ord(capital): capital.lower() for capital in "AIΑΔΟΣÜЖ"}
PLAIN = Letters(SMALL | {ord("İ"): "i"}, knows_final_sigma=False)
ICU = Letters(SMALL | {ord("İ"): "i\u0307"}, knows_final_sigma=True)


@pytest.mark.parametrize(
    ("letters", "text", "lowered"),
    [
        (PLAIN, "AÜЖß日 x", "aüжß日 x"),
        (PLAIN, "ΟΔΟΣ", "οδοσ"),
        (PLAIN, "İA", "ia"),
        (ICU, "ΟΔΟΣ", "οδος"),
        (ICU, "ΟΔΟΣΑ Σ ΑΣ.", "οδοσα σ ας."),
        (ICU, "İΣ", "i\u0307ς"),
        (ICU, "σς", "σς"),
    ],
)
def test_letters_are_the_database_s(letters: Letters, text: str, lowered: str) -> None:
    assert letters.lower(text) == lowered
