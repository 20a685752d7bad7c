"""Do batches move, is there room for them, and is anybody about to be refused?"""

from collections.abc import Iterator

from django.conf import settings
from django.db import DatabaseError, InterfaceError

from issues import allowance
from notify import mail, standing
from operations import vitals
from operations.doctor import edges, young
from operations.doctor.finding import Finding, error, ok, warning
from operations.thresholds import LATE_MESSAGE_SECONDS, MUCH_WEB_BYTES
from quotas.month import NEAR_QUOTA_PERCENT, count_near_quota
from storage import ungrouped, unrolled


def examine() -> Iterator[Finding]:
    """Look at spool, dead letters, keys, quotas and disk; what cannot be asked is left to other findings."""
    for check in OF_EDGE if settings.CORE_URL else OF_CORE:
        try:
            yield from check()
        except (DatabaseError, InterfaceError):
            break  # PostgreSQL's own finding says it
    yield from _disk()
    yield from _memory()


def _memory() -> Iterator[Finding]:
    if (size_bytes := vitals.web_bytes()) > MUCH_WEB_BYTES:
        yield warning(
            "memory", f"A web process has {size_bytes / 2**20:,.0f} MiB.", "Restart it, one after the other; report it."
        )


def _spool() -> Iterator[Finding]:
    if vitals.store_stands_still():
        yield error(
            "log store",
            "Batches are accepted, and the log store takes nothing of anybody. They wait, and none is buried.",
            "See the findings about migrations, partitions and our role; a worker's log names the error: drain_failed."
            " Once that is mended, all is stored by itself.",
        )
    spool = vitals.waiting()
    what = f"{spool.batches} batches ({spool.bytes} bytes on disk) wait, the oldest for {spool.oldest_seconds:.0f} s."
    if spool.failed_batches:
        what += f" {spool.failed_batches} of them have failed, and are tried again."
    if spool.deferred_batches:
        what += f" {spool.deferred_batches} of them are deferred, and not due yet."
    do = "See the findings about workers, PostgreSQL and transactions; if all are well, start another worker."
    if spool.is_very_late:
        yield error("spool", what, do)
    elif spool.is_late:
        yield warning("spool", what, do)
    else:
        yield ok("spool", what)
    if organisations := vitals.full_overflow_lanes():
        yield warning(
            "overflow",
            f"Of the organisations {', '.join(map(str, organisations))} as much is deferred as there is room for: what"
            " they send beyond their limits is answered 429.",
            "It passes as that is stored. Where it comes again, the plan is too small for what is sent.",
        )
    if full := vitals.limits_reached():
        yield error(
            "full",
            f"Batches are refused with 503 backlog_full: {', '.join(sorted(full))} at the limit.",
            "Make room on the disk, or let the drain catch up; it goes on, and batches are taken again by themselves.",
        )


def _dead_letters() -> Iterator[Finding]:
    if count := vitals.count_dead_letters():
        yield warning(
            "dead letters",
            f"The log store refused {count} batches or entries; their bytes are kept.",
            "bin/luminalog dead-letters says why; --replay puts them back.",
        )
    else:
        yield ok("dead letters", "There is none.")


def _messages() -> Iterator[Finding]:
    state, lost, mails = standing.standing(), standing.lost(), standing.mail_channels()
    if state.oldest_message_seconds > LATE_MESSAGE_SECONDS:
        yield warning(
            "messages",
            f"{state.messages_waiting} messages wait, the oldest for {state.oldest_message_seconds / 60:.0f} minutes.",
            "See the findings about workers and beat; the log of deliveries says what was tried.",
        )
    elif not (lost.messages or state.channels_stopped):
        yield ok("messages", f"{state.messages_waiting} messages are on their way to channels.")
    if lost.messages:
        yield warning(
            "messages",
            f"{lost.messages} messages of the last day did not arrive, by {lost.channels} channels.",
            "The log of deliveries says why, and sends them again.",
        )
    if state.channels_stopped:
        yield warning(
            "channels",
            f"{state.channels_stopped} channels were switched off: their services say that they are gone.",
            "Give them new addresses, or delete them.",
        )
    if mails and mail.reaches_nobody():
        yield error("e-mail", f"{mails} channels send e-mail, which reaches nobody.", "Set EMAIL_URL.")


