"""Each kind of secret in every place of an entry, after each escape: nothing of it is left, nothing else is lost."""

import random
import time
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import json

from privacy.detectors import Kind
from privacy.rules import DEFAULTS, STRICT, Action, OwnRule, Rules
from privacy.scrubbing import WITHHELD_MESSAGE, Scrubber
from storage.entry import Entry

SCRUBBER = Scrubber(Rules(hash_key=b"k" * 32))
PEM = "-----BEGIN RSA PRIVATE KEY-----\nMARKEDabc\nMARKEDdef\n-----END RSA PRIVATE KEY-----"
#: What is sent, and what of it must be nowhere.
SECRETS = {
    "aws_key": ("AKIAMARKEDABCDEFGHIJ", "MARKED"),
    "github_token": ("ghp_MARKEDa1b2c3d4e5f6a1b2c3d4e5f6a1b2c3", "MARKED"),
    "github_pat": ("github_pat_MARKED1234567890abcdef_x1", "MARKED"),
    "slack_token": ("xoxb-1234567890-MARKEDabcdef", "MARKED"),
    "slack_webhook": ("https://hooks.slack.com/services/T0MARKED1/B00000000/xMARKEDx", "MARKED"),
    "stripe_key": ("sk_live_MARKEDabcdef123456", "MARKED"),
    "google_key": ("AIzaMARKEDabcdefghijklmnopqrstuvwxyz0123", "MARKED"),
    "luminalog_key": ("ll_" + "5ec2e7" * 8, "5ec2e7"),
    "vendor_token": ("glpat-MARKEDabcdef1234567890", "MARKED"),
    "jwt": ("eyJhbGciOiJIUzI1NiJ9.eyJMARKED0.MARKED-_x", "MARKED"),
    "private_key": (PEM, "MARKED"),
    "bearer": ("Bearer MARKEDabc123", "MARKED"),
    "basic": ("Basic TUFSS0VEOk1BUktFRA==", "TUFSS0VE"),
    "url_password": ("postgres://shop:MARKED@db.example/shop", "MARKED"),
    "password": ("password=MARKED1", "MARKED"),
    "quoted": ('"password": "MAR\\"KED MARKED"', "KED"),
    "header": ("Cookie: a=MARKED; b=MARKED", "MARKED"),
    "option": ("--api-key MARKED1 --verbose", "MARKED"),
    "form": ("user=1&client_secret=MARKED1&x=2", "MARKED"),
    "card": ("4111 1111 1111 1111", "1111"),
    "bare_card": ("378282246310005", "78282246310005"),
    "iban": ("DE89 3704 0044 0532 0130 00", "0044"),
    "ssn": ("219-09-9999", "9999"),
    "phone": ("+49 (30) 901820-12", "9018"),
    "email": ("marked.bob@example.com", "marked"),
    "email_of_a_form": ("marked.bob%40example.com", "marked"),
}
ESCAPES = ["", "\n", "\t", "\r", "\b", "\f", "\x1f", '"', "\\", "/", "é", "😀", "\\n", '\\"', " ", ",", "(", "_", "%3D"]


def entry(**members: Any) -> bytes:
    """The canonical form of an entry with these members."""
    whole = {"timestamp": "2026-01-26T14:30:00Z", "level": "info", "message": "m"} | members
    return json.encode(json.decode(json.encode(whole), type=Entry))


def scrubbed(line: bytes) -> bytes:
    """The entry after scrubbing: once more changes nothing."""
    once = SCRUBBER.scrub(line).payload
    assert SCRUBBER.scrub(once).payload == once
    assert once.count(b"\n") == 0
    return once


PLACES: dict[str, Callable[[str], bytes]] = {
    "message": lambda text: entry(message=text),
    "environment": lambda text: entry(environment=text),
    "value": lambda text: entry(metadata={"note": text, "rest": 1}),
    "deep": lambda text: entry(metadata={"a": [{"b": [text]}]}),
    "name": lambda text: entry(metadata={text: 1, "rest": {text: 2}}),
    "error": lambda text: entry(error={"type": text, "message": text, "fingerprint": text}),
    "stack": lambda text: entry(error={"stack_trace": ["at a", *text.split("\n"), "at b"]}),
    "context": lambda text: entry(error={"context": {"note": text}}),
    "json_in_json": lambda text: entry(message=json.encode({"note": text}).decode()),
}


