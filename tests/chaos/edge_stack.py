"""An edge in a folder, as `Stack` has a product: with a proxy on the line to its core, too."""

from pathlib import Path

from tests.chaos.stack import Stack

NAME = "fra1"
#: The link on which the edge calls its core.
LINE = "edge-core"


class EdgeStack(Stack):
    """PostgreSQL, Valkey, worker, beat, link and web of an edge of `core`, with a token that the core has made."""

    ours = ("worker", "beat", "link", "web")

    def __init__(self, folder: Path, *, core: Stack) -> None:
        super().__init__(folder)
        self.core = core
        self.token = folder / "token"

    def enrol(self) -> None:
        """Have the core make this edge, which may take everybody's logs."""
        self.folder.mkdir(parents=True)
        self.token.write_text(self.core.manage("create_edge", NAME, "--all-organisations"))

    def _start_servers(self) -> None:
        super()._start_servers()
        self.links[LINE] = self.proxy.link(LINE, target_port=self.core.port)

    def _store(self, side: str) -> dict[str, str]:  # noqa: ARG002 - each side calls the core by the same line
        line = f"http://127.0.0.1:{self.links[LINE].port}"
        return {"STORE_URL": f"edge+{line}", "LUMINALOG_EDGE_TOKEN_FILE": str(self.token)}
