"""How much the scrubber finds in texts as applications write them, what it takes for something, and what it costs.

`python -m tests.benchmarks.privacy`: the texts are made here, each with what is in it; nobody's data. docs/privacy.md.
"""

import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from msgspec import json

from ingest.canonical import encode_entries
from privacy.detectors import Kind
from privacy.rules import Action, Rules
from privacy.scrubbing import Scrubber
from storage.entry import Entry

RANDOM = random.Random(15)
ENTRIES = 400  # of each template
LETTERS = "abcdefghijklmnopqrstuvwxyz"
BEGIN, END = "BEGIN PRIVATE KEY", "END PRIVATE KEY"
WORD = LETTERS + LETTERS.upper() + "0123456789"
DECODER, ENCODER = json.Decoder(list[Entry]), json.Encoder()
KEPT = dict.fromkeys(Kind, Action.KEEP)
SCRUBBER = Scrubber(Rules(hash_key=bytes(32)))


def some(alphabet: str, length: int) -> str:
    return "".join(RANDOM.choices(alphabet, k=length))


def number(pattern: str) -> str:
    return "".join(some("0123456789", 1) if one == "#" else one for one in pattern)


def card() -> str:
    digits = number(RANDOM.choice(["4##############", "51#############", "3528###########"]))
    total = sum(sum(divmod(int(one) * (2 - place % 2), 10)) for place, one in enumerate(digits))
    return digits + str(-total % 10)


def iban() -> str:
    account = number("##################")
    return f"DE{98 - int(account + '131400') % 97:02d}{account}"


def person() -> str:
    return f"{some(LETTERS, 5)}.{some(LETTERS, 7)}"


#: Secrets by their kind; how each is made.
SECRETS: dict[str, Callable[[], str]] = {
    "AWS key": lambda: "AKIA" + some(WORD[26:], 16).upper(),
    "GitHub token": lambda: "ghp_" + some(WORD, 36),
    "Slack token": lambda: f"xoxb-{number('##########')}-{some(WORD, 24)}",
    "Stripe key": lambda: "sk_live_" + some(WORD, 24),
    "Google key": lambda: "AIza" + some(WORD, 35),
    "JWT": lambda: f"eyJ{some(WORD, 17)}.eyJ{some(WORD, 30)}.{some(WORD, 43)}",
    "private key": lambda: (
        f"-----BEGIN PRIVATE KEY-----\n{some(WORD, 64)}\n{some(WORD, 64)}\n-----END PRIVATE KEY-----"
    ),
    "password": lambda: some(WORD + "!$%*+", 10) + number("#"),
    "card": card,
    "IBAN": iban,
    "SSN": lambda: number("2##-4#-1###"),
    "phone": lambda: number("+49 30 9018####"),
    "e-mail": lambda: f"{person()}@{some(LETTERS, 8)}.com",
}
TOKENS = ("AWS key", "GitHub token", "Slack token", "Stripe key", "Google key", "JWT")


@dataclass(frozen=True)
class Template:
    """A text or metadata with `{}` where a secret goes, and which kinds go there; a miss that we know of, or none."""

    name: str
    made: Callable[[str], dict[str, Any]]
    kinds: Sequence[str]
    is_known_miss: bool = False


def message(text: str) -> Callable[[str], dict[str, Any]]:
    return lambda secret: {"message": text.replace("{}", secret)}


def field(name: str) -> Callable[[str], dict[str, Any]]:
    return lambda secret: {"message": "sent", "metadata": {"request": {name: secret}}}


ALL_BUT_PASSWORDS = [kind for kind in SECRETS if kind != "password"]
IN_JSON = Template("in JSON within JSON", lambda s: {"message": json.encode({"body": s}).decode()}, ALL_BUT_PASSWORDS)
WITH_SECRETS = [
    Template("in a sentence", message("Calling upstream with {} failed after 3 tries"), [*TOKENS, "private key"]),
    Template("at a line's beginning", message("dump:\n{}\nend"), ALL_BUT_PASSWORDS),
    IN_JSON,
    Template("as a field", field("note"), ALL_BUT_PASSWORDS),
    Template("under its name", field("db_password"), ["password"]),
    Template("key=value", message("connecting user=shop password={} host=db"), ["password"]),
    Template("key: value", message("retrying with token: {}"), ["password"]),
    Template("JSON in a text", message('body was {"user": "x", "secret": "{}"}'), ["password"]),
    Template("YAML", message("db:\n  password: {}\n  host: x"), ["password"]),
    Template("an address", message("GET https://shop:{}@example.com/"), ["password"]),
    Template("a query", message("GET /pay?api_key={}&x=1"), ["password"]),
    Template("a header", message("Authorization: Digest {}"), ["password"]),
    Template("a command line", message("ran deploy --password {} --yes"), ["password"]),
    Template("in words", message("the password is {}"), ["password"], is_known_miss=True),
]
HEX = "0123456789abcdef"


def access() -> dict[str, Any]:
    agent = "Mozilla/5.0 (X11; Linux x86_64)"
    text = f"GET /api/v1/orders/{number('#####')} 200 in {number('##')} ms"
    return {"message": text, "metadata": {"bytes": int(number("1####")), "agent": agent}}


def ids() -> dict[str, Any]:
    metadata = {"order_id": int(number("4###############")), "at": number("17###########")}
    return {"message": f"job {some(HEX, 32)} done", "metadata": metadata}


def error() -> dict[str, Any]:
    trace = [f"at parse (/srv/app/token.ts:{number('##')}:7)", "at SecretStore::get", "at node:internal"]
    return {"message": "Invalid token: unexpected end", "error": {"type": "SyntaxError", "stack_trace": trace}}


