"""What makes two errors one group: pairs of every kind, and what never changes a fingerprint."""

import random
import re
from functools import partial
from typing import Any

import pytest
from msgspec.json import decode, encode

from issues import frames
from issues.fingerprint import Fingerprint, Reported, described, fingerprint
from issues.ours import Prefixes
from issues.paths import tail
from issues.template import template
from tests.effort import cpu_seconds
from tests.pairs import PAIRS

BYTES = 256 * 1024


def of_pair(side: dict[str, Any]) -> Fingerprint:
    error = side["error"] or {}
    reported = Reported(
        type=error.get("type", ""),
        message=error.get("message", ""),
        stack=error.get("stack_trace", ()),
        fingerprint=error.get("fingerprint", ""),
    )
    return fingerprint(side["project"], reported, side["message"])


def of(type: str = "", message: str = "", stack: Any = (), *, override: str = "") -> Fingerprint:
    lines = [stack] if isinstance(stack, str) else stack
    return fingerprint("shop", Reported(type, message, lines, override), "it failed")


@pytest.mark.parametrize("pair", PAIRS, ids=[pair["id"] for pair in PAIRS])
def test_pair_is_one_group_or_two(pair: dict[str, Any]) -> None:
    one, other = of_pair(pair["a"]), of_pair(pair["b"])
    assert (one.key == other.key) == (pair["expect"] == "same"), (one.basis, other.basis)


STACKED = [pair for pair in PAIRS if (pair["a"]["error"] or {}).get("stack_trace")]


def changed(side: dict[str, Any], change: Any) -> dict[str, Any]:
    stack = [change(text) for text in side["error"]["stack_trace"]]
    return side | {"error": side["error"] | {"stack_trace": stack}}


def later_lines(text: str) -> str:
    return re.sub(r"(?<=line )\d+|(?<=[a-z]:)\d+|(?<=\()\d+(?=\):)", lambda found: str(int(found[0]) + 1_000), text)


def elsewhere(text: str) -> str:
    return re.sub(r'(?<=[" (@])/(?=\w+/)', "/srv/releases/20261126/", text)


@pytest.mark.parametrize("pair", STACKED, ids=[pair["id"] for pair in STACKED])
@pytest.mark.parametrize("change", [later_lines, elsewhere])
def test_lines_and_deploy_directories_never_count(pair: dict[str, Any], change: Any) -> None:
    assert of_pair(changed(pair["a"], change)).key == of_pair(pair["a"]).key


@pytest.mark.parametrize(
    ("line", "library"),
    [
        ('File "/app/a/b.py", line 3, in run', 'File "/usr/lib/python3.12/site-packages/x/y.py", line 1, in z'),
        ("at run (/app/src/b.js:1:2)", "at z (/app/node_modules/x/y.js:1:2)"),
        ("at com.acme.B.run(B.java:1)", "at org.springframework.X.z(X.java:3)"),
        ("at Acme.B.Run() in /src/B.cs:line 3", "at Microsoft.X.Z()"),
        ("/app/src/b.rb:3:in 'B#run'", "/usr/local/bundle/gems/x-1.2/lib/x.rb:3:in 'X#z'"),
        ("#0 /var/www/app/B.php(3): App\\B->run()", "#1 /var/www/vendor/x/Y.php(3): X\\Y->z()"),
        ("main.run()\n\t/app/src/b.go:3 +0x1d", "net/http.z()\n\t/usr/local/go/src/net/http/z.go:3 +0x1d"),
        ("1: shop::run\n   at ./src/b.rs:3:5", "2: tokio::z\n   at /home/build/.cargo/registry/src/tokio-1/z.rs:3:5"),
        ("(shop 0.1.0) lib/b.ex:3: Shop.B.run/1", "(phoenix 1.7.1) lib/phoenix/z.ex:3: Phoenix.Z.z/2"),
    ],
)
def test_frames_of_libraries_never_count(line: str, library: str) -> None:
    plain = of("ShopError", "x", line)
    assert plain.basis[0] == "s"
    assert of("ShopError", "x", f"{line}\n{library}").key == of("ShopError", "x", f"{library}\n{line}").key == plain.key


def test_organisation_says_what_is_its_own() -> None:
    stack = ("at a (/srv/platform/core/a.js:1:2)", "at b (/srv/shop/cart/b.js:1:2)")
    reported = Reported("ShopError", "x", stack)
    prefixes = Prefixes(not_ours=("/srv/platform/",), edition=3)
    told = fingerprint("shop", reported, "", prefixes)
    assert (told.version, told.culprit) == ("l1.3", "cart/b.js in b")
    assert fingerprint("shop", reported, "").culprit == "core/a.js in a"
    assert frames.of(["at c (/app/node_modules/@acme/c/c.js:1:2)"], Prefixes(ours=("/app/node_modules/@acme",))).is_ours


