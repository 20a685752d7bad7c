"""What a message says, whatever it says it of: its first line, with placeholders for values. Pure."""

import re

from privacy.detectors import KINDS

#: Of a message, in characters.
MOST_CHARACTERS = 300
MOST_OF_IDENTIFIER = 40
#: A word of so many with a digit is a key or an id.
OPAQUE_CHARACTERS = 16

_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]{0,6}"
_DAY = r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]{0,6}"
_CLOCK = r"\d{1,2}:\d\d(?::\d\d(?:[.,]\d{1,9})?)?(?:[ ]?[AaPp][Mm]\b)?"
_ZONE = r"(?:[ ]?(?:Z|UTC|GMT|[+-]\d\d:?\d\d)(?!\w))"
_UNITS = r"""(?:[kKMGTP]i?[bB]?|[bB]|ns|us|µs|ms|s|secs?|m|mins?|h|hrs?|d|px|x|xx|st|nd|rd|th|%|°?C|[kMG]?Hz)"""
#: The first alternative that fits at a place has it; each is linear, or bounded in length.
_VALUES = re.compile(
    rf"""
      (?P<t> (?<![\w.]) (?:
            (?:{_DAY},?\ )? \d{{1,2}}[ -]{_MONTH}[ -]\d{{4}} (?:[ :T]{_CLOCK}{_ZONE}?)?
          | (?:{_DAY}\ )? {_MONTH}\ {{1,2}}\d{{1,2}}(?:,?\ \d{{4}})? (?:\ {_CLOCK}{_ZONE}?)? (?:\ \d{{4}})?
          | \d{{1,2}}/{_MONTH}/\d{{4}} (?::{_CLOCK}{_ZONE}?)?
          | \d{{4}}[-/.]\d\d[-/.]\d\d (?:[T ]{_CLOCK}{_ZONE}?)?
          | \d{{1,2}}[/.]\d{{1,2}}[/.]\d{{4}} (?:,?\ {_CLOCK}{_ZONE}?)?
          | \d{{8}}T\d{{4,6}}Z?
          | \d{{1,2}}:\d\d:\d\d(?:[.,]\d{{1,9}})?(?:\ ?[AaPp][Mm]\b)?{_ZONE}? ) (?![\w]) )
    | (?P<uuid> (?<![\w-]) [0-9a-fA-F]{{8}}-(?:[0-9a-fA-F]{{4}}-){{3}}[0-9a-fA-F]{{12}} (?![\w-]) )
    | (?P<url> (?<!\w) [A-Za-z][A-Za-z0-9+.-]{{1,15}}:// [^\s"'`<>]* [^\s"'`<>.,;:!?)\]] )
    | (?P<replaced> \[ (?:dropped|own\.[a-z0-9_]{{1,24}}|{"|".join(sorted(KINDS))}) (?::[0-9a-f]{{12}})? \] )
    | (?P<email> (?<![\w.+-]) [\w.+-]{{1,64}} @ \w[\w-]* (?:\.\w[\w-]*)+ )
    | (?P<ip> (?<![\w.]) (?: \d{{1,3}}(?:\.\d{{1,3}}){{3}} (?:/\d{{1,2}})?
            | \[[0-9a-fA-F]{{0,4}}(?::[0-9a-fA-F]{{0,4}}){{2,7}}(?:%\w+)?\]
            | [0-9a-fA-F]{{1,4}}(?::[0-9a-fA-F]{{0,4}}){{3,7}}
            | (?<!:)::[0-9a-fA-F]{{1,4}}(?::[0-9a-fA-F]{{0,4}}){{2,6}} ) (?::\d{{1,5}})? (?![\w.]*\w) )
    | (?P<path> (?<![\w/.~]) (?: (?:~|\.{{1,2}})? (?:/[\w.@%+~=$*-]+){{2,}} /? | (?:~|\.{{1,2}})/[\w.@%+~=$*-]+
            | [A-Za-z]:[\\/] [^\s"'`<>|:,;()]* | \\\\[^\s"'`<>|:,;()]+ ) )
    | (?P<quoted> (?<!\w) (?: '[^'\n]*'(?!\w) | ‘[^’\n]*’ ) | "[^"\n]*" | `[^`'\n]*[`'] | “[^”\n]*” | «[^»\n]*» )
    | (?P<hex> (?<!\w) 0[xX][0-9a-fA-F]+ (?!\w)
            | (?<![\w-]) (?=[a-fA-F]*\d)(?=\d*[a-fA-F]) [0-9a-fA-F]{{6,}} (?![\w-]) )
    | (?P<jwt> (?<![\w-]) eyJ[\w-]+\.[\w-]+\.[\w-]* )
    | (?P<n> (?<![\w.]) [+-]? (?:\d+(?:[,._-]\d+)*|\.\d+) (?:[eE][+-]?\d+)? {_UNITS}? (?!\w) (?!-\w)
           | (?<!\w) v\d+(?:\.\d+)+ (?:-[\w.]+)? )
    | (?P<word> (?<!\w) (?<!\w-) (?=[\w-]*\d) [\w-]+ )
    """,
    re.VERBOSE,
)
_PLACEHOLDERS = {
    "t": "<t>", "uuid": "<id>", "url": "<url>", "email": "<email>", "ip": "<ip>", "path": "<path>", "hex": "<id>",
    "jwt": "<id>", "n": "<n>",
}  # fmt: skip
#: Where `privacy` has put something in the place of a value: that value's placeholder, or else an id's.
_REPLACED = {"email": "<email>", "ip_address": "<ip>", "card": "<n>", "phone": "<n>", "ssn": "<n>"}
_IDENTIFIER = re.compile(r"[^\W\d](?:[^\W\d]|[.-])*")
_RUN = re.compile(r"(<(?:t|id|url|email|ip|path|q|n)>)(?:(?:[,;|/&+: ]|\b(?:and|or)\b)+\1)+")
_TICKET = re.compile(r"[A-Z]{2,}-\d+")
#: Without any of these signs nothing in a line is a value.
_MAY_HOLD_VALUES = re.compile(r"""[\d:@/\\\['"`‘“«.-]""")


