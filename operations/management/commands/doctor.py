"""`bin/luminalog doctor`: what is wrong, and what to do."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand

from operations.doctor.examination import examine
from operations.doctor.finding import Finding, Severity


class Command(BaseCommand):
    help = "Examine settings, PostgreSQL, Valkey, workers, spool and disk. Reads only; ends with 1 at an error."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *_arguments: Any, **options: Any) -> None:
        findings = list(examine())
        errors = [finding for finding in findings if finding.level is Severity.ERROR]
        if options["json"]:
            self.stdout.write(json.dumps({"well": not errors, "findings": [asdict(one) for one in findings]}))
        else:
            self._tell(findings)
        if errors:
            raise SystemExit(1)

    def _tell(self, findings: list[Finding]) -> None:
        for finding in findings:
            self.stdout.write(f"{finding.level:<8} {finding.subject:<18} {finding.what}")
            if finding.do:
                self.stdout.write(f"{'':<27} → {finding.do}")
        counted = {level: sum(finding.level is level for finding in findings) for level in Severity}
        self.stdout.write(", ".join(f"{count} {level}" for level, count in counted.items()))