@pytest.mark.parametrize("kind", SECRETS)
def test_nothing_is_left_of_a_secret(kind: str) -> None:
    secret, marked = SECRETS[kind]
    for place, made_with in PLACES.items():
        for before in ESCAPES if place in ("message", "json_in_json") else ESCAPES[:1]:
            left = scrubbed(made_with(f"x{before}{secret}" if before else secret))
            assert marked.encode() not in left, (place, before, left)
            assert WITHHELD_MESSAGE.encode() not in left


@pytest.mark.parametrize(
    "name",
    [
        "password", "PASSWORD", "userPassword", "db.password", "passwd", "pwd", "passphrase", "secret", "client_secret",
        "token", "accessToken", "access_token", "csrfmiddlewaretoken", "X-Api-Key", "apikey", "Authorization", "cookie",
        "Set-Cookie", "credentials", "private_key", "privateKey", "session_id", "sessionId", "JSESSIONID", "cvv", "cvc",
        "aws_secret_access_key", "db_pass", "secret password",
    ],
)  # fmt: skip
def test_value_under_a_secrets_name_goes(name: str) -> None:
    for value in ("MARKED", 987654, 98.7654, ["MARKED", 987654], {"a": "MARKED", "b": [987654]}):
        left = scrubbed(entry(metadata={name: value, "rest": 1}, error={"context": {"x": {name: value}}}))
        assert not any(mark in left for mark in (b"MARKED", b"987654", b"98.7654"))
        assert list(json.decode(left)["metadata"]) == [name, "rest"]


@pytest.mark.parametrize(
    "name",
    ["tokens", "token_count", "max_tokens", "total_tokens", "token_expires_at", "password_changed_at", "secretary",
     "has_password", "token_type", "cookie_count", "PWD", "user", "passenger_id"],
)  # fmt: skip
def test_value_under_a_name_about_secrets_stays(name: str) -> None:
    line = entry(metadata={name: "MARKED"})
    assert scrubbed(line) == line


@pytest.mark.parametrize("value", [True, False, None, "", "[named_secret]", "[named_secret:0123456789ab]"])
def test_nothing_is_no_secret(value: Any) -> None:
    line = entry(metadata={"password": value})
    assert scrubbed(line) == line


@pytest.mark.parametrize(
    "pair",
    [
        {"name": "password", "value": "MARKED"},
        {"Key": "db_password", "Value": "MARKED"},
        {"header": "Authorization", "value": "MARKED"},
        ["X-Api-Key", "MARKED"],
        ["run", "--password", "MARKED"],
        ["--token=MARKED"],
    ],
)
def test_secret_beside_its_name_goes(pair: Any) -> None:
    assert b"MARKED" not in scrubbed(entry(metadata={"x": pair}))


@pytest.mark.parametrize("number", [4111111111111111, 4111111111111111.0, 378282246310005])
def test_number_may_be_a_card(number: float) -> None:
    assert json.decode(scrubbed(entry(metadata={"paid": number})))["metadata"] == {"paid": "[card]"}


@pytest.mark.parametrize("name", ["id", "order_id", "orderId", "created_at", "trace", "request", "span_ref"])
def test_number_of_an_identifier_is_no_card(name: str) -> None:
    line = entry(message=f"{name}=4111111111111111", metadata={name: 4111111111111111, "x": {name: "4111111111111111"}})
    assert scrubbed(line) == line


