"""Panels look as matplotlib's own axes do, to the pixel, and take fewer objects for it."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.axis import Tick
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from benchmarks.report.figures.drawing.fonts import lacking_in
from benchmarks.report.figures.drawing.look import looks
from benchmarks.report.figures.drawing.panel import Panel
from benchmarks.report.figures.drawing.style import fit_scale, percent_axis


def plain(axes: Any) -> None:
    axes[0][0].set_title("a title\nof two lines")
    axes[1][1].set_xlabel("x")
    axes[1][0].set_ylabel("y, at some length")


def on_a_log_scale(axes: Any) -> None:
    for ax in axes.flat:
        fit_scale(ax.xaxis, ax, [1.0, 3000.0])
        percent_axis(ax.yaxis)
    axes[1][1].set_xlim(2, 700)


def with_minor_ticks(axes: Any) -> None:
    axes[0][0].set_xscale("log")
    axes[0][1].minorticks_on()


def with_names(axes: Any) -> None:
    for ax in axes.flat:
        ax.set_xticks([0.5, 1, 1.5], ["one", "", "three, and long"])
        ax.tick_params(axis="x", labelrotation=90)
        ax.set_yticks([])
        ax.grid(visible=False, axis="x")


def with_an_offset(axes: Any) -> None:
    for ax in axes.flat:
        ax.plot([1e9, 1e9 + 1], [1e-7, 2e-7])
        ax.set_title("where the offset is")


def with_ticks_of_ones_own(axes: Any) -> None:
    axes[0][0].tick_params(left=True, labelright=True)
    for label in axes[1][0].get_xticklabels():
        label.set_color("red")
    axes[1][1].set_xticks([0.5, 1], ["a", "b"], color="blue")


def with_other_edges(axes: Any) -> None:
    axes[0][0].spines["left"].set_position(("outward", 12))
    axes[0][0].set_ylabel("apart")
    axes[0][1].spines["bottom"].set_visible(False)
    axes[1][0].set_aspect("equal")
    axes[1][1].set_visible(False)


def with_labels_elsewhere(axes: Any) -> None:
    for ax in axes.flat:
        ax.set_xlabel("x, below or above")
        ax.set_ylabel("y")
    axes[0][0].yaxis.set_label_position("right")
    axes[0][1].xaxis.set_label_coords(0.5, -0.4)
    axes[1][0].xaxis.set_ticks_position("top")
    axes[0][0].figure.align_ylabels(list(axes[:, 1]))


def with_more_around(axes: Any) -> None:
    axes[0][0].text(1.1, 0.5, "beyond", transform=axes[0][0].transAxes)
    axes[0][1].set_title("on the left", loc="left")
    axes[1][0].axis("off")
    axes[1][1].plot([1, 3], [1, 9], clip_on=False)
    axes[1][1].xaxis.label.set_visible(False)


WAYS = (
    *(plain, on_a_log_scale, with_minor_ticks, with_names),
    *(with_an_offset, with_ticks_of_ones_own, with_other_edges),
    *(with_labels_elsewhere, with_more_around),
)


def drawn(kind: type[Axes], change: Callable[[Any], None], **shared: Any) -> Figure:
    with looks():
        figure = Figure(figsize=(5, 4), layout="constrained", dpi=60)
        FigureCanvasAgg(figure)
        axes = figure.subplots(2, 2, squeeze=False, subplot_kw={"axes_class": kind}, **shared)
        for number, ax in enumerate(axes.flat):
            ax.plot([0.3, 1, 1.7], [number, 1, 3 - number])
        change(axes)
        figure.canvas.draw()
    return figure


def pixels(figure: Figure) -> Any:
    return np.asarray(figure.canvas.buffer_rgba()).astype(int)  # type: ignore[attr-defined]


@pytest.mark.parametrize("change", WAYS, ids=lambda it: it.__name__)
@pytest.mark.parametrize("shared", [{}, {"sharex": True, "sharey": True}], ids=["own", "shared"])
def test_a_panel_looks_as_axes_do(change: Callable[[Any], None], shared: dict[str, Any]) -> None:
    mine, theirs = (pixels(drawn(kind, change, **shared)) for kind in (Panel, Axes))
    assert (abs(mine - theirs).max(2) > 2).mean() == 0


def test_a_panel_has_no_object_for_each_tick() -> None:
    figure = drawn(Panel, plain)
    assert len(figure.findobj(Tick)) == 2 * 4


@pytest.mark.filterwarnings("ignore:Glyph")
def test_letters_that_no_font_has_are_found_in_ticks() -> None:
    def odd(axes: Any) -> None:
        axes[0][0].set_xticks([0.5, 1], ["plain", "\U000f0001x"])

    assert lacking_in(drawn(Panel, odd)) == {"\U000f0001"}
