"""The characters of the search language: words, phrases and signs, each at its place.

What looks like another language is refused with what to write instead: as text it would silently find nothing.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

MAX_CHARACTERS = 2_000

_BLANKS = re.compile(r"\s*")
_PHRASE = re.compile(r'"(?:[^\\"]|\\.)*"', re.DOTALL)
_SIGN = re.compile(r"&&|\|\||[<>]=?|[][(){}:!+-]")
#: A colon between the digits of a time does not end a word.
_WORD = re.compile(r"(?:\\.|[^\s:^~(){}\[\]\\]|(?<=T\d\d):\d\d(?::\d\d)?)+", re.DOTALL)
_NEGATIVE = re.compile(r"-[.\d]")
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|.)", re.DOTALL)

_OPERATORS = {"AND": "AND", "OR": "OR", "NOT": "NOT", "&&": "AND", "||": "OR", "!": "NOT", "-": "NOT"}
_KINDS = {"[": "[", "{": "[", "]": "]", "}": "]", "<": "compare", "<=": "compare", ">": "compare", ">=": "compare"}

#: What no word holds but behind a backslash.
_FOREIGN = (
    (re.compile(r"\?"), "? stands for nothing here: write * for any text, or a question mark in quotes."),
    (re.compile(r"&&|\|\|"), "&& and || stand between blanks; text that holds them belongs in quotes."),
    (re.compile(r'"'), "A quotation mark within a word needs a backslash."),
    (re.compile(r"^[=&|]"), "{0} is no operator here: write field:value, AND, OR, or text in quotes."),
    (re.compile(r"^/.*(?:\.[*+]|[+|$]).*/$"), "Regular expressions, ~ and ^ are not part of the search language."),
)
#: `duration_ms>500`, `status!=200`
_COMPARISON = re.compile(r"[\w.@-]+(?:[<>=!]=|[<>][\d.])")


class QueryError(ValueError):
    """A query that cannot be understood: `message` says what is wrong, `position` at which character."""

    def __init__(self, message: str, position: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.position = position


@dataclass(frozen=True, slots=True)
class Token:
    """A word or a phrase as it was written, or a sign.

    `kind` is word, phrase, end, compare, AND, OR, NOT, or the sign itself; [ and ] are { and } too.
    """

    kind: str
    text: str
    position: int


def tokens(text: str) -> Iterator[Token]:
    """Yield what `text` consists of, and its end. Raises: `QueryError`."""
    if len(text) > MAX_CHARACTERS:
        raise QueryError(f"A query may have at most {MAX_CHARACTERS:,} characters.", MAX_CHARACTERS)
    if "\0" in text:
        raise QueryError("A query cannot hold the character U+0000.", text.index("\0"))
    before, in_range = "", False
    at = _skip_blanks(text, 0)
    while at < len(text):
        is_value = in_range or before in (":", "compare")
        token = _token(text, at, is_value=is_value, in_range=in_range)
        yield token
        before, in_range = token.kind, token.kind == "[" or (in_range and token.kind != "]")
        at = _skip_blanks(text, at + len(token.text))
    yield Token("end", "", len(text))


def without_escapes(text: str) -> str:
    """Return `text` as it is meant: a backslash takes the meaning of what follows, and \\u000a is U+000A."""
    return _ESCAPE.sub(lambda found: chr(int(found[1], 16)) if found[1] else found[0][1:], text)


def unexpected(text: str, position: int) -> QueryError:
    """Return what is wrong with a character where none of its kind is expected."""
    match text[position : position + 1]:
        case "":
            message = "The query ends too early: a value or a closing parenthesis is missing."
        case '"':
            message = "The closing quotation mark is missing."
        case "\\":
            message = "A backslash needs a character after it."
        case "~" | "^":
            message = "Regular expressions, ~ and ^ are not part of the search language."
        case character:
            message = f"{character} is not expected here; put text with such characters in quotes."
    return QueryError(message, position)


def _skip_blanks(text: str, at: int) -> int:
    blanks = _BLANKS.match(text, at)
    return blanks.end() if blanks else at


def _token(text: str, at: int, *, is_value: bool, in_range: bool) -> Token:
    if text[at] == '"':
        return _phrase(text, at)
    sign = _SIGN.match(text, at)
    is_number = is_value and (in_range or _NEGATIVE.match(text, at) is not None)
    if sign and not (sign[0] == "-" and is_number):
        return _sign(sign[0], text, at)
    return _word(text, at, is_value=is_value)


def _phrase(text: str, at: int) -> Token:
    found = _PHRASE.match(text, at)
    if found is None:
        raise unexpected(text, at)
    after = text[found.end() : found.end() + 1]
    if after == ":":
        raise QueryError("A name has no quotes: put a backslash before each blank or sign in it.", at)
    if after and not after.isspace() and after not in ")]}":
        raise QueryError(f"A blank belongs between a phrase and {after}.", found.end())
    _check_escapes(found[0], at)
    return Token("phrase", found[0], at)


def _sign(sign: str, text: str, at: int) -> Token:
    after = text[at + len(sign) : at + len(sign) + 1]
    if sign == "-" and after.isspace():
        raise QueryError("A minus stands right before what it leaves out; a dash belongs in quotes.", at)
    if sign == "!" and after == "=":
        raise QueryError("!= is no operator here: write -field:value.", at)
    return Token(_OPERATORS.get(sign) or _KINDS.get(sign, sign), sign, at)


def _word(text: str, at: int, *, is_value: bool) -> Token:
    found = _WORD.match(text, at)
    if found is None:
        raise unexpected(text, at)
    word, after = found[0], text[found.end() : found.end() + 1]
    if word[0] == "'":
        raise QueryError("Quotes are double here; a single one needs a backslash before it.", at)
    if after and after in "~^":
        raise QueryError("Regular expressions, ~ and ^ are not part of the search language.", at)
    _check_escapes(word, at)
    bare = _ESCAPE.sub(lambda escape: "_" * len(escape[0]), word)
    for pattern, message in _FOREIGN:
        if foreign := pattern.search(bare):
            raise QueryError(message.format(foreign[0]), at + foreign.start())
    if not is_value and after != ":" and (compared := _COMPARISON.match(bare)):
        raise QueryError("A comparison is written field:>500, its opposite -field:value.", at + compared.end() - 2)
    is_operator = word in ("AND", "OR", "NOT") and after != ":"
    return Token(word if is_operator else "word", word, at)


def _check_escapes(text: str, at: int) -> None:
    for escape in _ESCAPE.finditer(text):
        code = int(escape[1] or "20", 16)
        if code == 0 or 0xD800 <= code <= 0xDFFF:
            raise QueryError(f"A query cannot hold the character U+{code:04X}.", at + escape.start())