def test_safe_field_is_left_alone_and_a_sensitive_one_goes() -> None:
    scrubber = Scrubber(Rules(hash_key=b"k", safe_fields=("metadata.token", "metadata.*.safe")))
    metadata = {"token": "x", "a": {"safe": {"password": "bob@example.com"}, "b": "bob@example.com"}}
    left = json.decode(scrubber.scrub(entry(message="bob@example.com", metadata=metadata)).payload)
    assert left["metadata"]["token"] == "x"
    assert left["metadata"]["a"]["safe"] == {"password": "bob@example.com"}
    assert left["metadata"]["a"]["b"] == left["message"] != "bob@example.com"
    scrubber = Scrubber(Rules(hash_key=b"k", sensitive_fields=("message", "metadata.user.id", "metadata.*.x")))
    left = json.decode(scrubber.scrub(entry(message="x", metadata={"user.id": 7, "a": {"x": [1]}, "x": 1})).payload)
    assert left["message"] == "[sensitive_field]"
    assert left["metadata"] == {"user.id": "[sensitive_field]", "a": {"x": "[sensitive_field]"}, "x": 1}


def test_fields_that_lead_from_one_entry_to_another_stay() -> None:
    ids = dict.fromkeys(("project_id", "trace_id", "span_id", "parent_span_id"), "4111111111111111")
    left = json.decode(scrubbed(entry(**ids, message="bob@example.com")))
    assert {name: left[name] for name in ids} == ids


def test_same_address_has_the_same_hash_however_it_is_written() -> None:
    texts = ["bob@example.com", "Bob@Example.COM", "x\\nbob@example.com", "a=bob%40example.com", "(bob@example.com)"]
    hashes = {scrubbed(entry(message=text)).split(b"[email:")[1][:12] for text in texts}
    assert len(hashes) == 1
    other = Scrubber(Rules(hash_key=b"other")).scrub(entry(message=texts[0])).payload
    assert hashes.pop() not in other


@pytest.mark.parametrize(
    "text",
    [
        "icon@2x.png", "git@github.com:shop/cart.git", "lodash@4.17.21", "Bearer authentication failed", "basic usage",
        "invalid token: expected end", "password reset requested", "http://example.com:8080/a?b=c", "1.2.3.4",
        "4111 1111 1111 1112", "000-12-3456", "DE00370400440532013000", "2026-01-26T14:30:00+01:00", "token == None",
        "took 0.4111111111111111 s", "the secret=*** was set", "AKIA", "+1 or +12",
    ],
)  # fmt: skip
def test_ordinary_text_stays(text: str) -> None:
    line = entry(message=text, metadata={"note": text})
    assert scrubbed(line) == line


RANDOM = random.Random(7)
BASE32 = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
BASE62 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
#: How to make one, and in how many of 20,000 something may be found.
IDS: dict[str, tuple[Callable[[], object], int]] = {
    "UUID": (lambda: uuid.UUID(int=RANDOM.getrandbits(128), version=4), 1),
    "hex": (lambda: f"{RANDOM.getrandbits(128):032x}", 0),
    "HEX": (lambda: f"{RANDOM.getrandbits(128):032X}", 11),
    "ULID": (lambda: "01" + "".join(RANDOM.choices(BASE32, k=24)), 12),
    "milliseconds": (lambda: RANDOM.randrange(1_500_000_000_000, 1_900_000_000_000), 0),
    "microseconds": (lambda: RANDOM.randrange(1_500_000_000_000_000, 1_900_000_000_000_000), 0),
    "18 digits": (lambda: RANDOM.randrange(10**17, 10**18), 281),
    "16 digits": (lambda: RANDOM.randrange(10**15, 10**16), 650),
    "nano id": (lambda: "".join(RANDOM.choices(BASE62 + "-_", k=21)), 0),
    "fraction": (RANDOM.random, 0),
}


@pytest.mark.parametrize("kind", IDS)
def test_random_ids_are_rarely_taken_for_something(kind: str) -> None:
    make, most = IDS[kind]
    payload = b"\n".join(json.encode({"message": "", "metadata": {"reference": str(make())}}) for _ in range(20_000))
    assert sum(SCRUBBER.scrub(payload).findings.changed.values()) <= most


