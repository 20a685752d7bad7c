"""`luminalog tail`: what is stored of an organisation's logs from now on, in a terminal."""

from collections.abc import Iterator
from typing import Any

from accounts.models import AccessRecord, Organisation
from explore.follow import follow
from explore.management.asking import LogsCommand, record
from explore.query import Node
from explore.search import FoundEntry


class Command(LogsCommand):
    help = "Print what is stored of an organisation's logs from now on, until Ctrl-C."

    def asked(self, organisation: Organisation, query: Node, options: dict[str, Any]) -> Iterator[FoundEntry]:
        record(AccessRecord.Action.TAIL, organisation, options)
        return follow(organisation.pk, query)
