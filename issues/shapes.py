"""How languages and their SDKs write a frame of a stack: one function a shape, of one line. Pure.

Lines are cut at signs wherever an expression would be quadratic: clients have no say in how long this takes.
"""

import re
from collections.abc import Callable

from msgspec import Struct


class Found(Struct, frozen=True, kw_only=True, gc=False):
    """What a line says: `module` and `application` help to tell whose it is. Nothing of `is_nobodys` frames counts."""

    family: str
    path: str = ""
    module: str = ""
    function: str = ""
    application: str = ""
    is_nobodys: bool = False
    #: The line adds a path to the frame of the line before.
    is_amendment: bool = False


_PYTHON = re.compile(r'File "([^"]*)", line \d+(?:, in (.*))?')
_COMPREHENSIONS = frozenset({"<listcomp>", "<genexpr>", "<dictcomp>", "<setcomp>"})

_JAVA_SOURCE = re.compile(
    r"(?:[\w$.<>-]+\.(?:java|kts?|scala|groovy|clj[cs]?|gradle)|SourceFile|Unknown Source|Native Method|<generated>"
    r"|Redefined)?(?::-?\d+)?"
)
_JAVA_MODULE = re.compile(r"[\w.@+-]*/{1,2}(?:[\w.@+-]+/)?")

_DOTNET_LINE = re.compile(r":(?:line|Zeile|ligne|línea|строка|行) ?\d+$")
_DOTNET_GENERATED = re.compile(r"<(\w+)>(?:d__\d+|b__[\d_]+|g__\w+\|[\d_]+)")
_DOTNET_GENERIC = re.compile(r"\[[^\]]*\]|`\d+")

_AT = re.compile(r":\d+(?::\d+)?$")
_JS_OWNERS = (
    "async ",
    "Object.",
    "Module.",
    "exports.",
    "Function.",
    "module.exports.",
    "window.",
    "global.",
    "globalThis.",
)
_JS_NAMELESS = frozenset(
    {"<anonymous>", "anonymous", "(anonymous)", "?", "eval", "eval code", "global code", "module code", "<unknown>",
     "{anonymous}()", "default"}
)  # fmt: skip
_FIREFOX_TAIL = re.compile(r"(?:/?<|/)+$")

_PHP_CLOSURE = re.compile(r"\{closure.*")

_RUBY = re.compile(r"(\S.*\.(?:rb|erb|rake|ru|haml|slim|jbuilder)):\d+$")
_RUBY_AROUND = re.compile(r"(?:block (?:\(\d+ levels\) )?|rescue |ensure |rescue ensure )in ")
_RUBY_NUMBER = re.compile(r"_+\d{3,}")

_GO = re.compile(r"(\S.*\.(?:go|s)):\d+(?: \+0x[0-9a-f]+| ([\w./*()-]+))?")
_GO_CLOSURE = re.compile(r"(?:\.func\d+|\.gowrap\d+|\.\d+|-range\d+|-fm)+$")

_RUST = re.compile(r"\d+: +(?:0x[0-9a-f]+ - )?([\w<{$].*)")
_RUST_HASH = re.compile(r"::h[0-9a-f]{16}$")
_RUST_CLOSURE = re.compile(r"\{\{?closure(?:#\d+)?\}?\}")

_ELIXIR = re.compile(r"(?:\((\w+)(?: [\w.+-]+)?\) )?(\S+\.(?:exs?|erl|[hl]?eex)):\d+: (.+)")
_ELIXIR_ARITY = re.compile(r"/\d+(?:-.*)?$")


def python(line: str, _before: str) -> Found | None:
    """Read `File "P", line N, in F`."""
    found = _PYTHON.match(line) if line.startswith("File ") else None
    if found is None:
        return None
    function = found[2] or ""
    return Found(family="python", path=found[1], function=function, is_nobodys=function in _COMPREHENSIONS)


def at(line: str, before: str) -> Found | None:
    """Read what begins with `at`: Java's, .NET's and JavaScript's frames, and the place of a frame of Rust's."""
    if not line.startswith("at "):
        return None
    rest = line[3:].removesuffix("{").strip()
    if rest[-1:].isdigit() and _DOTNET_LINE.search(rest):
        return _dotnet(rest.partition("(")[0])
    head, bracket, inner = rest.partition("(")
    if not bracket:
        return _placed(rest, before)
    if head.endswith(" "):
        return _javascript(head, inner[:-1] if inner.endswith(")") else inner)
    inside, closed, _ = inner.partition(")")
    if closed and _JAVA_SOURCE.fullmatch(inside) and inside:
        return _java(head)
    return _dotnet(head) if closed and "." in head else None


def firefox(line: str, _before: str) -> Found | None:
    """Read `F@URL:N:C`."""
    function, sign, place = line.partition("@")
    if not sign or " " in place or not (_AT.search(place) and ("/" in place or ".js" in place)):
        return None
    name = _FIREFOX_TAIL.sub("", function.rpartition("*")[2])
    return Found(family="js", path=_AT.sub("", place), function=_js_name(name))


def php(line: str, _before: str) -> Found | None:
    """Read `#0 P(N): Class->m(…)`."""
    number, _, rest = line.partition(" ")
    if number[:1] != "#" or not number[1:].isdigit():
        return None
    if rest.startswith(("{main}", "[internal function]")):
        return Found(family="php", is_nobodys=True)
    place, sign, call = rest.partition("): ")
    path, _, line_number = place.rpartition("(")
    if not sign or not line_number.isdigit():
        return None
    called = _PHP_CLOSURE.sub("{closure}", call).partition("(")[0].partition("\0")[0].replace("->", "::")
    return Found(family="php", path=path.partition("(")[0], module=called, function=called)


