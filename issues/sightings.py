"""The errors among the entries of batches: told from their bytes, and only those are decoded."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, NamedTuple

import msgspec
import structlog
from msgspec import Meta, Struct

from foundation.levels import BY_NAME
from foundation.recent import Recent
from issues import frames, metrics
from issues.fingerprint import Fingerprint, Reported, failed, fingerprint
from issues.ours import Prefixes
from issues.rules import Rules, rules_of
from issues.template import shape
from storage.batch import Batch, entry_id
from storage.found import FoundEntry

log = structlog.get_logger(__name__)

#: Longer releases and environments are cut: they are parts of keys.
MOST_OF_NAME = 128
MOST_OF_USER = 256
#: Fingerprints that this process has made lately, by all that they depend on.
KNOWN_FINGERPRINTS = 8_192
_LEVEL, _WITHIN = b'"level":"', 64
_AFTER_LEVEL = len(_LEVEL)
_PAYLOAD = b'"error":{'
_SEVERE = b"efp"  # error, fatal, panic
_LEVELS = {name: level.value for name, level in BY_NAME.items()}
#: Filters, as they are counted.
EXTENSION, CRAWLER, MESSAGE = "browser extensions", "crawlers", "messages"
_CRAWLER = re.compile(
    r"bot\b|bot/|crawl|spider|slurp|facebookexternalhit|headlesschrome|lighthouse|pingdom|uptimerobot|statuscake"
    r"|google-inspectiontool|mediapartners-google|bingpreview|yandeximages|ahrefs|semrush",
    re.IGNORECASE,
)


class _Payload(Struct, gc=False):
    type: str | None = None
    message: str | None = None
    stack_trace: list[str] | None = None
    fingerprint: str | None = None


class _Facts(Struct, gc=False):
    """What metadata says of release, user and browser."""

    release: Any = None
    version: Any = None
    user_id: Any = None
    userId: Any = None
    dotted_user: Any = msgspec.field(default=None, name="user.id")
    user: Any = None
    user_agent: Any = None
    userAgent: Any = None
    dotted_agent: Any = msgspec.field(default=None, name="http.user_agent")
    original_agent: Any = msgspec.field(default=None, name="user_agent.original")


class _Hit(Struct, gc=False):
    timestamp: Annotated[datetime, Meta(tz=True)]
    level: str
    message: str
    environment: str | None = None
    project_id: str | None = None
    metadata: _Facts | None = None
    error: _Payload | None = None


class _OnlyFacts(Struct, gc=False):
    metadata: _Facts | None = None


class _Whole(Struct, gc=False):
    metadata: dict[str, Any] | None = None


_decode = msgspec.json.Decoder(_Hit).decode
_decode_facts = msgspec.json.Decoder(_OnlyFacts).decode
_decode_metadata = msgspec.json.Decoder(_Whole).decode
_NO_FACTS = _Facts()
_NOTHING = Reported()
_known: Recent[tuple[Any, ...], Fingerprint] = Recent(capacity=KNOWN_FINGERPRINTS)


class Sighting(NamedTuple):
    """An error in an entry. `filter` is what left it out of all groups, if anything did."""

    fingerprint: Fingerprint
    environment: str
    release: str
    level: int
    person: str | None  # the id of a user
    at: datetime
    former: Fingerprint | None
    filter: str | None


@dataclass(slots=True)
class OfBatch:
    """The errors of a batch, by the index of the entry; `keys` are what their entries carry."""

    batch: Batch
    sightings: dict[int, Sighting]
    keys: dict[int, int] = field(default_factory=dict)

    def entry_id(self, index: int) -> int:
        """Return the id of the entry at `index`."""
        return entry_id(self.batch.batch_id, index)


def look(batches: Sequence[Batch]) -> list[OfBatch]:
    """Return the errors of `batches`, those that have any. Nothing that an entry holds makes this fail.

    Raises: `OperationalError`, when an organisation's rules cannot be read.
    """
    found = []
    for batch in batches:
        places = hits(batch.lines)
        if places:
            rules = rules_of(batch.organisation_id)
            prefixes = rules.former_at(batch.received_at)
            sightings = {
                batch.indexes[place]: sighting
                for place in places
                if (sighting := _sighting(batch, batch.lines[place], rules, prefixes))
            }
            if sightings:
                found.append(OfBatch(batch, sightings))
    return found


def hits(lines: Sequence[bytes]) -> list[int]:
    """Return the places of the canonical lines that may hold an error."""
    try:
        return [
            place
            for place, line in enumerate(lines)
            if line[line.find(_LEVEL, 0, _WITHIN) + _AFTER_LEVEL] in _SEVERE or _PAYLOAD in line
        ]
    except IndexError:  # of a line so short that it is no entry: the store will say so
        return list(range(len(lines)))


def release_of(organisation_id: int, entry: FoundEntry) -> str:
    """Return the release of a stored entry, as it was counted. Raises: `OperationalError`."""
    if entry.metadata is None:
        return ""
    document = b'{"metadata":%b}' % bytes(entry.metadata)
    facts = _decode_facts(document).metadata or _NO_FACTS
    return _release(facts, document, rules_of(organisation_id).release_key)


def forget() -> None:
    """Forget all fingerprints."""
    _known.clear()


def _sighting(batch: Batch, line: bytes, rules: Rules, former: Prefixes | None) -> Sighting | None:
    try:
        hit = _decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None  # the store will say what is wrong with it
    reported = _reported(hit.error) if hit.error else _NOTHING
    level = _LEVELS.get(hit.level, 0)
    if not reported and level < _LEVELS["error"]:
        return None
    project = _clean(batch.project if hit.project_id is None else hit.project_id)
    facts = hit.metadata or _NO_FACTS
    owner = batch.organisation_id
    return Sighting(
        _fingerprint(owner, project, reported, hit.message, rules.prefixes),
        _clean(batch.environment if hit.environment is None else hit.environment)[:MOST_OF_NAME],
        _release(facts, line, rules.release_key),
        level,
        _person(facts),
        min(hit.timestamp, batch.received_at),
        _fingerprint(owner, project, reported, hit.message, former) if former else None,
        _filter(reported, hit.message, facts, rules),
    )


def _reported(payload: _Payload) -> Reported:
    return Reported(
        _clean(payload.type or ""),
        _clean(payload.message or ""),
        payload.stack_trace or (),
        _clean(payload.fingerprint or ""),
    )


def _fingerprint(owner: int, project: str, reported: Reported, message: str, prefixes: Prefixes) -> Fingerprint:
    """Return the fingerprint, remembered by all that it depends on.

    Of an organisation: the title of a group is what the first of its errors says.
    """
    try:
        of_message = shape(message) if not reported.message or not reported.type else ""
        digest = frames.digest_of(reported.stack)
        of_error = (reported.type, shape(reported.message), digest, reported.fingerprint) if reported else ()
        key = (owner, project, prefixes.edition, prefixes.identity, of_message, of_error)
        known = _known.get(key)
        if known is None:
            known = fingerprint(project, reported, _clean(message), prefixes, stack_digest=digest)
            _known.put(key, known)
        return known
    except Exception as error:  # a bug of ours: the entry is kept, and grouped by what it says itself
        metrics.GROUPING_FAILURES.labels(step="fingerprint").inc()
        log.error("fingerprint_failed", error=type(error).__name__)
        return failed(project, reported.type, prefixes)


def _clean(text: str) -> str:
    return text.replace("\0", "") if "\0" in text else text


def _release(facts: _Facts, line: bytes, key: str) -> str:
    for value in (facts.release, facts.version):
        if value is not None and (told := _text(value)):
            return told[:MOST_OF_NAME]
    if key and key.encode() in line:
        metadata = _decode_metadata(line).metadata or {}
        return _text(metadata.get(key))[:MOST_OF_NAME]
    return ""


def _person(facts: _Facts) -> str | None:
    of_user = facts.user.get("id") if isinstance(facts.user, dict) else None
    for value in (facts.user_id, facts.userId, facts.dotted_user, of_user):
        if value is not None and (told := _text(value)):
            return told[:MOST_OF_USER]
    return None


def _text(value: object) -> str:
    if isinstance(value, str):
        return _clean(value.strip())
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else ""


def _filter(reported: Reported, message: str, facts: _Facts, rules: Rules) -> str | None:
    if not rules.filters:
        return None
    if rules.filters_extensions and any(one in text for text in reported.stack for one in frames.EXTENSIONS):
        return EXTENSION
    if rules.filters_crawlers and any(_CRAWLER.search(agent) for agent in _agents(facts)):
        return CRAWLER
    said = (reported.message or message)[:1_000].encode(errors="replace")
    return MESSAGE if any(expression.fits(said) for expression in rules.filtered_messages) else None


def _agents(facts: _Facts) -> Iterator[str]:
    for agent in (facts.user_agent, facts.userAgent, facts.dotted_agent, facts.original_agent):
        if isinstance(agent, str):
            yield agent[:300]
