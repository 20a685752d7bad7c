"""The console's pages that move errors between groups: merging, and splitting, which takes it back; each previewed."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.template.response import TemplateResponse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from accounts.chosen import chosen_organisation
from accounts.looks import Look
from accounts.models import AccessRecord, Organisation
from accounts.staff import member
from issues import changing, preview, reading, shape, shown
from issues.changing import MOST_MERGED, Actor, ChangeRefused
from issues.list_page import record
from issues.listing import Summary
from issues.models import Group
from issues.numbers import MOST_NUMBER
from issues.permissions import MAY_DECIDE
from issues.reading import Detail, Made
from storage.store import store

#: Of so many fingerprints the newest entry is shown as an example.
EXAMPLES = 25
_NUMBER = re.compile(r"(?<!\d)\d{1,9}(?!\d)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Choice:
    """A group that may be merged; `kept` is where the others are merged into this one instead."""

    group: Summary
    url: str
    kept: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """A fingerprint that may be split off, and what its newest entry says."""

    made: Made
    key: str
    example: str
    is_chosen: bool


def merge(request: HttpRequest, site: AdminSite, number: int) -> HttpResponse:
    """Show what a group would be with others merged into it, or merge them."""
    organisation = _organisation(request, number)
    if request.method == "POST":
        return _merged(request, organisation, number, numbers_in(request.POST) - {number})
    chosen = numbers_in(request.GET) - {number}
    _record(request, organisation, number, "merge", chosen)
    found = preview.merging(organisation.pk, number, chosen)
    if found is None:
        raise Http404
    if found.into.number != number:
        return HttpResponseRedirect(shown.merge_address(organisation, found.into.number, chosen))
    every = {number, *(one.number for one in found.others)}
    suggested = [one for one in preview.alike(organisation.pk, found.into) if one.number not in every]
    known = Group.objects.filter(organisation_id=organisation.pk, number__in=chosen).values_list("number", flat=True)
    context = {
        "title": f"Merge into #{number}",
        "merging": found if chosen else None,
        "choices": [_choice(organisation, one, kept_with=every) for one in found.others],
        "suggested": [_choice(organisation, one) for one in suggested],
        "missing": sorted(chosen - set(known)),
    }
    return _answer(request, site, "merge", organisation, found.into, context)


def split(request: HttpRequest, site: AdminSite, number: int) -> HttpResponse:
    """Show what would leave a group with some of its fingerprints, or have it leave."""
    organisation = _organisation(request, number)
    if request.method == "POST":
        return _split(request, organisation, number)
    _record(request, organisation, number, "split", ())
    found = reading.group(organisation.pk, number)
    if found is None:
        raise Http404
    if found.summary.number != number:
        return HttpResponseRedirect(shown.below("error_split", organisation, found.summary.number))
    keys = _chosen_keys(request.GET, found.fingerprints)
    context = {
        "title": f"Split #{number}",
        "parts": list(_parts(organisation, found.fingerprints, keys)),
        "splitting": _splitting(organisation, found, keys),
        "unlisted": max(found.summary.fingerprints - len(found.fingerprints), 0),
    }
    return _answer(request, site, "split", organisation, found.summary, context)


def numbers_in(asked: QueryDict) -> set[int]:
    """Return the numbers of groups that a form names: ticked ones, and those that were typed."""
    typed = " ".join([*asked.getlist("with"), asked.get("numbers", "")])[:2_000]
    return set(sorted({int(one) for one in _NUMBER.findall(typed)})[:MOST_MERGED])


def _organisation(request: HttpRequest, number: int) -> Organisation:
    if not request.user.has_perm(MAY_DECIDE):
        raise PermissionDenied(MAY_DECIDE)
    organisation = chosen_organisation(request)
    if organisation is None or number >= MOST_NUMBER:
        raise Http404
    return organisation


def _record(request: HttpRequest, organisation: Organisation, number: int, what: str, others: Collection[int]) -> None:
    named = ", ".join(f"#{one}" for one in sorted(others))
    subject = f"#{number}, to {what}" + (f" with {named}" if named else "")
    record(request, organisation, Look(action=AccessRecord.Action.GROUP, subject=subject))


def _answer(
    request: HttpRequest,
    site: AdminSite,
    page: str,
    organisation: Organisation,
    group: Summary,
    context: Mapping[str, Any],
) -> HttpResponse:
    every = {"organisation": organisation, "group": group, "group_url": shown.address(organisation, group.number)}
    context = {**site.each_context(request), **every, **context}
    response = TemplateResponse(request, f"admin/issues/{page}.html", context)
    response.headers["Cache-Control"] = "private, no-store"
    return response


def _choice(organisation: Organisation, group: Summary, *, kept_with: Collection[int] = ()) -> Choice:
    kept = shown.merge_address(organisation, group.number, kept_with) if kept_with and not group.is_overflow else ""
    return Choice(group, shown.address(organisation, group.number), kept)


def _merged(request: HttpRequest, organisation: Organisation, number: int, others: Collection[int]) -> HttpResponse:
    before = preview.merging(organisation.pk, number, others)
    try:
        changing.merge(organisation.pk, number, others, by=Actor(user_id=member(request).pk))
    except ChangeRefused as error:
        messages.error(request, str(error))
        return HttpResponseRedirect(shown.merge_address(organisation, number, others))
    except Group.DoesNotExist:
        messages.error(request, "One of the groups is gone.")
        return HttpResponseRedirect(shown.merge_address(organisation, number, others))
    homes = before.homes if before else ()
    back = shown.below("error_split", organisation, number, {"from": homes})
    said = format_html('Merged with {}. <a href="{}">Take it back</a>', _named(organisation, others), back)
    messages.success(request, said)
    return HttpResponseRedirect(shown.address(organisation, number))


def _split(request: HttpRequest, organisation: Organisation, number: int) -> HttpResponse:
    keys = {shape.read_key(text) for text in request.POST.getlist("fingerprint")} - {None}
    known = {key for key in keys if key is not None}
    try:
        numbers = changing.split(organisation.pk, number, known, by=Actor(user_id=member(request).pk))
    except ChangeRefused as error:
        messages.error(request, str(error))
        return HttpResponseRedirect(shown.below("error_split", organisation, number))
    except Group.DoesNotExist as error:
        raise Http404 from error
    back = shown.merge_address(organisation, number, numbers)
    said = format_html('Split off {}. <a href="{}">Take it back</a>', _named(organisation, numbers), back)
    messages.success(request, said)
    return HttpResponseRedirect(shown.address(organisation, number))


def _named(organisation: Organisation, numbers: Collection[int]) -> SafeString:
    links = ((shown.address(organisation, number), number) for number in sorted(numbers))
    return format_html_join(", ", '<a href="{}">#{}</a>', links)


def _chosen_keys(asked: QueryDict, made: Sequence[Made]) -> set[int]:
    """Return the keys of the fingerprints that are ticked, or were made with a group that is named."""
    keys = {shape.read_key(text) for text in asked.getlist("fingerprint")}
    homes = {int(one) for one in asked.getlist("from") if _NUMBER.fullmatch(one)}
    return {one.key for one in made if one.key in keys or one.home in homes}


def _splitting(organisation: Organisation, found: Detail, keys: Collection[int]) -> preview.Splitting | None:
    if not keys:
        return None
    return preview.splitting(organisation.pk, found.summary, found.fingerprints, keys)


def _parts(organisation: Organisation, made: Sequence[Made], keys: Collection[int]) -> Iterator[Part]:
    for place, one in enumerate(made):
        example = _example(organisation, one) if place < EXAMPLES else ""
        yield Part(one, shape.key_text(one.key), example or one.home_title, one.key in keys)


def _example(organisation: Organisation, made: Made) -> str:
    entry = store().reader.entry(organisation.pk, made.samples[0]) if made.samples else None
    return entry.message if entry else ""
