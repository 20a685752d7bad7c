"""What is measured for operators, and from when on somebody should look: one set of thresholds, and no server asked."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from storage.store import DAYS_AHEAD, MINIMUM_DAYS_AHEAD

#: A worker runs a task every second, and beat sends one every five.
SILENT_AFTER = timedelta(minutes=1)
#: A batch is stored within a second or so.
LATE_AFTER, VERY_LATE_AFTER = timedelta(seconds=15), timedelta(minutes=1)
#: Free parts of a disk.
LITTLE_DISK, TOO_LITTLE_DISK = 0.15, 0.07
#: The used part of Valkey's memory.
MUCH_VALKEY = 0.9
#: A web process with all its budgets in use has half of it; `deploy/luminalog-web.service` bounds two at 4 GiB.
MUCH_WEB_BYTES = 2**30
#: A day of a hundred million entries takes minutes.
LONG_ERASURE_SECONDS = 6 * 3600.0
#: Half a minute after an error group is new, what was around it is recorded.
LATE_RECORDING_SECONDS = 600.0
#: A message that is due is tried within seconds, however many channels are slow within minutes.
LATE_MESSAGE_SECONDS = 15 * 60.0
#: Rules for alerts are looked at every ten seconds.
SILENT_ALERTS_SECONDS = 120.0
#: A closed day is archived within hours, and looked for every five minutes.
LATE_ARCHIVE_SECONDS = 24 * 3600.0
SILENT_ARCHIVE_SECONDS = 3600.0
#: An edge asks its core every two seconds.
SILENT_LINK_SECONDS = 60.0
#: The used part of the connections that PostgreSQL allows.
MANY_CONNECTIONS = 0.85


@dataclass(frozen=True, kw_only=True, slots=True)
class Worker:
    """A worker of the last day; silent when it has not run a task for a minute, and one is due every second."""

    name: str
    seen_at: datetime
    is_silent: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Waiting:
    """The batches in the spool, also those that failed and are tried again, and those that are not due yet."""

    batches: int
    bytes: int
    oldest_seconds: float
    failed_batches: int = 0
    deferred_batches: int = 0

    @property
    def is_late(self) -> bool:
        """Whether somebody should look."""
        return self.oldest_seconds > LATE_AFTER.total_seconds()

    @property
    def is_very_late(self) -> bool:
        """Whether somebody must look."""
        return self.oldest_seconds > VERY_LATE_AFTER.total_seconds()


@dataclass(frozen=True, kw_only=True, slots=True)
class OldestBatch:
    """The batch that waits longest in the spool, whatever it failed on."""

    waits_since: datetime
    is_very_late: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Ahead:
    """How many days after today have a partition, without a gap; -1 when today has none."""

    days: int

    @property
    def are_enough(self) -> bool:
        """Whether what arrives today and tomorrow can be stored."""
        return self.days >= MINIMUM_DAYS_AHEAD

    @property
    def are_made_in_time(self) -> bool:
        """Whether workers make them, as they do every quarter of an hour."""
        return self.days >= DAYS_AHEAD - 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Connections:
    """Connections of clients to PostgreSQL, and the age of their oldest running transaction."""

    connections: int
    max_connections: int
    oldest_transaction_seconds: float

    @property
    def are_many(self) -> bool:
        """Whether there will soon be none for a process of ours."""
        return self.connections > self.max_connections * MANY_CONNECTIONS


@dataclass(frozen=True, kw_only=True, slots=True)
class Erasures:
    """Erasures that are not over: those that wait are for a second person to confirm."""

    erasures_running: int
    erasures_waiting: int
    oldest_erasure_seconds: float

    @property
    def does_not_end(self) -> bool:
        """Whether somebody should look why the oldest one runs for so long."""
        return self.oldest_erasure_seconds > LONG_ERASURE_SECONDS


@dataclass(frozen=True, kw_only=True, slots=True)
class Alerts:
    """Whether somebody looks at the rules for alerts: `alerts_looked_seconds` ago, or (-1) nobody ever did."""

    alerts_looked_seconds: float
    alert_rules_paused: int
    incidents_open: int

    @property
    def stand_still(self) -> bool:
        """Whether nobody has looked for so long that people are told late."""
        return not 0 <= self.alerts_looked_seconds <= SILENT_ALERTS_SECONDS


@dataclass(frozen=True, kw_only=True, slots=True)
class State(Connections):
    """What one statement tells a scrape."""

    dead_letters: int
    stands_still: bool
    erasures_running: int
    erasures_waiting: int
    oldest_erasure_seconds: float
    oldest_turn_seconds: float
    messages_waiting: int
    oldest_message_seconds: float
    channels_stopped: int
    alerts_looked_seconds: float
    alert_rules_paused: int
    incidents_open: int
    edges: int
    edges_silent: int
    edge_oldest_seconds: float
    edge_clock_seconds: float
    edge_refused_batches: int
    lent_bytes: int
    short_bytes: int
    archive_waiting_days: int
    archive_oldest_seconds: float
    archive_looked_seconds: float
    archive_written_seconds: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Moving:
    """How a move of entries to a log store of its own stands; `moved_seconds` is -1 where no day was moved yet."""

    unfinished: int
    moved_seconds: float
    is_running: bool
    left_days: int

    @property
    def is_left_alone(self) -> bool:
        """Whether a day is there in part, hidden, and nobody goes on."""
        return self.unfinished > 0 and not self.is_running


@dataclass(frozen=True, kw_only=True, slots=True)
class ValkeyMemory:
    """Valkey's memory: without a limit of its own it may have the machine's."""

    used_bytes: int
    limit_bytes: int

    @property
    def is_nearly_full(self) -> bool:
        """Whether it will soon refuse what it is given, or be ended by the system."""
        return bool(self.limit_bytes) and self.used_bytes > self.limit_bytes * MUCH_VALKEY


@dataclass(frozen=True, kw_only=True, slots=True)
class Disk:
    """A disk below one of the folders of `LUMINALOG_DISK_PATHS`."""

    path: str
    size_bytes: int
    free_bytes: int

    @property
    def free_share(self) -> float:
        """How much of it is free, from 0 to 1."""
        return self.free_bytes / self.size_bytes

    @property
    def has_little(self) -> bool:
        """Whether somebody should look."""
        return self.free_share < LITTLE_DISK

    @property
    def has_too_little(self) -> bool:
        """Whether somebody must look."""
        return self.free_share < TOO_LITTLE_DISK