def test_siblings_share_a_parent_and_one_fingerprint_of_all() -> None:
    one, other = of("Exception", "a", "at f1 (/a/b.js:1:2)"), of("Exception", "b", "at f1 (/a/b.js:1:2)")
    assert one.parent == other.parent
    assert one.key != other.key
    assert one.of_all_siblings().key == other.of_all_siblings().key != one.key
    assert of("ShopError", "a", "at fun (/a/b.js:1:2)").parent is None


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (of("KeyError", "'user_id'"), "grouped by type and message: KeyError · 'user_id'"),
        (of("ShopError", "x", "at pay (/a/b.js:1:2)"), "grouped by type and 1 frame: ShopError · a/b.js|pay"),
        (of("Error", "no 12", "at pay (/a/b.js:1:2)"),
         "grouped by type and 1 frame and message: Error · a/b.js|pay · no <n>"),
        (of("A", "x", override="down"), "grouped by the fingerprint that was sent: down"),
        (of("A", "x", override="{{ default }} eu"),
         "grouped by type and message: A · x and the fingerprint that was sent: {{ default }} eu"),
        (of("f", "x"), "grouped by type and message: f · x"),
        (of("f", "x", "at pay (/a/b.js:1:2)"), "grouped by type and 1 frame: f · a/b.js|pay"),
        (fingerprint("shop", Reported(), "no 5"), "grouped by the entry's message: no <n>"),
    ],
)  # fmt: skip
def test_people_read_why_it_is_one_group(found: Fingerprint, said: str) -> None:
    assert described(found.basis) == said


@pytest.mark.parametrize(
    ("path", "stays"),
    [
        ("/srv/app/dist/payment.js", "dist/payment.js"),
        ("C:\\agent\\_work\\7\\s\\Cart.cs", "s/Cart.cs"),
        ("https://cdn.example/static/cart.77aa01de.js?v=3", "static/cart.js"),
        ("/srv/releases/v1.2.3/pay.py", "*/pay.py"),
        ("webpack-internal:///./src/a.js", "src/a.js"),
        ("/app/node_modules/koa@2.1.0/index.js", "koa/index.js"),
        ("C:/pay.py", "pay.py"),
        ("", ""),
    ],
)
def test_path_is_told_by_what_stays(path: str, stays: str) -> None:
    assert tail(path) == stays


def hostile_stacks() -> list[list[str]]:
    lines = [
        "a" * BYTES, "\n", "at " + "(" * 236 + "\n", "at a.b(c\n", "\tat " + "a." * 100 + "b(x.java:1)\n",
        "at " + "a" * 100 + "$1" * 60 + "(X.java:1)\n", 'File "' + "1." * 110 + '/x.py", line 3, in f\n',
        "at f (/x/" + "-a1" * 70 + ".js:1:2)\n", "a.go:1" * 40 + "\n", ".rb:1" * 48 + "\n", "@" * 239 + "\n",
        "#0 " + "(" * 230 + "\n", "1: " + "<" * 230 + "\n", "a.ex:1: " * 30 + "\n", "at " + "@scope/" * 30 + ":1:1\n",
    ]  # fmt: skip
    return [[line * (BYTES // len(line))] for line in lines] + [[""] * 80_000]


def hostile_messages() -> list[str]:
    pieces = [
        "'", '"', "a-", "1.", ":a", "/a", "@a.", "0x", "-1", "[::", "a1_", "Mon, 1 Jan ", "12:12:", "http://", "1",
        "eyJ", "v1.", "~/", "C:\\", "f", "“", "[", "a_1-", "{", "Caused by:", "A.", "::", "\0", "\U0001f600", "Error",
    ]  # fmt: skip
    return [piece * (BYTES // len(piece)) for piece in pieces]


def _read_and_write(line: bytes) -> None:
    encode(decode(line))


def test_hostile_errors_cost_a_bounded_multiple_of_reading_them() -> None:
    """256 KiB at most: the bar is 10 ms where reading and writing takes 0.4."""
    worst: list[tuple[float, str]] = []
    for reported in (
        *(Reported("Error", "", stack) for stack in hostile_stacks()),
        *(Reported(message, message, [message], "") for message in hostile_messages()),
    ):
        line = encode([reported.message, reported.stack])
        reading = max(cpu_seconds(partial(_read_and_write, line)), READING_SECONDS)
        frames.forget()
        taken = cpu_seconds(partial(fingerprint, "p", reported, reported.message), times=2)
        worst.append((taken / reading, repr(reported)[:60]))
    assert max(worst)[0] <= 20, sorted(worst)[-3:]


READING_SECONDS = cpu_seconds(lambda: encode(decode(encode(["x" * 100] * 2_500))), times=9)


def test_nothing_that_is_sent_fails() -> None:
    numbers = random.Random(17)
    pieces = [
        "at ", "(", ")", ":1", ":1:2", ".py", ".go", ".rb", ".java", " in ", "'", '"', "\n", "\t", "File ", ", line 3",
        "@", "#0 ", "Caused by: ", "Suppressed:", "$$", "<", ">", "Traceback (most recent call last):\n",
        "\ud800", "\0", "{", "::", "[external]", "goroutine 1 [running]:\n", "Next ", "--- End of inner exception",
        "1: ", "/2", "é", "a", "Error", ".",
    ]  # fmt: skip
    for _ in range(500):
        text = "".join(numbers.choices(pieces, k=30))
        found = fingerprint("p", Reported(text[:20], text, [text, text[::-1]], text[:3]), text)
        assert len(found.digest) == 16
        assert described(found.basis)
        assert len(template(text)) <= 3 * 300
