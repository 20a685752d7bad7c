"""What messages are sent to, on loopback: each service's protocol as it documents it, with its limits and errors."""

import json
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks.webhooks import Webhook, WebhookVerificationError


@dataclass
class Answer:
    """What a service says."""

    status: int
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)


#: Reads headers and body as its service does, and answers.
Protocol = Callable[[dict[str, str], bytes], Answer]


class Service(ThreadingHTTPServer):
    """A receiver that speaks `protocol`, or answers `instead` as long as there is something; keeps what it was sent."""

    daemon_threads = True

    def __init__(self, protocol: Protocol) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.protocol = protocol
        self.instead: list[Answer] = []
        self.taken: list[tuple[dict[str, str], bytes]] = []
        self.asked = 0
        self.hangs_up = False
        #: Holds every answer back until it is set.
        self.may_answer = threading.Event()
        self.may_answer.set()

    def url(self, path: str = "/hook") -> str:
        """Return an address of it."""
        return f"http://127.0.0.1:{self.server_port}{path}"

    @property
    def documents(self) -> list[Any]:
        """What it took, parsed."""
        return [json.loads(body) for _, body in self.taken]


class _Handler(BaseHTTPRequestHandler):
    server: Service

    def do_POST(self) -> None:
        server = self.server
        body = self.rfile.read(int(self.headers["Content-Length"]))
        server.asked += 1
        if server.hangs_up:
            self.close_connection = True
            return
        server.may_answer.wait(60)
        headers = {name.lower(): value for name, value in self.headers.items()}
        answer = server.instead.pop(0) if server.instead else server.protocol(headers, body)
        if 200 <= answer.status < 300:
            server.taken.append((headers, body))
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.body.encode())

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def serving(protocol: Protocol) -> Iterator[Service]:
    """Run a service for the block."""
    server = Service(protocol)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.may_answer.set()
        server.shutdown()
        thread.join()
        server.server_close()


def slack(_: dict[str, str], body: bytes) -> Answer:
    """Incoming webhook: `ok`, or 400 with what is wrong (docs.slack.dev, Block Kit)."""
    wrong = wrong_for_slack(json.loads(body))
    return Answer(400, "invalid_blocks: " + "; ".join(wrong)) if wrong else Answer(200, "ok")


def discord(_: dict[str, str], body: bytes) -> Answer:
    """Execute webhook: 204, or 400 with the code of an invalid form body."""
    wrong = wrong_for_discord(json.loads(body))
    return Answer(400, json.dumps({"code": 50035, "errors": wrong})) if wrong else Answer(204)


def teams(_: dict[str, str], body: bytes) -> Answer:
    """A workflow's trigger: 202, or 413 above 28 KB."""
    wrong = wrong_for_teams(body)
    return Answer(413 if len(body) > 28_000 else 400, "; ".join(wrong)) if wrong else Answer(202)


def pagerduty(_: dict[str, str], body: bytes) -> Answer:
    """Events API v2: 202, or 400 with what is wrong."""
    wrong = wrong_for_pagerduty(json.loads(body))
    said = {"status": "invalid event" if wrong else "success", "errors": wrong}
    return Answer(400 if wrong else 202, json.dumps(said))


def webhook(secret: Callable[[], str]) -> Protocol:
    """A receiver that verifies what it is sent with the library of Standard Webhooks."""

    def take(headers: dict[str, str], body: bytes) -> Answer:
        try:
            Webhook(secret()).verify(body, headers)
        except WebhookVerificationError as error:
            return Answer(401, str(error))
        return Answer(413) if len(body) > 20_000 else Answer(204)

    return take


def wrong_for_slack(message: dict[str, Any]) -> list[str]:
    """Return what Slack would refuse, or what would call people."""
    texts = list(_slack_texts(message["blocks"]))
    wrong = [f"{kind} of {len(text)}" for kind, text, most in texts if not 0 < _units(text) <= most]
    wrong += [f"{kind} with a mark" for kind, text, _ in texts if "<!" in text or "<@" in text]
    wrong += ["text with a mark"] if "<" in message["text"] else []
    wrong += ["too many blocks"] if len(message["blocks"]) > 50 else []
    wrong += ["too many fields"] if any(len(block.get("fields", [])) > 10 for block in message["blocks"]) else []
    return wrong + (["too long"] if len(json.dumps(message, ensure_ascii=False)) > 13_000 else [])


