"""`bin/luminalog verify-ledger`: everything charged is stored, waits, or is a dead letter, exactly once."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from operations.breaches.breach import CHECKS, Breach
from operations.verification import SHOWN, verify


class Command(BaseCommand):
    help = "Compare what was charged with what is kept. Reads only; ends with 1 when something is wrong."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *_arguments: Any, **options: Any) -> None:
        if settings.CORE_URL:
            raise CommandError("This is an edge: what it has forwarded is charged and kept at its core. Ask there.")
        findings = verify()
        if options["json"]:
            self.stdout.write(json.dumps({"clean": not findings, "findings": [asdict(one) for one in findings]}))
        else:
            self._tell(findings)
        if findings:
            raise SystemExit(1)

    def _tell(self, findings: list[Breach]) -> None:
        for name, rule in CHECKS.items():
            broken = [finding for finding in findings if finding.check == name]
            verdict = f"{len(broken)}{'+' if len(broken) == SHOWN else ''} found" if broken else "ok"
            self.stdout.write(f"{name:<11} {verdict:<9} {rule}")
            for one in broken:
                self.stdout.write(
                    f"  organisation {one.organisation_id}, {one.subject}: expected {one.expected}, found {one.found}"
                )
