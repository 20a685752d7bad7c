"""What documents print for a shell, a terminal or a running server works there as it is printed."""

import os
import pty
import re
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from embedded.processes import is_taken
from tests.acceptance.product import Product
from tests.printed import Printed, printed
from tests.processes import PROJECT, catches
from tests.waiting import DEADLINE_SECONDS, wait_until

pytestmark = pytest.mark.acceptance

#: The tutorial as a newcomer types it; of other pages what tests/integration/test_printed_commands.py leaves to us.
LINES = [
    one
    for one in dict.fromkeys(printed())
    if (one.page == "docs/tutorial.md" or one.needs_shell or one.is_endless or " send " in one.line)
    and not re.search(r" (backup|restore|createsuperuser)\b", one.line)
]
EXAMPLE = re.compile(r"(?:^    (?:curl|printf) .*\n)(?:^     +.*\n)*", re.MULTILINE)
CURLS = [
    (page, block)
    for page in ("README.md", "docs/protocols.md")
    for block in EXAMPLE.findall((PROJECT / page).read_text())
]
ENTRY = '{"timestamp": "2026-01-26T14:30:00Z", "level": "info", "message": "one that is ready"}\n'
SHELLS = {"bash": ["bash", "-o", "pipefail", "-c"], "zsh": ["zsh", "-f", "-c"]}
#: Runs the command after it with its standard input as the terminal that it belongs to.
IN_TERMINAL = """import fcntl, os, sys, termios
os.setsid()
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execvp(sys.argv[1], sys.argv[1:])"""
COMPINIT = "autoload -Uz compinit && compinit -u -D; "


@pytest.fixture
def surroundings(product: Product, tmp_path: Path) -> dict[str, str]:
    """What documents take for granted: a journal and a log that end, a file of entries, an organisation called acme."""
    for name in ("journalctl", "tail"):
        (tmp_path / name).write_text(f'#!/bin/sh\necho "{name} $*"\n')
        (tmp_path / name).chmod(0o755)
    (tmp_path / "entries.ndjson").write_text(ENTRY)
    for name in ("app.log", "errors.log"):
        (tmp_path / name).write_text("one line\nanother\n")
    if not product.query("SELECT 1 FROM accounts_organisation WHERE slug = 'acme'"):
        product.manage("create_org", "acme")
    token = (product.data_dir / "metrics_token").read_text().strip()
    return product.environment | {
        "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}", "LUMINALOG_METRICS_TOKEN": token, "CDPATH": "",
    }  # fmt: skip


@pytest.mark.parametrize("page", sorted({one.page for one in LINES}))
def test_page_s_lines_work_as_printed(surroundings: dict[str, str], page: str, tmp_path: Path) -> None:
    for line in (one for one in LINES if one.page == page):
        if is_missing(line):
            continue
        said = tmp_path / "said"
        with said.open("wb") as output:
            process = subprocess.Popen(
                shell(line, folder=tmp_path), cwd=PROJECT, env=surroundings, stdout=output, stderr=output,
                stdin=subprocess.DEVNULL,
            )  # fmt: skip
        if line.is_endless:
            wait_until(lambda: process.poll() is not None or catches(process, signal.SIGINT), what=said.read_text)  # noqa: B023
            process.send_signal(signal.SIGINT)
        # What the doctor finds on a busy machine is not ours to judge: tests/acceptance/test_doctor.py does.
        assert process.wait(DEADLINE_SECONDS) in ((0, 1) if " doctor" in line.line else (0,)), (
            f"{line.line}: {said.read_text()}"
        )


def is_missing(line: Printed) -> bool:
    """Tell whether this machine lacks what the line needs beside us: a shell, `jq`, the port, a core elsewhere."""
    if "--edge-of" in line.line:
        return True  # `make edges` runs it
    programs = [name for name in ("jq", "zsh") if re.search(rf"\b{name}\b", line.line)]
    ports = [port for port in (9464, 8002) if str(port) in line.line]
    return not all(map(shutil.which, programs)) or any(map(is_taken, ports))


def shell(line: Printed, *, folder: Path) -> list[str]:
    """Return the shell that runs the line, and the line."""
    name = "zsh" if line.line.endswith("zsh)") else "bash"
    text = line.line
    for place in ("entries.ndjson", "/var/log/app.log", "/var/lib/luminalog/app.sent", "--file app.log", "errors.log"):
        option, _, path = place.rpartition(" ")
        text = text.replace(place, f"{option} {folder / path.rpartition('/')[2]}".lstrip())
    # With SIGINT ignored, as shells start what ends in `&`: until the program has a handler of its own.
    before = COMPINIT if name == "zsh" else 'trap "" INT; exec ' if line.is_endless else ""
    return [*SHELLS[name], before + text]


@pytest.mark.parametrize(("page", "block"), CURLS)
def test_curl_works_as_printed(product: Product, page: str, block: str) -> None:
    command = block.replace("http://127.0.0.1:8000", product.base_url).replace("ll_…", product.api_key)
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=DEADLINE_SECONDS)
    assert '"Logs ingested successfully"' in done.stdout, done.stdout + done.stderr


def test_administrator_is_made_in_a_terminal(product: Product) -> None:
    [line] = [one.line for one in printed() if "createsuperuser" in one.line]
    answers = {"sername": "ada", "mail": "ada@example.com", "assword:": "correct horse 9", "again": "correct horse 9"}
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", IN_TERMINAL, *shlex.split(line)],
        cwd=PROJECT, env=product.environment, stdin=theirs, stdout=theirs, stderr=theirs,
    )  # fmt: skip
    os.close(theirs)
    shown = ""
    for question, answer in answers.items():
        while question not in shown:
            shown += os.read(ours, 1024).decode()
        shown = ""
        os.write(ours, f"{answer}\n".encode())
    assert process.wait(DEADLINE_SECONDS) == 0
    os.close(ours)
    assert product.query("SELECT is_superuser FROM accounts_user WHERE username = 'ada'") == [(True,)]


def test_command_works_through_a_link_from_anywhere(product: Product, tmp_path: Path) -> None:
    (tmp_path / "luminalog").symlink_to(PROJECT / "bin/luminalog")
    done = subprocess.run(
        ["./luminalog", "send", "--json", "from anywhere"], cwd=tmp_path, env=product.environment, capture_output=True
    )
    assert done.stdout == b'{"sent": 1, "refused": 0, "lines": 1}\n'
