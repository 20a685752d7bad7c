"""Ask the advisory service about every pinned requirement: fail on a finding, and say loudly what was not audited."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
FILES = ("requirements.txt", "requirements-mcp.txt", "requirements-clickhouse.txt", "requirements-dev.txt")
OPTIONS = ("--disable-pip", "--no-deps", "--require-hashes", "--progress-spinner=off", "--timeout=5", "--format=json")
SECONDS = 120


def main() -> int:
    """Audit, print one line, and return the exit code."""
    files = [part for name in FILES for part in ("--requirement", str(ROOT / name))]
    command = [str(Path(sys.executable).with_name("pip-audit")), "--vulnerability-service=pypi", *OPTIONS, *files]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)  # noqa: S603
        return verdict(json.loads(done.stdout)["dependencies"])
    except (subprocess.TimeoutExpired, json.JSONDecodeError):
        print("pip-audit: SKIPPED, NOTHING WAS AUDITED: the advisory service cannot be reached", file=sys.stderr)
        return 0


def verdict(dependencies: list[dict[str, Any]]) -> int:
    """Print what was found; return 1 when something was."""
    skipped = sorted(one["name"] for one in dependencies if "skip_reason" in one)
    findings = [(one, vulnerability) for one in dependencies for vulnerability in one.get("vulns", ())]
    for one, vulnerability in findings:
        fixed = ", ".join(vulnerability["fix_versions"]) or "no version yet"
        print(f"pip-audit: {one['name']} {one['version']}: {vulnerability['id']}, fixed in {fixed}", file=sys.stderr)
    if len(skipped) == len(dependencies):
        print("pip-audit: SKIPPED, NOTHING WAS AUDITED: the advisory service knows no package", file=sys.stderr)
    elif skipped:
        print(f"pip-audit: {len(skipped)} SKIPPED, NOT AUDITED: {', '.join(skipped)}", file=sys.stderr)
    audited = len(dependencies) - len(skipped)
    print(f"pip-audit: {audited} of {len(dependencies)} packages audited, {len(findings)} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
