"""Cells of a table that a spreadsheet opens: none is a formula, in whatever script it begins (OWASP ASVS 1.2.10)."""

import unicodedata

#: What begins a formula. Its full-width, small and raised forms are these when normalised (NFKC).
FORMULA_STARTS = frozenset("=+-@\N{MINUS SIGN}")
#: What a spreadsheet may take away at the beginning: controls, what is not seen, what is not assigned, spaces, marks.
SKIPPED = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp", "Zs", "Mn", "Me"})
#: Text with these as its first character is disarmed whatever follows.
CONTROLS = frozenset("\t\r\n\0")


def disarmed(text: str) -> str:
    """Return `text`, with an apostrophe before it when a spreadsheet could calculate it."""
    if not text or text[0].isalnum():  # nearly all
        return text
    return "'" + text if text[0] in CONTROLS or _begins_a_formula(text) else text


def _begins_a_formula(text: str) -> bool:
    first = next((character for character in text if unicodedata.category(character) not in SKIPPED), "")
    return unicodedata.normalize("NFKC", first)[:1] in FORMULA_STARTS if first else False
