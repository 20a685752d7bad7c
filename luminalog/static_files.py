"""Static files under an address of their contents: browsers keep them for ever, and ask anew when anything is another.

Modules import one another by relative names, so the digest stands before all of them. Pages that were written by a
process of before, or after, name another digest: what they ask for is shown as it is here.
"""

from hashlib import sha256
from pathlib import Path

import django
from django.conf import settings
from django.contrib.staticfiles import finders
from django.core.exceptions import SuspiciousFileOperation
from django.http import Http404, HttpRequest, HttpResponseRedirect

DIGITS = 12


def digest(base: Path) -> str:
    """Return what tells all our static files, and Django's, from those of another version."""
    found = sha256(django.__version__.encode())
    for path in sorted(path for path in base.glob("*/static/**/*") if path.is_file()):
        found.update(b"%b\0%b" % (str(path.relative_to(base)).encode(), sha256(path.read_bytes()).digest()))
    return found.hexdigest()[:DIGITS]


def of_another_version(request: HttpRequest, path: str) -> HttpResponseRedirect:
    """Lead to the file as it is now. Raises: `Http404` when there is none, for files that are there come earlier."""
    now = settings.STATIC_URL + path
    try:
        is_there = request.path != now and finders.find(path) is not None
    except (SuspiciousFileOperation, ValueError):  # out of its folder, or no name of a file at all
        is_there = False
    if not is_there:
        raise Http404
    return HttpResponseRedirect(now, headers={"Cache-Control": "no-store"})
