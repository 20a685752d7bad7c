"""Which frames of a stack are the application's own, and not its libraries', runtimes' or platform's. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

MOST_PREFIXES = 20
MOST_CHARACTERS = 100

#: Somewhere in a path, with `/` for `\`, in small letters.
_IN_PATHS = (
    "node_modules/", "/.pnpm/", ".yarn/cache", ".yarn/__virtual__", "node:", "site-packages/", "dist-packages/",
    "lib/python3", ".venv/", "<frozen", "/go/pkg/mod/", "/usr/local/go/", "/vendor/", "/gems/", "lib/ruby/",
    "<internal:", ".cargo/registry", ".cargo/git", "/rustc/", ".rustup/", "[internal", "[native", "chrome-extension:",
    "moz-extension:", "safari-extension:", "safari-web-extension:", "webkit-masked-url:", "ext:deno", "ext:core",
    "deno:", "bun:", "webpack/bootstrap", "webpack/runtime",
)  # fmt: skip
#: At the beginning of one.
_BEGIN_PATHS = ("internal/", "vendor/", "deps/", "gems/")
#: The standard library of Windows' Python: `Python312/Lib/asyncio/…`.
_WINDOWS_PYTHON = re.compile(r"/python3\d*/lib/")
#: Beginnings of the names of modules, classes and crates, by the family of languages whose stack it is.
_MODULES = {
    "java": (
        "java.", "javax.", "jdk.", "sun.", "com.sun.", "jakarta.", "org.springframework.", "org.apache.",
        "org.hibernate.", "org.eclipse.", "org.jboss.", "org.junit.", "org.gradle.", "org.codehaus.groovy.",
        "org.postgresql.", "org.mockito.", "org.slf4j.", "ch.qos.logback.", "io.netty.", "io.undertow.",
        "io.micronaut.", "io.quarkus.", "io.vertx.", "io.grpc.", "io.reactivex.", "reactor.", "com.fasterxml.",
        "com.google.common.", "com.mysql.", "com.zaxxer.", "kotlin.", "kotlinx.", "scala.", "akka.", "groovy.",
        "android.", "androidx.", "dalvik.", "com.android.", "okhttp3.", "retrofit2.",
    ),
    "dotnet": (
        "System.", "Microsoft.", "MS.", "Newtonsoft.", "Npgsql.", "Dapper.", "Serilog.", "NUnit.", "Xunit.",
        "lambda_method",
    ),
    "go": (
        "runtime.", "runtime/", "net/http.", "net.", "sync.", "testing.", "reflect.", "database/sql.", "encoding/",
        "os.", "io.", "bufio.", "context.", "syscall.", "internal/", "panic", "google.golang.org/", "golang.org/x/",
        "github.com/gin-gonic/", "github.com/labstack/echo", "github.com/gorilla/", "github.com/go-chi/",
        "github.com/pkg/errors.",
    ),
    "rust": (
        "std::", "core::", "alloc::", "rust_", "__rust_", "__libc_", "_start", "tokio::", "tokio_util::", "futures::",
        "futures_util::", "futures_core::", "hyper::", "tower::", "axum::", "actix_web::", "actix_rt::",
        "actix_server::", "anyhow::", "backtrace::", "tracing::", "rayon::", "rayon_core::", "test::",
    ),
    "php": (
        "Illuminate\\", "Symfony\\", "Laravel\\", "Doctrine\\", "GuzzleHttp\\", "Monolog\\", "PHPUnit\\",
        "Composer\\", "Twig\\", "Slim\\", "Psr\\",
    ),
    "elixir": (
        "Phoenix.", "Plug.", "Ecto.", "DBConnection.", "Postgrex.", "Cowboy.", "Bandit.", "ThousandIsland.", "Enum.",
        "Stream.", "Task.", "GenServer.", "Process.", "Kernel.", "Map.", "Keyword.", "Access.", "String.", ":",
    ),
}  # fmt: skip
#: Elixir names the application of a frame.
_APPLICATIONS = frozenset(
    {"elixir", "stdlib", "kernel", "erts", "phoenix", "phoenix_live_view", "phoenix_html", "phoenix_ecto", "plug",
    "plug_cowboy", "plug_crypto", "cowboy", "ranch", "bandit", "thousand_island", "ecto", "ecto_sql", "db_connection",
    "postgrex", "jason", "telemetry", "logger", "mix", "ex_unit", "absinthe", "oban", "broadway"}
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Prefixes:
    """What an organisation says itself of beginnings of paths and modules; `edition` is of these, counted from 0."""

    ours: Sequence[str] = ()
    not_ours: Sequence[str] = ()
    edition: int = 0
    #: What tells these from any others.
    identity: bytes = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "identity", "\n".join((*self.ours, "", *self.not_ours)).encode())

    @property
    def version(self) -> str:
        """The version of fingerprints that are made with these."""
        return f"l1.{self.edition}" if self.edition else "l1"


NO_PREFIXES = Prefixes()


def is_ours(family: str, path: str, module: str, prefixes: Prefixes = NO_PREFIXES, *, application: str = "") -> bool:
    """Tell whether a frame is the application's own; `path` or `module` may be empty."""
    if prefixes.ours and _begins(path, module, prefixes.ours):
        return True
    if prefixes.not_ours and _begins(path, module, prefixes.not_ours):
        return False
    if application in _APPLICATIONS or (module and module.lstrip("<").startswith(_MODULES.get(family, ()))):
        return False
    return not _is_in_library(path)


@lru_cache(4_096)  # most files come again
def _is_in_library(path: str) -> bool:
    small = path.lower()
    if small.startswith(_BEGIN_PATHS) or any(part in small for part in _IN_PATHS):
        return True
    return "/python3" in small and _WINDOWS_PYTHON.search(small) is not None


def _begins(path: str, module: str, prefixes: Sequence[str]) -> bool:
    wanted = tuple(prefixes)
    return (
        (module != "" and module.startswith(wanted)) or path.startswith(wanted) or path.lstrip("/").startswith(wanted)
    )
