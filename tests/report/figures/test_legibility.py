"""Figures can be read: legends, labels, ticks, and lines that differ."""

import warnings
from collections.abc import Callable
from dataclasses import replace

import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from benchmarks.harness.store.results import Results, Settings
from benchmarks.report.figures.catalogue import pictures, write_figures
from benchmarks.report.figures.drawing.labels import Spot, place_labels
from benchmarks.report.figures.drawing.look import looks
from benchmarks.report.figures.drawing.style import panels, styles, tick
from benchmarks.report.figures.of_scores.against_shots import against_shots
from benchmarks.report.figures.of_scores.against_spending import against_spending
from benchmarks.report.figures.of_scores.against_steps import against_steps
from benchmarks.report.scores.cells import Comparison, Entrant
from benchmarks.report.scores.roles import role_of
from benchmarks.report.scores.summary import summarise
from benchmarks.report.statistics import Interval

Make = Callable[..., Results]
FRAMES = ("trials", "scores", "history", "curves", "diagnostics")
ALL = ("reml", "reml-random", "maml", "fine_tuning", "scratch", "mean", "oracle")


@pytest.fixture(autouse=True)
def _no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def comparison(results: Results) -> Comparison:
    return summarise(results)[0]


def legend_of(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()]


def entrants(*labels: str) -> tuple[Entrant, ...]:
    return tuple(
        Entrant(label, False, 1, 1, (), False, {}, role=role_of(Settings(label.split(" (")[0], {})))
        for label in labels
    )


@pytest.mark.parametrize("label", ["cost $a_$ b $\\frac$", "学習者"])
def test_any_label_can_be_drawn(make_results: Make, tmp_path, label: str, capfd) -> None:
    results = make_results(["mean"], tasks=4, seeds=1, history=False)
    frames = {
        name: getattr(results, name).assign(learner=label)
        for name in ("trials", "scores", "curves")
    }
    problem = {"metric": "rmse", "unit": label, "target": label, "inputs": [label]}
    frames["trials"]["problem"] = [problem] * len(frames["trials"])
    frames["scores"]["metric"] = frames["scores"]["metric"].replace("mse", "rmse")
    assert len(write_figures(replace(results, **frames, order=(label,)), tmp_path)) == 10
    told = capfd.readouterr().err
    assert told.count("no font on this machine has 学 (U+5B66)") <= told.count("\n") <= 1
    assert label.isascii() <= (told == "")


@pytest.mark.parametrize("draw", [against_steps, against_shots])
def test_legends_mark_privileged_and_incomplete_learners(make_results: Make, draw) -> None:
    results = make_results(["reml", "maml", "oracle"], tasks=5, failed=[("maml", 0)])
    figure = draw(comparison(results))
    assert legend_of(figure) == ["reml", "maml (⚠ 1 of 2 seeds)", "oracle †"]


def test_of_too_many_learners_the_best_are_drawn(make_results: Make, monkeypatch) -> None:
    monkeypatch.setattr("benchmarks.report.figures.view.MANY", 3)
    monkeypatch.setattr("benchmarks.report.figures.view.BEST", 2)
    few = make_results(["mean", "maml", "reml"], tasks=5, seeds=1)
    many = make_results(["mean", "maml", "reml", "scratch"], tasks=5, seeds=1)
    whole, cut = (next(pictures(results)) for results in (few, many))
    assert legend_of(whole.draw()) == ["mean", "maml", "reml"]
    assert "learners are shown" not in whole.caption
    assert legend_of(cut.draw()) == ["maml", "reml"]
    assert cut.caption.endswith(" Only the 2 best of 4 learners are shown.")


def test_long_names_leave_the_panels_their_width(make_results: Make) -> None:
    results = make_results(["reml", "maml"], tasks=4)
    long = {"maml": "maml (with a name that goes on and on and on)"}
    frames = {name: getattr(results, name).replace({"learner": long}) for name in FRAMES}
    renamed = replace(results, **frames, order=("reml", long["maml"]))
    widths = []
    for it in (results, renamed):
        with looks():
            figure = against_steps(comparison(it))
            assert figure is not None
            figure.draw_without_rendering()
        widths.append(figure.axes[0].get_window_extent().width)
    assert widths[1] > 0.9 * widths[0]


def test_legends_do_not_cover_panels(make_results: Make) -> None:
    figure = against_steps(comparison(make_results(ALL, tasks=5)))
    assert figure is not None
    figure.draw_without_rendering()
    legend = figure.legends[0].get_window_extent()
    assert not any(ax.get_window_extent().overlaps(legend) for ax in figure.axes)
    assert figure.bbox.width >= legend.x1


def test_who_spent_the_same_stands_side_by_side(make_results: Make) -> None:
    figure = against_spending(comparison(make_results(["reml", "maml"], tasks=5, shots=(5,))))
    assert figure is not None
    figure.draw_without_rendering()
    tasks = figure.axes[0]
    one, other = (line.get_transform().transform(line.get_xydata())[0, 0] for line in tasks.lines)
    assert abs(one - other) == pytest.approx(7 * figure.dpi / 72)


def test_labels_do_not_cover_each_other() -> None:
    figure, axes = panels(1, 1, 5, 4)
    ax = axes[0][0]
    ax.set_xlim(0, 10)
    ax.set_ylim(0, 10)
    spots = [
        Spot(f"learner {i}", "black", 5.0, Interval(5 + i / 50, 4.9, 5.2), 0.0) for i in range(10)
    ]
    place_labels(figure, [(ax, spots)])
    boxes = [Text.get_window_extent(text) for text in ax.texts]
    assert len(ax.texts) == 10
    assert not any(one.overlaps(other) for i, one in enumerate(boxes) for other in boxes[:i])


def test_styles_tell_learners_apart() -> None:
    chosen = styles(entrants(*ALL, "anil", "reptile", "reml (16 candidates)", "reml-fixed", "x"))
    assert len({style.colour for style in chosen.values()}) == 12
    assert len({style.marker for style in chosen.values()}) == 12
    assert {n for n, s in chosen.items() if s.line == "--"} == {
        "reml-random",
        "reml-fixed",
        "scratch",
        "mean",
    }
    assert chosen["reml"].width > chosen["maml"].width > chosen["mean"].width


def test_only_a_control_looks_like_one() -> None:
    chosen = styles(entrants("mean", "scratch", "mean-shift", "reml-randomised"))
    assert [style.line for style in chosen.values()] == ["--", "--", "-", "-"]


def test_twenty_lines_without_markers_differ() -> None:
    chosen = styles(
        entrants(*(f"learner {i}" for i in range(20)), *(f"reml ({i})" for i in range(9)))
    )
    assert len({(style.colour, style.line) for style in chosen.values()}) == 29


@pytest.mark.parametrize(
    ("value", "text"), [(200_000, "200k"), (1e6, "1M"), (0.05, "0.05"), (1.5, "1.5"), (0, "0")]
)
def test_ticks_are_readable(value: float, text: str) -> None:
    assert tick(value) == text