def _rollups() -> Iterator[Finding]:
    days, has_strays = unrolled.days(), unrolled.has_strays()
    if not days and not has_strays:
        yield ok("rollups", "Histograms are counted from rollups.")
        return
    what = (
        [f"{len(days)} days of before the upgrade are not in the rollups yet ({days[-1]} to {days[0]})."]
        if days
        else []
    )
    what += ["An older worker has stored batches that are not in the rollups yet."] * has_strays
    yield warning(
        "rollups",
        f"{' '.join(what)} Their histograms are right, and slow: they are counted from entries.",
        "Workers see to it, half a minute in five; bin/luminalog rollup does it now. Stop workers of before.",
    )


def _erasures() -> Iterator[Finding]:
    found = vitals.erasures()
    if found.does_not_end:
        yield error(
            "erasures",
            f"An erasure runs for {found.oldest_erasure_seconds / 3600:.0f} hours: what it names is still kept.",
            "bin/luminalog erase --list says how far it is: it waits for what is in the spool, or names its error.",
        )
    elif found.erasures_running:
        yield ok("erasures", f"{found.erasures_running} run.")
    if found.erasures_waiting:
        yield warning(
            "erasures",
            f"{found.erasures_waiting} erasures wait for a second person.",
            "Confirm or withdraw them: the console has them among Operations.",
        )


def _groups() -> Iterator[Finding]:
    if full := allowance.count_full():
        yield warning(
            "room for errors",
            f"{full} organisations have made all the error groups of this hour, or have all they may have: "
            "what is new of theirs is counted together.",
            "Their Errors page lists *other errors*; docs/errors.md says how messages that change become one group.",
        )
    if not ungrouped.have_failed():
        yield ok("error groups", "Errors are put into groups as they are stored.")
        return
    yield warning(
        "error groups",
        "Errors of some batches are in no group: grouping has failed, or an older worker has stored them.",
        "Workers see to it every minute; bin/luminalog regroup does it now. Stop workers of before.",
    )


def _recordings() -> Iterator[Finding]:
    if vitals.recordings_are_late():
        yield warning(
            "recordings",
            "What was around new error groups is not recorded: some have waited for more than ten minutes.",
            "A worker's log says why: recording_failed. After an hour they are left; beat and a worker must run.",
        )
    else:
        yield ok("recordings", "What was around new error groups is recorded.")


def _alerts() -> Iterator[Finding]:
    found = vitals.alerts()
    if found.stand_still:
        ago = "" if found.alerts_looked_seconds < 0 else f" for {found.alerts_looked_seconds:.0f} s"
        yield young.so_far("alerts", "nobody has looked at the rules for alerts") or error(
            "alerts",
            f"Nobody has looked at the rules for alerts{ago}: nobody is told of anything.",
            "Beat asks workers for it every ten seconds: see the findings about both; a worker's log names the error.",
        )
    else:
        yield ok("alerts", f"Rules are looked at; {found.incidents_open} incidents are open.")
    if found.alert_rules_paused:
        yield warning(
            "alert rules",
            f"{found.alert_rules_paused} rules were paused: they were too slow three times, or cannot be read.",
            "The console's Alerts › Rules says which and why; a change, or the switch, has them looked at again.",
        )


def _keys() -> Iterator[Finding]:
    if count := vitals.overheard_keys():
        yield error(
            "keys",
            f"{count} keys in force were sent over plain HTTP.",
            "Rotate them: the admin's start page has them.",
        )
    if count := vitals.expiring_keys():
        yield warning("keys", f"{count} keys expire within 14 days and have no successor.", "Rotate them in the admin.")


def _quotas() -> Iterator[Finding]:
    if count := count_near_quota():
        yield warning(
            "quotas",
            f"{count} organisations have used {NEAR_QUOTA_PERCENT} % of this month's bytes or more.",
            "The admin's Quotas lists them, and when each will be refused.",
        )


def _disk() -> Iterator[Finding]:
    for path in settings.DISK_PATHS:
        try:
            disk = vitals.disk(path)
        except OSError as failure:
            yield warning("disk", f"{path} cannot be looked at: {failure.strerror}.", "Correct LUMINALOG_DISK_PATHS.")
            continue
        what = f"{disk.free_share:.0%} of the disk of {path} is free ({disk.free_bytes // 2**30} GiB)."
        if not disk.has_little:
            yield ok("disk", what)
        else:
            say = error if disk.has_too_little else warning
            yield say(
                "disk",
                what,
                "Make room, or shorten the plans' retention: bin/luminalog partitions shows what takes it.",
            )


OF_CORE = (
    _spool, _dead_letters, _rollups, _groups, _recordings, _alerts, _erasures, _keys, _quotas, _messages, edges.of_core,
)  # fmt: skip
OF_EDGE = (edges.of_edge, _dead_letters)
