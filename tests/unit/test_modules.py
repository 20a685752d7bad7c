"""Pages name the modules that their script imports, and browsers are let keep static files for ever."""

import gzip
import re
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles import finders

from foundation.modules import imported
from luminalog import static_files
from tests.processes import PROJECT


def test_all_modules_of_the_explorer_are_named() -> None:
    ours = {path.name for path in (PROJECT / "explore/static/explore").glob("*.js")}
    found = imported("explore/main.js")
    assert {Path(name).name for name in found if name.startswith("explore/")} == ours - {"main.js"}
    assert "console/shortcuts.js" in found


def test_a_change_of_any_file_is_another_address(tmp_path: Path) -> None:
    script = tmp_path / "room/static/room/a.js"
    script.parent.mkdir(parents=True)
    script.write_text("one")
    before = static_files.digest(tmp_path)
    assert before == static_files.digest(tmp_path)
    script.write_text("two")
    changed = static_files.digest(tmp_path)
    script.rename(script.with_name("b.js"))
    assert len({before, changed, static_files.digest(tmp_path)}) == 3


def test_files_of_this_version_are_immutable() -> None:
    assert re.search(settings.WHITENOISE_IMMUTABLE_FILE_TEST, settings.STATIC_URL + "explore/main.js")
    assert not re.search(settings.WHITENOISE_IMMUTABLE_FILE_TEST, "/static/000000000000/explore/main.js")


def test_explorer_is_small_on_its_way() -> None:
    """Without entries it is to be less than 120 kB; the page itself has some kB of them."""
    templates = [PROJECT / "templates" / name for name in (
        "admin/base_site.html", "admin/bar.html", "admin/explore/explorer/explorer.html", "icons.html",
    )]  # fmt: skip
    of_django = {"admin/css/base.css", "admin/css/dark_mode.css", "admin/css/responsive.css", "admin/js/theme.js"}
    named = {name for path in templates for name in re.findall(r"""{% static ["']([^"']+)""", path.read_text())}
    files = of_django | named | {one for name in named if name.endswith(".js") for one in imported(name)}
    sizes = {name: len(gzip.compress(Path(str(finders.find(name))).read_bytes())) for name in files}
    assert {"explore/main.js", "explore/explorer.css", "console/shell.js", "vendor/icons.svg"} <= sizes.keys()
    assert sum(sizes.values()) < 110_000, sorted(sizes.items(), key=lambda one: -one[1])
