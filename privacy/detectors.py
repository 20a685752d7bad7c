"""What is looked for in text, by class: an expression each, and what must hold of what it finds. Pure.

Expressions are RE2's, so linear in the text whatever it is. `hint` finds at least as much in the JSON of the text.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from privacy import validity


class Kind(StrEnum):
    """The classes of what is found; an organisation decides by class."""

    SECRETS = "secrets"
    MONEY = "money"
    IDENTITY = "identity"
    CONTACT = "contact"
    NETWORK = "network"
    OWN = "own"


Check = Callable[[bytes], bool]


@dataclass(frozen=True, kw_only=True, slots=True)
class Detector:
    """`name` is how it is counted, and what a mask says. What `prefix` and `suffix` match stays where it is."""

    name: str
    kind: Kind
    pattern: str
    hint: str = ""
    at_edge: bool = False  # of a word; see `EDGE`
    prefix: str = ""
    suffix: str = ""
    check: Check | None = None
    squeeze: bytes = b""  # characters that do not count, for the check and for hashes
    folds_case: bool = False  # for hashes
    stands_alone: bool = False  # no digit, point or dash may touch it

    @property
    def expression(self) -> str:
        """Return the whole of what is looked for in a text."""
        return f"{EDGE if self.at_edge else ''}{self.prefix}{self.pattern}{self.suffix}"

    @property
    def group(self) -> str:
        """Return the same without the edge; the group of its name is what goes."""
        return f"{self.prefix}(?P<{self.name}>{self.pattern}){self.suffix}"

    def plain(self, found: bytes) -> bytes:
        """Return what was found in the one way of writing it: the same value has the same hash."""
        plain = found.translate(None, self.squeeze) if self.squeeze else found
        if b"%" in plain:
            plain = plain.replace(b"%40", b"@").replace(b"%2B", b"+")
        return plain.lower() if self.folds_case else plain


#: `\b`, but that a letter may belong to an escape: of JSON, of JSON within JSON, of an address.
EDGE = r"(?:\b|_|\\[abfnrtv]|\\u[0-9A-Fa-f]{4}|\\x[0-9A-Fa-f]{2}|%[0-9A-Fa-f]{2})"
GAP = r"(?:[ \t+]|%20|\\[tnr])+"  # between a scheme and its credentials
GAP_IN_JSON = r"(?:[ \t+]|%20|\\+[tnr])"
LOCAL = r"[A-Za-z0-9._+\-\x80-\xff]"
LABEL = r"[A-Za-z0-9\-\x80-\xff]+"
OCTET = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
COUNTRIES = "|".join(sorted(validity.IBAN_LENGTHS))
BEGIN = r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY[A-Z ]*-----"
END = r"-----END [A-Z0-9 ]*PRIVATE KEY[A-Z ]*-----"

#: In the order in which they are tried at a place: those at an edge first, an address last.
DETECTORS = (
    # A whole block, or what there is of one.
    Detector(
        name="private_key",
        kind=Kind.SECRETS,
        pattern=rf"{BEGIN}(?:[^\x00]*?{END}|[^\x00]*)",
        hint=r"-----BEGIN [A-Z0-9 ]*PRIV",
    ),
    Detector(
        name="aws_key", kind=Kind.SECRETS, at_edge=True, pattern=r"A(?:KI|SI|BI|CC)A[0-9A-Z]{16}", suffix=r"(?:\b|_)"
    ),
    Detector(
        name="github_token",
        kind=Kind.SECRETS,
        at_edge=True,
        pattern=r"(?:gh[oprsu]_[A-Za-z0-9]{30}[A-Za-z0-9]*|github_pat_[A-Za-z0-9]{20}[A-Za-z0-9_]*)",
    ),
    Detector(
        name="slack_token",
        kind=Kind.SECRETS,
        at_edge=True,
        pattern=r"(?:xox[a-z]-[0-9A-Za-z-]{10}[0-9A-Za-z-]*|xapp-\d-[0-9A-Za-z-]{10}[0-9A-Za-z-]*)",
    ),
    Detector(
        name="slack_webhook",
        kind=Kind.SECRETS,
        prefix=r"https://hooks\.slack\.com/(?:services|workflows|triggers)/",
        pattern=r"[0-9A-Za-z/_-]{16}[0-9A-Za-z/_-]*",
    ),
    Detector(
        name="stripe_key",
        kind=Kind.SECRETS,
        at_edge=True,
        pattern=r"(?:[rs]k_(?:live|test)_[0-9A-Za-z]{10}[0-9A-Za-z]*|whsec_[0-9A-Za-z+/=]{20}[0-9A-Za-z+/=]*)",
    ),
    Detector(
        name="google_key",
        kind=Kind.SECRETS,
        at_edge=True,
        pattern=r"(?:AIza[0-9A-Za-z_-]{35}|GOCSPX-[0-9A-Za-z_-]{20}[0-9A-Za-z_-]*|ya29\.[0-9A-Za-z_-]{20}[0-9A-Za-z._-]*)",
    ),
    Detector(name="luminalog_key", kind=Kind.SECRETS, at_edge=True, pattern=r"ll_[0-9a-f]{48}"),
    # Others whose prefix says what they are.
    Detector(
        name="vendor_token",
        kind=Kind.SECRETS,
        at_edge=True,
        pattern=r"(?:glpat-[0-9A-Za-z_-]{20}[0-9A-Za-z_.-]*|npm_[0-9A-Za-z]{36}|pypi-AgE[0-9A-Za-z_-]{20}[0-9A-Za-z_-]*"
        r"|sk-(?:ant|proj|or)-[0-9A-Za-z_-]{20}[0-9A-Za-z_-]*|SG\.[0-9A-Za-z_-]{16}[0-9A-Za-z_-]*\.[0-9A-Za-z_-]+"
        r"|dop_v1_[0-9a-f]{64}|shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}|hf_[A-Za-z]{30}[A-Za-z]*)",
    ),
    Detector(
        name="jwt",
        kind=Kind.SECRETS,
        at_edge=True,
        pattern=r"eyJ[A-Za-z0-9_=-]{7}[A-Za-z0-9_=-]*(?:\.[A-Za-z0-9_=-]*){2,4}",
    ),
    Detector(
        name="bearer",
        kind=Kind.SECRETS,
        at_edge=True,
        prefix=rf"(?i:bearer){GAP}",
        pattern=r"[A-Za-z0-9._~+/=-]{8}[A-Za-z0-9._~+/=%-]*",
        hint=rf"(?i:bearer){GAP_IN_JSON}+[A-Za-z0-9._~+/=-]{{8}}",
        check=validity.is_token,
    ),
    Detector(
        name="basic",
        kind=Kind.SECRETS,
        at_edge=True,
        prefix=rf"(?i:basic){GAP}",
        pattern=r"[A-Za-z0-9+/_-]{4}[A-Za-z0-9+/_-]*={0,2}",
        hint=rf"(?i:basic){GAP_IN_JSON}+[A-Za-z0-9+/_-]{{4}}",
        check=validity.is_basic,
    ),
    Detector(
        name="url_password",
        kind=Kind.SECRETS,
        prefix=r"[A-Za-z0-9]://[^\s/@:\x00]*:",
        pattern=r"[^\s/\"'<>\x00]+",
        suffix="@",
        hint=r"[A-Za-z0-9]://[^\s/@:]*:[^\s/@]*@",
        check=validity.is_password,
    ),
    Detector(
        name="card",
        kind=Kind.MONEY,
        at_edge=True,
        pattern=r"(?:[2-6]\d{12,18}|[2-6]\d{3}(?:[ .-]\d{4}){2}[ .-]\d{1,7}|3\d{3}[ .-]\d{6}[ .-]\d{4,5})",
        suffix=r"\b",
        hint=r"(?:[^0-9A-Za-z.]|[^0-9]\.|\\[bfnrt]|\\u00[01][0-9a-f]|%[0-9A-Fa-f]{2})"
        r"(?:(?:4\d{12}(?:\d{3}){0,2}|5[1-5]\d{14}|2[2-7]\d{14}|3[47]\d{13}|3[0689]\d{12}(?:\d\d)?(?:\d{3})?"
        r"|35\d{14}(?:\d{3})?|6(?:011|2\d\d|4[4-9]\d|5\d\d)\d{12,15})\b"
        r"|[2-6]\d{3}(?:[ .-]\d{4}){2}[ .-]\d|3\d{3}[ .-]\d{6}[ .-]\d{4})",
        check=validity.is_card,
        squeeze=b" .-",
        stands_alone=True,
    ),
    Detector(
        name="iban",
        kind=Kind.MONEY,
        at_edge=True,
        pattern=rf"(?:{COUNTRIES})\d\d(?:[A-Z0-9]{{11,30}}|(?: [A-Z0-9]{{4}}){{2,7}}(?: [A-Z0-9]{{1,4}})?)",
        suffix=r"\b",
        hint=rf"{EDGE}(?:{COUNTRIES})\d\d(?:[A-Z0-9]{{11}}| [A-Z0-9]{{4}} [A-Z0-9]{{4}} )",
        check=validity.is_iban,
        squeeze=b" ",
    ),
    Detector(
        name="ssn",
        kind=Kind.IDENTITY,
        at_edge=True,
        pattern=r"\d{3}-\d\d-\d{4}",
        suffix=r"\b",
        check=validity.is_ssn,
        stands_alone=True,
    ),
    Detector(
        name="phone",
        kind=Kind.IDENTITY,
        prefix=r"(?:\\[abfnrtv]|\\u[0-9A-Fa-f]{4}|%[0-9A-Fa-f]{2}|[^0-9A-Za-z]|\A)",
        pattern=r"(?:\+|%2B)[1-9](?:[ ().-]{0,2}\d){7,14}",
        suffix=r"\b",
        check=validity.is_phone,
        squeeze=b" ().-",
        stands_alone=True,
    ),
    Detector(
        name="email",
        kind=Kind.CONTACT,
        prefix=r"(?:\\[abfnrtv]|%[0-9A-Fa-f]{2})?",
        pattern=rf"[A-Za-z0-9_\x80-\xff]{LOCAL}*(?:'{LOCAL}+)*(?:@|%40){LABEL}(?:\.{LABEL})*\.[A-Za-z\x80-\xff]{{2,24}}",
        hint=rf"[A-Za-z0-9._+\-\x80-\xff](?:@|%40){LABEL}\.[A-Za-z0-9\x80-\xff]",
        check=validity.is_email,
        folds_case=True,
    ),
)
NETWORK = (
    Detector(
        name="ip_address",
        kind=Kind.NETWORK,
        at_edge=True,
        pattern=rf"(?:{OCTET}(?:\.{OCTET}){{3}}|[0-9A-Fa-f]{{0,4}}(?::[0-9A-Fa-f]{{0,4}}){{2,7}}(?:\.\d+){{0,3}})",
        hint=rf"{OCTET}(?:\.{OCTET}){{3}}|(?:[0-9A-Fa-f]{{1,4}}:){{7}}|[0-9A-Fa-f]::|::[0-9A-Fa-f]",
        check=validity.is_ip_address,
        folds_case=True,
        stands_alone=True,
    ),
)
#: Found by a name in front of it, in a text or as a field.
NAMED_SECRET = "named_secret"  # noqa: S105 - a detector's name
#: Fields that an organisation has called sensitive.
SENSITIVE_FIELD = "sensitive_field"
KINDS = {one.name: one.kind for one in (*DETECTORS, *NETWORK)} | {
    NAMED_SECRET: Kind.SECRETS,
    SENSITIVE_FIELD: Kind.OWN,
}