def _slack_texts(blocks: list[dict[str, Any]]) -> Iterator[tuple[str, str, int]]:
    for block in blocks:
        match block["type"]:
            case "header":
                yield "header", block["text"]["text"], 150
            case "section":
                if "text" in block:
                    yield "section", block["text"]["text"], 3_000
                yield from (("field", one["text"], 2_000) for one in block.get("fields", []))
            case "actions":
                yield from (("button", one["text"]["text"], 75) for one in block["elements"])
                yield from (("url", one["url"], 3_000) for one in block["elements"])
            case "context":
                yield from (("context", one["text"], 2_000) for one in block["elements"])
            case other:
                yield other, "", 0


def wrong_for_discord(message: dict[str, Any]) -> list[str]:
    """Return what Discord would refuse, or what would call people."""
    [embed] = message["embeds"]
    limits = {"title": 256, "description": 4_096}
    wrong = [name for name, most in limits.items() if _units(embed[name]) > most]
    wrong += ["fields"] if len(embed["fields"]) > 25 else []
    for one in embed["fields"]:
        if not (0 < _units(one["name"]) <= 256 and 0 < _units(one["value"]) <= 1_024 and one["value"].strip()):
            wrong.append("field")
    parts = [embed["title"], embed["description"], embed["footer"]["text"]]
    parts += [part for one in embed["fields"] for part in (one["name"], one["value"])]
    wrong += ["embed"] if sum(map(_units, parts)) > 6_000 else []
    wrong += ["mentions"] if message["allowed_mentions"].get("parse") != [] else []
    return wrong


def wrong_for_teams(body: bytes) -> list[str]:
    """Return what Teams would refuse, or read as Markdown."""
    [attachment] = json.loads(body)["attachments"]
    card = attachment["content"]
    wrong = ["size"] if len(body) > 20_000 else []
    wrong += ["kind"] if attachment["contentType"] != "application/vnd.microsoft.card.adaptive" else []
    wrong += ["version"] if card["type"] != "AdaptiveCard" else []
    wrong += ["Markdown"] if any(block["type"] != "RichTextBlock" for block in card["body"]) else []
    return wrong + (["actions"] if len(card["actions"]) > 6 else [])


def wrong_for_pagerduty(event: dict[str, Any]) -> list[str]:
    """Return what PagerDuty would refuse."""
    payload = event["payload"]
    wrong = ["routing_key"] if len(event["routing_key"]) != 32 else []
    wrong += ["event_action"] if event["event_action"] not in ("trigger", "resolve", "acknowledge") else []
    wrong += ["dedup_key"] if not 0 < len(event["dedup_key"]) <= 255 else []
    wrong += ["summary"] if not 0 < _units(payload["summary"]) <= 1_024 else []
    wrong += ["severity"] if payload["severity"] not in ("critical", "error", "warning", "info") else []
    return wrong + (["size"] if len(json.dumps(event).encode()) > 512_000 else [])


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


class Post(socketserver.ThreadingTCPServer):
    """An SMTP server (RFC 5321) of the least commands; answers `refusal` to a recipient, where there is one."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Mails)
        self.refusal = ""
        self.letters: list[str] = []


class _Mails(socketserver.StreamRequestHandler):
    server: Post

    def handle(self) -> None:
        self._say("220 loopback")
        while line := self.rfile.readline():
            match line.decode().split(None, 1)[0].upper():
                case "RCPT" if self.server.refusal:
                    self._say(self.server.refusal)
                case "DATA":
                    self._say("354 go on")
                    self._keep()
                    self._say("250 kept")
                case "QUIT":
                    self._say("221 bye")
                    return
                case _:
                    self._say("250 loopback")

    def _keep(self) -> None:
        lines = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
        self.server.letters.append(b"".join(lines).decode())

    def _say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())


@contextmanager
def post_office() -> Iterator[Post]:
    """Run an SMTP server for the block."""
    server = Post()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
