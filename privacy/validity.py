"""Is what looks like a card, an account or an address really one: checksums, lengths, ranges. Pure."""

import binascii
from base64 import b64decode
from ipaddress import ip_address

#: Length by country (ISO 13616, registry of IBANs).
IBAN_LENGTHS = {
    name: length
    for length, names in {
        15: "NO", 16: "BE", 18: "DK FI FK FO GL NL SD", 19: "MK SI", 20: "AT BA EE KZ LT LU MN XK", 21: "CH HR LI LV",
        22: "BG BH CR DE GB GE IE ME RS VA", 23: "AE GI IL IQ OM SO TL", 24: "AD CZ ES MD PK RO SA SE SK TN VG",
        25: "LY PT ST", 26: "IS TR", 27: "BI DJ FR GR IT MC SM", 28: "AL AZ BY CY DO GT HU LB NI PL SV",
        29: "BR EG PS QA UA", 30: "JO KW MU YE", 31: "MT SC", 32: "LC", 33: "RU",
    }.items()
    for name in names.split()
}  # fmt: skip
#: Digits of a card's number by its issuer's prefix (ISO/IEC 7812; the networks' published ranges).
CARD_LENGTHS = {
    str(prefix).encode(): lengths
    for prefixes, lengths in (
        ([4], {13, 16, 19}),
        ([34, 37], {15}),
        ([*range(51, 56), *range(2221, 2721)], {16}),
        ([*range(300, 306), 36, 38, 39], {14, 16, 19}),
        ([6011, *range(644, 660), *range(3528, 3590)], {16, 19}),
        ([62], {16, 17, 18, 19}),
    )
    for prefix in prefixes
}
_DOUBLED = [0, 2, 4, 6, 8, 1, 3, 5, 7, 9]


def is_card(digits: bytes) -> bool:
    """Tell whether an issuer gives out numbers like this one: its prefix, its length, its check digit (Luhn)."""
    lengths = next((CARD_LENGTHS[digits[:n]] for n in (1, 2, 4, 3) if digits[:n] in CARD_LENGTHS), ())
    if len(digits) not in lengths or len(set(digits)) == 1:
        return False
    values = [code - 48 for code in reversed(digits)]
    return (sum(values[::2]) + sum(_DOUBLED[value] for value in values[1::2])) % 10 == 0


def is_iban(text: bytes) -> bool:
    """Tell whether `text`, without blanks, has its country's length and the right check digits (mod 97)."""
    if len(text) != IBAN_LENGTHS.get(text[:2].decode("latin-1")):
        return False
    return int("".join(str(int(chr(code), 36)) for code in text[4:] + text[:4])) % 97 == 1


def is_ssn(text: bytes) -> bool:
    """Tell whether a US social security number of this form could have been given to somebody."""
    area, group, serial = text.split(b"-")
    return area not in (b"000", b"666") and area < b"900" and group != b"00" and serial != b"0000"


def is_phone(text: bytes) -> bool:
    """Tell whether so many digits may be a number with its country's (E.164)."""
    return 8 <= len(text.removeprefix(b"%2B").removeprefix(b"+")) <= 15


def is_email(text: bytes) -> bool:
    """Tell whether this is somebody's address: not a picture for sharp screens (`icon@2x.png`), not git's user."""
    user, _, host = text.replace(b"%40", b"@").rpartition(b"@")
    return user != b"git" and not (host[:2] in (b"1x", b"2x", b"3x", b"4x") and host[2:3] == b".")


def is_password(text: bytes) -> bool:
    """Tell whether this is no port, with what follows it up to an @ far away."""
    port = text[: len(text) - len(text.lstrip(b"0123456789"))]
    return not port or len(port) > 5 or text[len(port) :][:1] not in (b"?", b"#", b"&", b",", b";", b"|")


def is_ip_address(text: bytes) -> bool:
    """Tell whether this is an IPv4 or IPv6 address; the unspecified one and loopback are nobody's."""
    try:
        address = ip_address(text.decode("latin-1"))
    except ValueError:
        return False
    return not (address.is_loopback or address.is_unspecified)


def is_basic(text: bytes) -> bool:
    """Tell whether this is a user and a password as HTTP's Basic scheme sends them (RFC 7617)."""
    try:
        return b":" in b64decode(text + b"=" * (-len(text) % 4), validate=True)
    except binascii.Error:
        return False


def is_token(text: bytes) -> bool:
    """Tell whether this may be random: words of a language have no digit, or are short and in one case."""
    return (
        len(text) != len(text.translate(None, b"0123456789"))
        or len(text) >= 24
        or not (text[1:].islower() or text.isupper())
    )