_NUMBER = r"(?<![\w.-])[0-9]+(?![\w.-])|[0-9]{3,}"
_NUMBERS = re.compile(_NUMBER)
_ZEROS = "0" * (2 * MOST_CHARACTERS)
_HEX = "[0-9a-fA-F]"
_UUID = rf"{_HEX}{{8}}(?:-{_HEX}{{4}}){{3}}-{_HEX}{{12}}"
#: Ids around which stands nothing that could make them another value, or a part of one that begins or ends there.
_ID = rf"(?<![^\s=(])(?:{_UUID}|(?=[0-9]*[a-fA-F])(?=[a-fA-F]*[0-9]){_HEX}{{6,}})(?![^\s,;)])"
_IDS_AND_NUMBERS = re.compile(f"(?P<id>{_ID})|{_NUMBER}")


def shape(message: str) -> str:
    """Return as much of a message as counts, with zeros in numbers: messages of one shape have one template.

    What it costs is a small part of that. Nothing that decides here tells one digit from another but in words with one
    or two: those stay as they are.
    """
    return _without_numbers(beginning(message))


def outline(message: str) -> str:
    """Return the line of a message that its template is made of, with zeros in numbers and ids; it has that template.

    As cheap as `shape`, which is of all that fingerprints look at.
    """
    return _IDS_AND_NUMBERS.sub(_zeros, _line(message))


def beginning(message: str) -> str:
    """Return as much of a message as counts."""
    return message.lstrip()[: 2 * MOST_CHARACTERS]


def _line(message: str) -> str:
    return beginning(message).split("\n", 1)[0][:MOST_CHARACTERS]


def _zeros(found: re.Match[str]) -> str:
    length = found.end() - found.start()
    return _ZEROS[: length - 1] + "a" if found.lastgroup else _ZEROS[:length]


def _without_numbers(text: str) -> str:
    return _NUMBERS.sub(lambda found: _ZEROS[: found.end() - found.start()], text)


def template(message: str) -> str:
    """Return the template of a message."""
    line, brace, _ = _line(message).partition("{")
    told = " ".join((_VALUES.sub(_placeholder, line) if _MAY_HOLD_VALUES.search(line) else line).split())
    told = _without_numbers(told)  # of values that end in the midst of a word
    return ((_RUN.sub(r"\1", told) if "<" in told else told) + ("{}" if brace else "")).rstrip(".")


def _placeholder(found: re.Match[str]) -> str:
    kind, text = found.lastgroup, found[0]
    match kind:
        case "quoted":
            return text if _is_identifier(text[1:-1]) else "<q>"
        case "word":
            return "<id>" if _is_id(text) else text
        case "replaced":
            return _REPLACED.get(text[1:-1].partition(":")[0], "<id>")
    return _PLACEHOLDERS[str(kind)]


def _is_identifier(text: str) -> bool:
    return len(text) <= MOST_OF_IDENTIFIER and _IDENTIFIER.fullmatch(text) is not None


def _is_id(word: str) -> bool:
    digits = sum(map(str.isdigit, word))
    is_joined = "-" in word or "_" in word
    return (
        digits >= 3
        or (is_joined and digits >= 2)
        or len(word) >= OPAQUE_CHARACTERS
        or _TICKET.fullmatch(word) is not None
    )