def ruby(line: str, _before: str) -> Found | None:
    """Read `P.rb:N:in 'C#m'`, as Ruby writes it from 3.4 on, and `` `m' ``, as it did before."""
    line = line.removeprefix("from ")
    place, sign, function = line.partition(":in ")
    path, _, number = place.rpartition(":")
    if not sign:
        found = _RUBY.fullmatch(line)
        return Found(family="ruby", path=found[1]) if found else None
    if not number.isdigit() or function[:1] not in ("'", "`"):
        return None
    name = _RUBY_AROUND.sub("", function[1:].partition("'")[0])
    if not name.startswith("<"):
        name = _RUBY_NUMBER.sub("", re.split(r"[#.](?=[^#.])", name)[-1])
    return Found(family="ruby", path=path, function=name)


def go(line: str, before: str) -> Found | None:
    """Read `P.go:N +0x…` behind a line `pkg.F(…)`, and an SDK's `P.go:N`."""
    found = _GO.fullmatch(line) if ".go:" in line or ".s:" in line else None
    if found is None:
        return None
    called = found[2] or _go_function(before)
    name = _GO_CLOSURE.sub(".func", called) if "func" in called else _GO_CLOSURE.sub("", called)
    return Found(family="go", path=found[1], module=called, function=name.rpartition("/")[2])


def rust(line: str, _before: str) -> Found | None:
    """Read `N: crate::f::h0123456789abcdef`; its place comes with the next line."""
    found = _RUST.fullmatch(line) if line[:1].isdigit() else None
    if found is None or ("::" not in found[1] and " " in found[1]):
        return None
    name = _RUST_CLOSURE.sub("{{closure}}", _RUST_HASH.sub("", found[1]))
    return Found(family="rust", module=name, function=name)


def elixir(line: str, _before: str) -> Found | None:
    """Read `(app 1.0) lib/x.ex:N: M.f/2`."""
    found = _ELIXIR.fullmatch(line) if ".e" in line or "eex" in line else None
    if found is None:
        return None
    name = _ELIXIR_ARITY.sub("", found[3].rpartition(" in ")[2].partition("(")[0].strip('"-'))
    return Found(family="elixir", path=found[2], module=name, function=name, application=found[1] or "")


#: In the order in which they are tried.
SHAPES: tuple[Callable[[str, str], Found | None], ...] = (python, at, firefox, php, ruby, go, elixir, rust)

#: What most stacks consist of, with who reads such a line: no other shape, and no beginning of another error, fits it.
UNIFORM: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], Found]], ...] = (
    (re.compile(r"[ \t]*at ([^()\s][^()\n]*) \(([^()\n]*):\d+:\d+\)"), lambda found: _called(found[1], found[2])),
    (
        re.compile(r"[ \t]*at ([\w$.<>]+)\([\w$]+\.(?:java|kt|scala|groovy)(?::\d+)?\)", re.ASCII),
        lambda found: _java(found[1]),
    ),
)


def _placed(place: str, before: str) -> Found | None:
    place = place.removeprefix("async ")
    if not _AT.search(place):
        return None
    path = _AT.sub("", place)
    if _RUST.fullmatch(before):
        return Found(family="rust", path=path, is_amendment=True)
    return Found(family="js", path=path)


def _javascript(head: str, place: str) -> Found:
    """Read `F (P:N:C)`; what is not of a file is the engine's own."""
    end = _AT.search(place)
    path = place[: end.start()] if end else place
    return Found(family="js", path=path, function=_js_name(head), is_nobodys=end is None)


def _called(name: str, path: str) -> Found:
    return Found(family="js", path=path, function=_js_name(name))


def _js_name(name: str) -> str:
    name = name.partition(" [as ")[0].strip()
    while name.startswith(_JS_OWNERS):
        name = name.partition(" ")[2] if name.startswith("async ") else name.partition(".")[2]
    return "" if name in _JS_NAMELESS else name


def _java(head: str) -> Found:
    module = _JAVA_MODULE.match(head)
    head = head[module.end() :] if module else head
    owner, _, method = head.rpartition(".")
    owner = owner.partition("$$")[0].partition("/")[0]
    return Found(family="java", module=_unnumbered(owner), function=_unnumbered(method).removeprefix("lambda$"))


def _unnumbered(name: str) -> str:
    """Return a name of Java's without the numbers that a compiler gave, or the virtual machine."""
    if "$" in name:
        name = "$".join(part for part in name.split("$") if not part.isdigit())
    is_made = name.endswith(tuple("0123456789")) and ("Accessor" in name or "$Proxy" in name)
    return name.rstrip("0123456789") if is_made else name


def _dotnet(head: str) -> Found:
    head = _DOTNET_GENERIC.sub("", head)
    generated = _DOTNET_GENERATED.search(head)
    if generated:
        owner, method = head[: generated.start()].partition(".<>c")[0].rstrip("."), generated[1]
    else:
        owner, _, method = head.rpartition(".")
    return Found(family="dotnet", module=owner.rstrip(".") or head, function=method)


def _go_function(line: str) -> str:
    """Return the function of a line above its place; empty where that is something else."""
    line = line.removeprefix("created by ").partition(" in goroutine ")[0]
    called = line[: line.rfind("(")] if line.endswith(")") else line
    is_function = "." in called and " " not in called and not _GO.fullmatch(line)
    return called.replace("[...]", "") if is_function else ""
