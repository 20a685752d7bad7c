"""Which modules a page's script imports: told of all at once, a browser asks for none after the other."""

import posixpath
import re
from functools import cache
from pathlib import Path

from django.contrib.staticfiles import finders

#: Static imports; what is imported later is asked for later. A minified file may write several in a line.
IMPORTS = re.compile(r"""(?:^(?:import|export)\b[^;"']*?|\bfrom|\bimport)\s*["'](\.{1,2}/[^"']+)["']""", re.MULTILINE)


@cache
def imported(script: str) -> tuple[str, ...]:
    """Return what the static file `script` imports, and what that imports, by the names of static files."""
    found: dict[str, None] = {}
    ahead = [script]
    while ahead:
        name = ahead.pop()
        source = Path(str(finders.find(name))).read_text()
        for path in IMPORTS.findall(source):
            other = posixpath.normpath(posixpath.join(posixpath.dirname(name), path))
            if other not in found and other != script:
                found[other] = None
                ahead.append(other)
    return tuple(found)
