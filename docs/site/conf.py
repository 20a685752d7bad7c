"""How `make docs` makes a site of the Markdown of this repository: Sphinx, MyST and the theme Furo, all of it local.

The pages lie where GitHub shows them, and link to each other as files. Which there are, and in which of the four kinds,
is read from docs/README.md: its lists of links are the site's navigation.
"""

import re
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

ROOT = Path(__file__).resolve().parents[2]
KIND = re.compile(r"^## (.+)\n((?:.|\n)*?)(?=^## |\Z)", re.MULTILINE)
FOLDER = re.compile(r"\[([^]]+)\]\((\.\./[\w./-]+)\)")
PAGE = re.compile(r"^- \[[^]]+\]\(([\w./-]+)\.md\)", re.MULTILINE)

project = "LuminaLog"
author = copyright = "The LuminaLog authors"
version = release = re.findall(r'__version__ = "(.+)"', (ROOT / "luminalog/__init__.py").read_text())[0]

extensions = ["myst_parser", "sphinx_copybutton"]
root_doc = "docs/README"
include_patterns = ["docs/*.md", "README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"]
#: The rest of the repository is not even looked through.
exclude_patterns = ["docs/site", *(path.name for path in ROOT.iterdir() if path.is_dir() and path.name != "docs")]
myst_heading_anchors = 4
nitpicky = True

FONTS = 'system-ui, -apple-system, "Segoe UI", Roboto, sans-serif'
html_theme = "furo"
html_title = f"LuminaLog {release}"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_favicon = "static/mark.svg"
html_extra_path = ["extra"]
html_copy_source = False
html_show_sphinx = False
html_use_index = False
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#12203a", "color-brand-content": "#1a4fc0", "font-stack": FONTS},
    "dark_css_variables": {
        "color-brand-primary": "#f5b82e",
        "color-brand-content": "#8ab4ff",
        "color-sidebar-link-text": "#c7d2e6",
    },
    "light_logo": "mark.svg",
    "dark_logo": "mark.svg",
}
copybutton_prompt_text = "$ "


def navigation(text: str) -> str:
    """Return the navigation of the site: a list of pages for each kind that docs/README.md names."""
    trees = []
    for kind, below in KIND.findall(text):
        pages = "\n".join(f"/{Path('docs', page).as_posix()}" for page in PAGE.findall(below))
        pages = pages.replace("/docs/../", "/")
        trees.append(f"\n```{{toctree}}\n:hidden:\n:caption: {kind}\n\n{pages}\n```\n")
    return "".join(trees)


def without_folders(text: str, *, beside: Path) -> str:
    """Return a page without its links to folders of the repository, which only GitHub can show."""
    return FOLDER.sub(lambda link: link[1] if (beside / link[2]).is_dir() else link[0], text)


def _prepare(_app: Sphinx, page: str, source: list[str]) -> None:
    source[0] = without_folders(source[0], beside=(ROOT / page).parent)
    if page == root_doc:
        source[0] += navigation(source[0])


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("source-read", _prepare)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
