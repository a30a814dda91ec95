"""Text layouts that are remembered are those that matplotlib finds."""

from io import StringIO
from typing import Any

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from benchmarks.report.documents.page.drawing import PageRenderer
from benchmarks.report.figures.drawing import texts
from benchmarks.report.figures.drawing.texts import remembered

LIKE: list[dict[str, Any]] = [
    {},
    {"rotation": 90},
    {"rotation": 30, "rotation_mode": "anchor"},
    {"ha": "right", "va": "top"},
    {"ma": "center", "linespacing": 2.0},
    {"fontsize": 17, "weight": "bold"},
    {"fontsize": 17, "style": "italic"},
    {"parse_math": False},
    {"wrap": True},
]


def laid_out(words: str, dpi: float) -> list[Any]:
    figure = Figure(figsize=(2, 2), dpi=dpi)
    by = (FigureCanvasAgg(figure).get_renderer(), PageRenderer(144, 144, StringIO(), 72))
    drawn: list[Any] = [figure.text(0.5, 0.5, words, **it) for it in LIKE]
    for it in drawn:
        it._renderer = by[0]
    found = [it._get_layout(renderer) for renderer in by for it in drawn]
    return [(box.bounds, lines, rest) for box, lines, rest in found]


@pytest.mark.parametrize("words", ["12.5", "two\nlines, of which one is long", "$x^2$", ""])
def test_remembered_layouts_are_matplotlibs(words: str) -> None:
    expected = {dpi: laid_out(words, dpi) for dpi in (72, 150)}
    with remembered():
        for _ in range(2):
            assert {dpi: laid_out(words, dpi) for dpi in (150, 72)} == expected
    assert Text.__dict__["_get_layout"] is texts._lay_out


def test_what_is_remembered_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(texts, "MOST", 5)
    monkeypatch.setattr(texts, "_known", known := {})
    with remembered():
        for number in range(4):
            laid_out(str(number), 72)
    assert 0 < len(known) <= 5
