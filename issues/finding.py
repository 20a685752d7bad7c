"""What of errors the palette and the start page name: groups by number, type or place; never what a message says.

Messages are what access records are for: whoever looks for words is led to the list, which records it.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.db.models import Q
from django.urls import reverse

from accounts.models import Organisation
from foundation.places import Found
from issues import shown
from issues.models import Group, Turn
from issues.permissions import MAY_LOOK

#: Types and places are looked for among so many groups, the newest; beginnings among so many turns.
NEWEST, MOST_BEGUN = 20_000, 500
LATELY = timedelta(days=1)
FEWEST_LETTERS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """A group that is new, or came back, and nobody has decided on since."""

    name: str
    url: str
    culprit: str
    organisation: str
    is_regressed: bool
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OfOrganisation:
    """How many groups of an organisation are new, and how many came back, with where each are listed."""

    name: str
    new: int
    regressed: int
    new_url: str
    regressed_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Lately:
    """What has begun in the last day: the newest groups, and how many of each organisation; `more` if not all."""

    groups: list[Begun]
    organisations: list[OfOrganisation]
    more: bool


def groups(user: Any, text: str, limit: int) -> Iterator[Found]:
    """Find groups by their number, with or without `#`, or by a part of their type or place."""
    if not user.has_perm(MAY_LOOK):
        return
    bare = text.removeprefix("#")
    rows = Group.objects.filter(organisation_id__in=Organisation.objects.values("pk"))
    if bare.isascii() and bare.isdecimal() and len(bare) < 10:
        rows = rows.filter(number=int(bare))
    elif len(text) >= FEWEST_LETTERS:
        newest = Group.objects.order_by("-pk").values("pk")[:NEWEST]
        rows = rows.filter(Q(type__icontains=text) | Q(culprit__icontains=text), pk__in=newest, merged_into=None)
    else:
        return
    found = list(rows.order_by("-pk")[:limit])
    organisations = Organisation.objects.in_bulk({one.organisation_id for one in found})
    for one in found:
        of = organisations[one.organisation_id]
        yield Found(title=_name(one), what=f"error of {of.name}", url=shown.address(of, one.number))


def lately(*, now: datetime, limit: int) -> Lately:
    """Return what is new and what came back in the last day, of all organisations."""
    begins = Turn.objects.filter(what__in=[Turn.What.NEW, Turn.What.REGRESSED]).select_related("group")
    turns = list(begins.order_by("-pk")[: MOST_BEGUN + 1])
    open_ = list({turn.group_id: turn for turn in turns if turn.at >= now - LATELY and _is_open(turn)}.values())
    organisations = Organisation.objects.in_bulk({turn.organisation_id for turn in open_})
    known = [turn for turn in open_ if turn.organisation_id in organisations]
    return Lately(
        groups=[_begun(turn, organisations[turn.organisation_id]) for turn in known[:limit]],
        organisations=list(_of_organisations(known, organisations.values())),
        more=len(turns) > MOST_BEGUN and turns[-1].at >= now - LATELY,
    )


def _is_open(turn: Turn) -> bool:
    group = turn.group
    is_of_state = group.is_regressed == (turn.what == Turn.What.REGRESSED)
    return is_of_state and group.state == Group.State.UNRESOLVED and group.merged_into_id is None


def _begun(turn: Turn, organisation: Organisation) -> Begun:
    return Begun(
        name=_name(turn.group),
        url=shown.address(organisation, turn.group.number),
        culprit=turn.group.culprit,
        organisation=organisation.name,
        is_regressed=turn.group.is_regressed,
        at=turn.at,
    )


def _of_organisations(turns: Iterable[Turn], organisations: Iterable[Organisation]) -> Iterator[OfOrganisation]:
    begun = Counter((turn.organisation_id, turn.what) for turn in turns)
    for one in sorted(organisations, key=lambda one: one.name):
        yield OfOrganisation(
            name=one.name,
            new=begun[one.pk, Turn.What.NEW],
            regressed=begun[one.pk, Turn.What.REGRESSED],
            new_url=_list(one, "new"),
            regressed_url=_list(one, "regressed"),
        )


def _list(organisation: Organisation, state: str) -> str:
    return f"{reverse('admin:errors')}?{urlencode({'organisation': organisation.slug, 'state': state})}"


def _name(group: Group) -> str:
    return f"#{group.number} {group.type or group.culprit or 'error'}"