pieces = st.sampled_from([text for text, _ in SECRETS.values()] + ESCAPES + ["a", "1", "token", "://", "@", "[", "]"])
texts = st.lists(pieces, max_size=5).map("".join)
names = st.one_of(st.sampled_from(["a", "password", "name", "value", "order_id", "max_tokens", "b.c"]), texts)
numbers = st.sampled_from([4111111111111111, 4111111111111111.0, 1, 1.5, 10**30])
values = st.recursive(
    st.one_of(texts, numbers, st.none(), st.booleans()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(names, inner, max_size=3)),
    max_leaves=6,
)
ALL = dict.fromkeys(Kind, Action.HASH)
SCRUBBERS = [
    SCRUBBER,
    Scrubber(Rules(hash_key=b"k", actions=ALL)),
    Scrubber(Rules(hash_key=b"k", actions=dict.fromkeys(Kind, Action.DROP))),
    Scrubber(
        Rules(
            hash_key=b"k",
            actions=DEFAULTS | {Kind.NETWORK: Action.MASK},
            own=(OwnRule(name="rule", pattern=r"[bB]ob|\d\d"),),
            sensitive_fields=("metadata.a", "metadata.*.b.c"),
            safe_fields=("metadata.value",),
        )
    ),
]


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(SCRUBBERS), texts, st.dictionaries(names, values, max_size=3), st.booleans())
def test_scrubbing_again_changes_nothing(
    scrubber: Scrubber, message: str, metadata: dict[str, Any], is_private: bool
) -> None:
    line = entry(message=message, metadata=metadata, trace_id=message[:100], privacy_mode=is_private)
    once = scrubber.scrub(line)
    assert scrubber.scrub(once.payload).payload == once.payload
    by_itself, _ = scrubber.scrub_line(line)  # without the look at all entries that comes first
    assert (by_itself or line) == once.payload
    before, after = json.decode(line), json.decode(once.payload)
    assert after.keys() <= before.keys()
    assert [after[name] for name in ("timestamp", "level", "trace_id", "privacy_mode")] == [
        before[name] for name in ("timestamp", "level", "trace_id", "privacy_mode")
    ]
    assert after["message"] != WITHHELD_MESSAGE
    if scrubber is SCRUBBER:
        names_before, names_after = list(before.get("metadata", ())), list(after.get("metadata", ()))
        assert len(names_after) == len(names_before)
        assert all(new == old or "[" in new for old, new in zip(names_before, names_after, strict=True))


def deep(times: int) -> Any:
    nested: Any = "bob@example.com " * times
    for level in range(62):
        nested = {f"level{level}": nested, "at": ["ann@example.com"]}
    return nested


#: So many times as much of it is to take that many times as long, and not that many squared.
HOSTILE: dict[str, Callable[[int], dict[str, Any]]] = {
    "escapes": lambda n: {"message": '\u0001\n"\\' * 100 * n},
    "64 levels": lambda n: {"metadata": deep(n)},
    "addresses": lambda n: {"message": "a@b.co " * 20 * n},
    "no addresses": lambda n: {"message": "@" * 500 * n},
    "cards that are none": lambda n: {"message": "4111 1111 1111 1112 " * 20 * n},
    "names of secrets": lambda n: {"message": "password=" * 50 * n},
    "quotes": lambda n: {"message": '"password":"' * 50 * n},
    "fields": lambda n: {"metadata": {f"password{number}": number for number in range(20 * n)}},
    "keys that do not end": lambda n: {"message": "-----BEGIN RSA PRIVATE KEY-----" * 20 * n},
    "options": lambda n: {"metadata": {"arguments": ["--password"] * 20 * n}},
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_json_is_scrubbed_in_linear_time(name: str) -> None:
    strict = Scrubber(Rules(hash_key=b"k", actions=STRICT))
    little, much = (entry(**{"message": "x"} | HOSTILE[name](n)) for n in (6, 48))

    def fewest_seconds(line: bytes) -> float:
        def once() -> float:
            began = time.thread_time()
            strict.scrub(line)
            return time.thread_time() - began

        return min(once() for _ in range(3))

    assert fewest_seconds(much) < 4 * 8 * fewest_seconds(little)
