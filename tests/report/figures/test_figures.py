"""What each figure draws, and which there are."""

import warnings
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from benchmarks.harness.store.results import Results
from benchmarks.report.figures.catalogue import pictures, write_figures
from benchmarks.report.figures.of_scores.against_shots import against_shots
from benchmarks.report.figures.of_scores.against_spending import against_spending
from benchmarks.report.figures.of_scores.against_steps import against_steps
from benchmarks.report.figures.of_tasks import fitted_curves as module
from benchmarks.report.figures.of_tasks.fitted_curves import fitted_curves
from benchmarks.report.figures.of_training.training_curves import training_curves
from benchmarks.report.figures.view import View
from benchmarks.report.scores.cells import Comparison
from benchmarks.report.scores.summary import summarise

Make = Callable[..., Results]
STEMS = [
    "error-against-steps",
    "error-against-shots",
    "performance-profiles",
    "fitted-curves",
    "support-against-query",
    "training-curves",
    "training-diagnostics",
    "layer-usage",
    "compositions",
    "score-against-spending",
]


@pytest.fixture(autouse=True)
def _no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def comparison(results: Results) -> Comparison:
    return summarise(results)[0]


def legend_of(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_every_figure_is_written_as_png_and_svg_twice_the_same(
    make_results: Make, tmp_path
) -> None:
    results = make_results(["reml", "oracle"], tasks=8, diagnostics=True)
    first = write_figures(results, tmp_path / "a")
    assert [path.name for path in first] == [
        f"{s}.{kind}" for s in STEMS for kind in ("png", "svg")
    ]
    shuffled = replace(
        results,
        curves=results.curves.sample(frac=1, random_state=0),
        history=results.history.sample(frac=1, random_state=0),
        diagnostics=results.diagnostics.sample(frac=1, random_state=0),
    )
    for one, other in zip(first, write_figures(shuffled, tmp_path / "b"), strict=True):
        assert one.parent.name == "figures"
        assert one.read_bytes() == other.read_bytes()
        assert one.read_bytes().startswith(b"\x89PNG" if one.suffix == ".png" else b"<?xml")


def test_several_families_have_a_file_each(make_results: Make) -> None:
    results = make_results(
        ["reml"], families=["Met Office", "met-office"], tasks=4, seeds=1, diagnostics=True
    )
    stems = [picture.stem for picture in pictures(results)]
    assert len(set(stems)) == len(stems) == 2 * len(STEMS)
    assert "fitted-curves-met-office" in stems


def test_what_has_no_data_is_left_out(make_results: Make, tmp_path) -> None:
    results = make_results(["mean"], tasks=4, seeds=1, curves=False, history=False)
    names = {path.stem for path in write_figures(results, tmp_path)}
    against = {"error-against-steps", "error-against-shots", "score-against-spending"}
    assert names == {*against, "performance-profiles"}
    nothing = make_results(["mean"], seeds=1, missing=[("mean", 0)])
    assert write_figures(nothing, tmp_path) == []


def test_steps_figure_shows_means_and_intervals(make_results: Make) -> None:
    it = comparison(make_results(["reml", "maml"], tasks=10))
    figure = against_steps(it)
    assert figure is not None
    assert [ax.get_title() for ax in figure.axes] == ["5 shots", "10 shots"]
    ax, group = figure.axes[0], it.groups[0]
    assert ax.get_yscale() == "log"
    assert ax.get_ylabel() == "MSE"
    cells = [group.cells["reml", steps, "mse"].mean for steps in (0, 1, 5, 10)]
    np.testing.assert_array_equal(ax.lines[0].get_xdata(), [0, 1, 5, 10])
    np.testing.assert_allclose(ax.lines[0].get_ydata(), [cell.value for cell in cells])
    band = ax.collections[0].get_paths()[0].vertices[:, 1]
    assert band.min() == pytest.approx(min(cell.low for cell in cells))
    assert band.max() == pytest.approx(max(cell.high for cell in cells))


@pytest.mark.parametrize(("shots", "lines"), [((5, 10), False), ((1, 5, 10), True)])
def test_shots_figure_uses_the_most_steps(make_results: Make, shots, lines: bool) -> None:
    it = comparison(make_results(["reml"], tasks=10, shots=shots))
    figure = against_shots(it)
    assert figure is not None
    ax = figure.axes[0]
    assert ax.get_title() == "after 10 adaptation steps"
    expected = [group.cells["reml", 10, "mse"].mean.value for group in it.groups]
    shown = np.concatenate([line.get_ydata() for line in ax.lines if len(line.get_ydata())])
    assert np.isin(expected, shown).all()
    assert any(len(line.get_xdata()) == 3 for line in ax.lines) == lines


def test_spending_figure_places_learners_by_tasks_and_seconds(make_results: Make) -> None:
    figure = against_spending(comparison(make_results(["maml", "mean"], tasks=5, shots=(5,))))
    assert figure is not None
    tasks, seconds, processor = figure.axes
    assert {float(line.get_xdata()[0]) for line in tasks.lines} == {0.0, 200_000.0}
    assert {float(line.get_xdata()[0]) for line in seconds.lines} == {0.2, 20.5}
    assert {float(line.get_xdata()[0]) for line in processor.lines} == {0.01, 2.5}
    assert {text.get_text() for text in tasks.texts} == {"maml", "mean"}


def test_training_figure_prefers_the_query_loss_and_skips_who_logs_nothing(
    make_results: Make,
) -> None:
    results = make_results(["reml", "maml", "mean"], tasks=4)
    figure = training_curves(comparison(results), results.history)
    assert figure is not None
    assert legend_of(figure) == ["reml", "maml"]
    ax = figure.axes[0]
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    assert ax.get_ylabel() == "query loss, as each learner logs it"
    logged = results.history.query("metric == 'query_loss' and learner == 'reml' and seed == 0")
    np.testing.assert_allclose(ax.lines[0].get_ydata(), logged.sort_values("tasks")["value"])


def test_fitted_figure_draws_truth_support_and_predictions(make_results: Make) -> None:
    results = make_results(["reml", "mean"], tasks=4)
    figure = fitted_curves(comparison(results), results.curves)
    assert figure is not None
    assert len(figure.axes) == 2 * 4
    assert legend_of(figure)[:2] == ["truth", "5 support points"]
    truth, *predictions, support = figure.axes[0].lines
    assert len(truth.get_xdata()) == 100
    assert (np.diff(truth.get_xdata()) > 0).all()
    assert len(support.get_xdata()) == 5
    assert len(predictions) == 4
    lightness = [
        np.mean([int(to_hex(p.get_color())[i : i + 2], 16) for i in (1, 3, 5)]) for p in predictions
    ]
    assert lightness == sorted(lightness, reverse=True)
    last = results.curves.query(
        "learner == 'reml' and seed == 0 and shots == 5 and task == 0 and steps == 10"
    ).sort_values("x")
    np.testing.assert_allclose(predictions[-1].get_ydata(), last["y"])


def test_curves_with_holes_are_drawn_as_far_as_they_go(make_results: Make, draw) -> None:
    results = make_results(["mean"], tasks=2)
    curves = results.curves
    support = curves["kind"] == "support"
    for holes in (support, curves["task"] == 0, support & (curves["task"] == 0)):
        assert draw(module, replace(results, curves=curves.assign(y=curves["y"].mask(holes))))
    assert draw(module, replace(results, curves=curves.assign(y=np.inf))) is None


def test_fitted_figure_of_a_short_series_includes_the_support_points(make_results: Make) -> None:
    results = make_results(["mean"], families=["table"], shots=(5,), tasks=4)
    figure = fitted_curves(comparison(results), results.curves)
    assert figure is not None
    np.testing.assert_array_equal(figure.axes[0].lines[0].get_xdata(), np.arange(1, 13))
    assert figure.get_supylabel() == "tmax_degC in °C"
    assert figure.get_supxlabel() == "month"


def test_several_targets_have_a_row_each_and_bands_where_a_learner_is_unsure(
    make_results: Make, draw
) -> None:
    plain = make_results(["maml", "mean"], tasks=4, seeds=1, shots=(5,))
    other = plain.curves.assign(output=1, y=100 + plain.curves["y"])
    sure = plain.curves.query("kind == 'prediction' and learner == 'maml'")
    sure = sure.assign(kind="std", y=0.25, output=0)
    both = pd.concat([plain.curves.assign(output=0), other, sure])
    problem = {"metric": "nmse", "targets": ["a", "b"], "units": ["m", ""], "inputs": ["t"]}
    trials = plain.trials.assign(problem=[problem] * len(plain.trials))
    figure = draw(module, replace(plain, curves=both, trials=trials))
    rows = np.array(figure.axes).reshape(4, 4)
    names = [row[0].get_ylabel() for row in rows]
    assert names == ["maml\na in m", "maml\nb", "mean\na in m", "mean\nb"]
    one, second = (row[0].lines[0].get_ydata() for row in rows[:2])
    np.testing.assert_allclose(second, 100 + one)
    assert [len(row[0].collections) for row in rows] == [1, 0, 0, 0]
    last = rows[0][0].lines[-2].get_ydata()  # before the support points
    edges = rows[0][0].collections[0].get_paths()[0].vertices[:, 1]
    assert edges.max() == pytest.approx(max(last) + 0.5)
    caption = next(module.pictures(View(replace(plain, curves=both), comparison(plain)))).caption
    assert "two standard deviations" in caption
