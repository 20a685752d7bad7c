"""Pages name the modules that their script imports, and browsers are let keep static files for ever."""

import re
from pathlib import Path

from django.conf import settings

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
