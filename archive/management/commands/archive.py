"""`bin/luminalog archive`: show how archiving stands, list, write, verify or delete archived days."""

import json
from argparse import ArgumentParser
from collections.abc import Iterator
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.management.answers import find_organisation
from accounts.models import Organisation
from archive import deleting, loading, writing
from archive.errors import ArchiveError
from archive.place import place
from foundation.command_line import NOT_UNDERSTOOD
from storage import archived, archives, loaded

ACTIONS = ("status", "list", "write", "verify", "delete")


class Command(BaseCommand):
    help = "Show how archiving of closed days stands; list, write, verify or delete archives."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("action", nargs="?", choices=ACTIONS, default="status", help="what to do (%(default)s)")
        parser.add_argument("day", nargs="?", type=date.fromisoformat, help="one UTC day, as 2026-11-26; all")
        parser.add_argument("--organisation", metavar="SLUG", help="one organisation; all")
        parser.add_argument("--as-it-is", action="store_true", help="write: even if the log store lacks some of it")
        parser.add_argument("--yes", action="store_true", help="delete: do it, for ever")
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *_arguments: Any, **options: Any) -> None:
        slug = options["organisation"]
        organisation = find_organisation(slug) if slug else None
        act = {
            "status": self._status, "list": self._list, "write": self._write, "verify": self._verify,
            "delete": self._delete,
        }[options["action"]]  # fmt: skip
        try:
            act(organisation, options["day"], options)
        except ArchiveError as error:
            raise CommandError(str(error)) from error

    def _status(self, organisation: Organisation | None, day: date | None, options: dict[str, Any]) -> None:
        standing, slugs = archived.standing(), _slugs()
        own = organisation.pk if organisation else None
        waiting = list(archives.known(organisation_id=own, day=day, waiting=True))
        held = [one for one in loaded.standing() if organisation is None or one.organisation_id == organisation.pk]
        if options["json"]:
            self.stdout.write(json.dumps({
                "is_on": archived.is_on(),
                "waiting_days": standing.archive_waiting_days,
                "oldest_seconds": standing.archive_oldest_seconds,
                "looked_seconds": standing.archive_looked_seconds,
                "written_seconds": standing.archive_written_seconds,
                "waiting": [
                    {"day": f"{one.day}", "organisation": slugs.get(one.organisation_id), "tries": one.tries,
                     "error": one.last_error} for one in waiting],
                "loaded": [
                    {"day": f"{one.day}", "organisation": slugs.get(one.organisation_id), "entries": one.entries,
                     "kept_until": one.kept_until.isoformat()} for one in held],
            }))  # fmt: skip
            return
        self.stdout.write("Days are archived." if archived.is_on() else "LUMINALOG_ARCHIVE_URL is not set: nothing is.")
        for one in waiting:
            why = f": {one.last_error}" if one.last_error else ""
            self.stdout.write(f"{one.day}  {slugs.get(one.organisation_id)}  waits{why}")
        for part in held:
            slug = slugs.get(part.organisation_id)
            self.stdout.write(
                f"{part.day}  {slug}  loaded, {part.entries:,} entries until {part.kept_until:%Y-%m-%d %H:%M}Z"
            )
        self.stdout.write(f"{len(waiting)} days wait")

    def _list(self, organisation: Organisation | None, day: date | None, options: dict[str, Any]) -> None:
        slugs = _slugs()
        found = archives.known(organisation_id=organisation.pk if organisation else None, day=day)
        rows = [
            {"day": f"{one.day}", "organisation": slugs.get(one.organisation_id), "entries": one.entries,
             "size_bytes": one.size_bytes, "parts": one.parts, "object_bytes": one.object_bytes,
             "written_at": one.written_at.isoformat(), "note": one.wrong or one.last_error,
             "verified_at": one.verified_at.isoformat() if one.verified_at else None}
            for one in found if one.written_at
        ]  # fmt: skip
        if options["json"]:
            self.stdout.write(json.dumps(rows))
            return
        for row in rows:
            self.stdout.write(
                f"{row['day']}  {row['organisation']}  {row['entries']:>14,} entries  {row['object_bytes']:>14,} bytes"
                + (f"  {row['note']}" if row["note"] else "")
            )
        self.stdout.write(f"{len(rows)} archives")

    def _write(self, organisation: Organisation | None, day: date | None, options: dict[str, Any]) -> None:
        place()
        written = writing.write(organisation.pk if organisation else None, day, as_it_is=options["as_it_is"])
        self.stdout.write(json.dumps({"written": written}) if options["json"] else f"{written} archives written")

    def _verify(self, organisation: Organisation | None, day: date | None, options: dict[str, Any]) -> None:
        checked = broken = 0
        for owner, of_day in _asked(organisation, day):
            known = archives.of_day(owner.pk, of_day)
            wrong = _wrong_with(owner, of_day)
            if known:
                archives.note_verified(known, wrong)
            checked, broken = checked + 1, broken + bool(wrong)
            row = {"day": f"{of_day}", "organisation": owner.slug, "wrong": wrong}
            self.stdout.write(json.dumps(row) if options["json"] else f"{of_day}  {owner.slug}  {wrong or 'whole'}")
        if broken:
            raise CommandError(f"{broken} of {checked} archives are not what was written.")
        if not options["json"]:
            self.stdout.write(f"{checked} archives are whole")

    def _delete(self, organisation: Organisation | None, day: date | None, options: dict[str, Any]) -> None:
        if organisation is None:
            raise CommandError("Say whose: --organisation SLUG", returncode=NOT_UNDERSTOOD)
        asked = [of_day for _, of_day in _asked(organisation, day)]
        if kept := [of_day for of_day in asked if archived.kept(organisation.pk, of_day)]:
            raise CommandError(
                f"{kept[0]} is still stored, and would be archived again: erase it, or wait for its end."
            )
        if not options["yes"]:
            self.stdout.write(f"{len(asked)} archives of {organisation.slug}. With --yes they are deleted for ever.")
            return
        for of_day in asked:
            deleting.delete_day(organisation.pk, of_day)
        self.stdout.write(f"{len(asked)} archives of {organisation.slug} are deleted.")


def _wrong_with(organisation: Organisation, day: date) -> str:
    """Read a whole archive; return what is wrong with it."""
    where = place()
    try:
        found = loading.manifest_of(organisation, day, where)
        for part in found.parts:
            loading.read_part(found, part, where)
    except ArchiveError as error:
        return str(error)
    return "" if found.is_complete else "was archived with less than its receipts say"


def _asked(organisation: Organisation | None, day: date | None) -> Iterator[tuple[Organisation, date]]:
    """Yield whose archive of which day is asked for: those that lie there, and those that are known to."""
    own = organisation.pk if organisation else None
    lying = set(loading.days(place(), organisation))
    known = {(one.organisation_id, one.day) for one in archives.known(organisation_id=own) if one.written_at}
    owners = Organisation.objects.in_bulk()
    for owner, of_day in sorted(lying | known):
        if day in (None, of_day) and owner in owners:
            yield owners[owner], of_day


def _slugs() -> dict[int, str]:
    return dict(Organisation.objects.values_list("pk", "slug"))
