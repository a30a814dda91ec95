"""Texts laid out once: the same words, as large and as turned, take the same room everywhere.

Matplotlib finds out anew for each label of each figure, each time that it is looked at.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.text import Text

MOST = 20_000
"""Layouts that are remembered."""

_known: dict[tuple[Any, ...], Any] = {}
_lay_out = cast(Any, Text)._get_layout


@contextmanager
def remembered() -> Iterator[None]:
    """The context in which matplotlib remembers how texts are laid out."""
    before, cast(Any, Text)._get_layout = cast(Any, Text)._get_layout, _layout
    try:
        yield
    finally:
        cast(Any, Text)._get_layout = before


def _layout(text: Any, renderer: Any) -> Any:
    """What matplotlib's own says; it is not to be changed."""
    by = _measured_by(renderer)
    if by is None or text._wrap or text._usetex:
        return _lay_out(text, renderer)
    key = (
        by,
        text.get_figure(root=True).dpi,
        text._text,
        text.get_rotation(),
        text._horizontalalignment,
        text._verticalalignment,
        text._multialignment,
        text._rotation_mode,
        text._linespacing,
        text._parse_math,
        *text._fontproperties.__dict__.values(),
    )
    found = _known.get(key)
    if found is None:
        if len(_known) >= MOST:
            _known.clear()
        found = _known[key] = _lay_out(text, renderer)
    return found


def _measured_by(renderer: Any) -> Any:
    """What of a renderer texts depend on; None if that is not known."""
    if type(renderer) is RendererAgg:
        return renderer.dpi
    return getattr(renderer, "measure", None)
