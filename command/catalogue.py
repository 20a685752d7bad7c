"""The words of the command, in the order in which people need them. Names of Django's modules are not among them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Command:
    """What people type, what it does in one line, and the module of Django's that does it; none: this room does."""

    words: tuple[str, ...]
    summary: str
    module: str | None = None

    @property
    def name(self) -> str:
        return " ".join(self.words)


def _command(words: str, summary: str, *, module: str | None = None) -> Command:
    """Return the command whose module is called as it is, unless said otherwise."""
    return Command(tuple(words.split()), summary, module or words.replace("-", "_"))


SECTIONS: dict[str, Sequence[Command]] = {
    "Logs": (
        Command(("send",), "send lines, or a text, as log entries"),
        _command("search", "print what is stored"),
        _command("tail", "print what is stored from now on"),
    ),
    "Who may send": (
        _command("organisations create", "make an organisation, its plan and its first project", module="create_org"),
        _command("organisations suspend", "refuse all keys of an organisation", module="suspend_org"),
        _command("organisations resume", "let them in again", module="resume_org"),
        _command("keys list", "list API keys", module="list_keys"),
        _command("keys create", "issue an API key", module="create_key"),
        _command("keys rotate", "issue a key's successor", module="rotate_key"),
        _command("keys revoke", "end a key for ever", module="revoke_key"),
        _command("keys provision", "make the key that the environment names", module="provision_key"),
    ),
    "Edges": (
        _command("edges create", "make an edge, and print its token", module="create_edge"),
        _command("edges list", "list edges, and how each is", module="list_edges"),
        _command("edges retire", "end an edge, empty or lost", module="retire_edge"),
        _command("edges link", "at an edge: forward to the core until stopped", module="edge_link"),
    ),
    "Is it well?": (
        _command("doctor", "say what is wrong, and what to do"),
        _command("metrics", "print the metrics of this machine, or serve them"),
        _command("verify-ledger", "compare what was charged with what is kept"),
        _command("partitions", "show what each day takes, or make days ahead"),
        _command("dead-letters", "list, export or replay what the log store refused"),
    ),
    "Keep it so": (
        _command("backup", "write a backup while the product runs"),
        _command("restore", "fill an empty database from a backup"),
        _command("restore-store", "fill an empty ClickHouse from a backup"),
        _command("archive", "show, write, verify or delete archived days"),
        _command("load", "read an archived day back, for some days"),
        _command("upkeep", "do what workers do, without a broker"),
        _command("rollup", "count what older versions have stored for histograms"),
        _command("erase", "erase what a query finds, a value stands in, or all of an organisation, for ever"),
        _command("scrub", "bring what is stored to today's privacy rules"),
        _command("regroup", "put errors into groups that are in none"),
        _command("drain", "only store what waits in the spool"),
        _command("database-roles", "print, or set up, roles of least privilege"),
    ),
    "Set up": (
        Command(("up",), "run the whole product on this machine"),
        _command("syslog", "listen for syslog, where LUMINALOG_SYSLOG says"),
        _command("mcp", "serve tools to a model's client (MCP)"),
        _command("prepare", "all that a version needs before it starts: the next two, and days ahead"),
        _command("migrate", "bring the database to this version"),
        _command("migrate-store", "bring the table of entries in ClickHouse to this version"),
        _command("move-store", "move entries from PostgreSQL to ClickHouse while the product runs"),
        _command("bootstrap", "make the first organisation, key and administrator"),
        _command("createsuperuser", "make an administrator"),
        _command("changepassword", "give somebody another password"),
        _command("collectstatic", "collect the files that web serves"),
        _command("check", "look at the settings"),
        Command(("completion",), "print the completion for bash, zsh or fish"),
    ),
}


def commands() -> Iterator[Command]:
    """Yield every command, in order."""
    for section in SECTIONS.values():
        yield from section


def found(words: Sequence[str]) -> Command | None:
    """Return the command that `words` begin with."""
    return next((one for one in commands() if tuple(words[: len(one.words)]) == one.words), None)


def below(word: str) -> list[Command]:
    """Return the commands whose first of several words is `word`."""
    return [one for one in commands() if len(one.words) > 1 and one.words[0] == word]
