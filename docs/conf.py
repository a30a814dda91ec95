"""How Sphinx builds the site: `make docs`, offline, every warning an error."""

import re
import sys
from pathlib import Path

DOCS = Path(__file__).parent
ROOT = DOCS.parent
sys.path[:0] = [str(ROOT), str(DOCS)]

import generate  # noqa: E402

generate.write(DOCS / "reference")

project = "REML"
author = "the authors of REML"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
html_theme = "pydata_sphinx_theme"
html_title = "REML"
html_theme_options = {"navigation_with_keys": False, "secondary_sidebar_items": ["page-toc"]}
html_show_sourcelink = False
html_copy_source = False
myst_enable_extensions = ["deflist", "colon_fence"]
myst_heading_anchors = 4
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autodoc_member_order = "bysource"
napoleon_google_docstring = True
napoleon_use_ivar = True

OUTSIDE = re.compile(r"(!?)\]\((?:\.\./)([^)#\s]+)(#[^)\s]*)?\)")


def outside(match: re.Match[str]) -> str:
    """A link out of docs/ as the site has it: CONTRIBUTING is a page, other files are copied."""
    target, anchor = match[2], match[3] or ""
    if target == "CONTRIBUTING.md":
        return f"](contributing.md{anchor})"
    if target.endswith((".png", ".svg")):
        return match[0]
    return f"](path:../{target})"


def read(app: object, page: str, source: list[str]) -> None:
    """Called by Sphinx with the text of each page before it is parsed."""
    if "/" not in page:
        source[0] = OUTSIDE.sub(outside, source[0])


def setup(app: object) -> None:
    """Called by Sphinx."""
    app.connect("source-read", read)  # type: ignore[attr-defined]
