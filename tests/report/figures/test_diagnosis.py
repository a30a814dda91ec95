import warnings
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from benchmarks.harness.store.results import Results
from benchmarks.report.figures.of_tasks import support_against_query
from benchmarks.report.figures.of_training import training_diagnostics
from benchmarks.report.scores.summary import summarise

Make = Callable[..., Results]
Draw = Callable[..., Figure | None]


@pytest.fixture(autouse=True)
def _no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def logged(results: Results, metrics: dict[str, list[float]]) -> Results:
    """`reml` logs each metric after 100, 200, ... tasks, one more with seed 1 than with seed 0."""
    keys = results.trials[results.trials["learner"] == "reml"]
    rows = [
        {"learner": "reml", "seed": seed, "metric": metric, "value": value + seed}
        | {"trial": trial, "tasks": 100 * (i + 1), "seconds": 0.0}
        | {"family": "sinusoid", "protocol": "few_shot", "privileged": False}
        for trial, seed in zip(keys["trial"], keys["seed"], strict=True)
        for metric, values in metrics.items()
        for i, value in enumerate(values)
    ]
    return replace(results, history=pd.DataFrame(rows))


def test_each_quantity_that_is_logged_has_a_panel(make_results: Make, draw: Draw) -> None:
    results = logged(
        make_results(["reml", "maml"], tasks=4),
        {
            "query_loss": [1.0, 2.0],
            "reward": [-5.0, -3.0, -1.0],
            "explained_variance": [-30.0, 0.0, 0.5],
            "policy_entropy": [4.0, 2.0, 0.0],
            "clip_fraction": [0.1, 0.2, 0.3],
        },
    )
    figure = draw(training_diagnostics, results)
    assert figure is not None
    shown = [ax for ax in figure.axes if ax.get_visible()]
    assert [ax.get_title() for ax in shown] == [
        "policy entropy",
        "explained variance",
        "clip fraction",
        "reward",
    ]
    (line,) = shown[3].lines
    np.testing.assert_allclose(line.get_xdata(), [100, 200, 300])
    np.testing.assert_allclose(line.get_ydata(), [-4.5, -2.5, -0.5])  # the mean of two seeds
    assert shown[1].get_ylim() == (-1.0, 1.05)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["reml"]


def test_without_a_policy_there_are_no_training_diagnostics(make_results: Make, draw: Draw) -> None:
    results = make_results(["maml"], tasks=4)
    assert draw(training_diagnostics, results) is None


def test_support_error_is_drawn_beside_the_query_error(make_results: Make, draw: Draw) -> None:
    results = make_results(["maml", "mean"], tasks=10, diagnostics=True)
    it = summarise(results)[0]
    figure = draw(support_against_query, results)
    assert figure is not None
    ax = figure.axes[0]
    assert [ax.get_title() for ax in figure.axes] == ["maml", "mean"]
    query, support = ax.lines
    cells = [it.groups[0].cells["maml", steps, "mse"].mean.value for steps in (0, 1, 5, 10)]
    np.testing.assert_allclose(query.get_ydata(), cells)
    np.testing.assert_array_equal(support.get_xdata(), [0, 1, 5, 10])
    mine = results.diagnostics.query(
        "learner == 'maml' and name == 'support_mse' and shots == 5 and steps == 10"
    )
    assert len(mine) == 2 * 10
    assert support.get_ydata()[-1] == pytest.approx(mine["value"].mean())


def test_a_support_error_of_nothing_squeezes_no_panel(make_results: Make, draw: Draw) -> None:
    results = make_results(["maml"], tasks=10, diagnostics=True)
    perfect = results.diagnostics.assign(value=0.0)
    figure = draw(support_against_query, replace(results, diagnostics=perfect))
    assert figure is not None
    assert figure.axes[0].get_yscale() == "log"
    assert figure.axes[0].get_ylim()[0] > 1e-6


def test_one_number_of_steps_is_no_course(make_results: Make, draw: Draw) -> None:
    results = make_results(["maml"], tasks=4, steps=(3,), diagnostics=True)
    assert draw(support_against_query, results) is None