def model() -> dict[str, Any]:
    metadata = {"max_tokens": 512, "tokens": {"prompt": 12, "total": 90}, "token_type": "bearer"}
    return {"message": "completion", "metadata": metadata}


def versions() -> dict[str, Any]:
    return {"message": f"pulled shop/cart@sha256:{some(HEX, 64)} and lodash@4.17.21, icon@2x.png"}


def numbers() -> dict[str, Any]:
    text = f"load {number('0.################')} {number('##.##')} at 2026-01-26T14:30:00+01:00"
    return {"message": text, "metadata": {"share": RANDOM.random()}}


def session() -> dict[str, Any]:
    metadata = {"has_password": True, "password_changed_at": "2026-01-01", "cookie_count": 3}
    return {"message": "user signed in", "metadata": metadata}


ORDINARY = (access, ids, error, model, versions, numbers, session)


def line(members: dict[str, Any]) -> bytes:
    """Return the canonical form of an entry with these members."""
    return json.encode(
        json.decode(json.encode({"timestamp": "2026-01-26T14:30:00Z", "level": "info"} | members), type=Entry)
    )


def recall() -> None:
    """Say of each place and kind how many secrets were found."""
    found: Counter[str] = Counter()
    sent: Counter[str] = Counter()
    for template in WITH_SECRETS:
        for kind in template.kinds:
            made = [SECRETS[kind]() for _ in range(ENTRIES)]
            kept = SCRUBBER.scrub(b"\n".join(line(template.made(secret)) for secret in made)).payload.split(b"\n")
            gone = sum(
                json.encode(secret.split("\n")[-2 if "\n" in secret else 0])[1:-1] not in one
                for secret, one in zip(made, kept, strict=True)
            )
            name = f"{template.name} (not looked for)" if template.is_known_miss else kind
            found[name] += gone
            sent[name] += len(made)
    print("| what | sent | found |\n|---|---:|---:|")
    for name in sent:
        print(f"| {name} | {sent[name]:,} | {100 * found[name] / sent[name]:.1f} % |")
    looked_for = [name for name in sent if "(" not in name]
    print(f"| **all that is looked for** | {sum(sent[n] for n in looked_for):,} | "
          f"**{100 * sum(found[n] for n in looked_for) / sum(sent[n] for n in looked_for):.2f} %** |")  # fmt: skip


def precision() -> None:
    """Say in how many ordinary entries something was found."""
    print("\n| ordinary entries | of | changed |\n|---|---:|---:|")
    for made in ORDINARY:
        findings = SCRUBBER.scrub(b"\n".join(line(made()) for _ in range(10 * ENTRIES))).findings.changed
        print(f"| {made.__name__} | {10 * ENTRIES:,} | {sum(findings.values())} {dict(findings) or ''} |")


def entry(index: int) -> dict[str, Any]:
    return {
        "message": f"Request {index} to /api/v1/orders/{number('#####')} finished in {number('###')} ms",
        "environment": "production",
        "trace_id": some("0123456789abcdef", 32),
        "metadata": {"userId": index, "path": "/api/v1/orders", "duration_ms": RANDOM.random() * 900, "host": "web-1"},
    }


def with_hit(index: int) -> dict[str, Any]:
    found = [{"email": "bob@example.com"}, {"password": "hunter2"}, {"auth": "Bearer abcdefgh1234"}, {"paid": card()}]
    made = entry(index)
    return made | {"metadata": made["metadata"] | found[index % 4]}


def cost() -> None:
    """Say what scrubbing costs, as a ratio to decoding and encoding the same entries."""
    print("\n| 1,000 entries, hits in | CPU, of decoding and encoding them |\n|---|---:|")
    for percent in (0, 5, 100):
        lines = [line(with_hit(n) if n % 100 < percent else entry(n)) for n in range(1_000)]
        payload, body = b"\n".join(lines), b"[" + b",".join(lines) + b"]"
        base = _fewest_seconds(partial(_decode_and_encode, body))
        print(f"| {percent} % | {_fewest_seconds(partial(SCRUBBER.scrub, payload)) / base:.1f} |")


def of_a_request() -> None:
    """Say what scrubbing adds to a request of clean entries: what packing takes with it and without, in turns."""
    plain = Scrubber(Rules(actions=KEPT, actions_of_private=KEPT))
    print("\n| entries a request | µs of CPU for packing, with scrubbing | without | added |\n|---:|---:|---:|---:|")
    for entries in (1, 100, 1_000):
        lines = [line(entry(n)) for n in range(entries)]
        found = dict.fromkeys((SCRUBBER, plain), 1.0)
        for _ in range(20):
            for scrubber in found:
                found[scrubber] = min(found[scrubber], _fewest_seconds(partial(_encoded, lines, scrubber)))
        on, off = (1e6 * seconds for seconds in found.values())
        print(f"| {entries:,} | {on:,.0f} | {off:,.0f} | {on - off:,.0f} |")


def _encoded(lines: Sequence[bytes], scrubber: Scrubber) -> None:
    for _ in encode_entries(lines, scrubber):
        pass


def _decode_and_encode(body: bytes) -> None:
    for one in DECODER.decode(body):
        ENCODER.encode(one)


def _fewest_seconds(work: Callable[[], object]) -> float:
    def once() -> float:
        began = time.thread_time()
        work()
        return time.thread_time() - began

    return min(once() for _ in range(15))


if __name__ == "__main__":
    recall()
    precision()
    cost()
    of_a_request()
