import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest

from benchmarks.harness.store.results import Results, Settings
from benchmarks.report.figures.catalogue import pictures
from benchmarks.report.figures.of_scores.tuning import find_grid, tuning
from benchmarks.report.scores.summary import summarise

Make = Callable[..., Results]
FIELDS: Mapping[str, list[Any]] = {
    "clip": [0.3, 0.1, 0.2],
    "policy": ["lstm", "mlp"],
    "horizon": [128, 5, 512, 2048],
}


@pytest.fixture(autouse=True)
def _no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def gridded(make_results: Make, fields: Mapping[str, list[Any]], **more: Any) -> Results:
    """A learner for each combination, called 0, 1, ..., all of one kind; and the mean."""
    combinations = list(product(*fields.values()))
    labels = [str(i) for i in range(len(combinations))]
    one = make_results(["mean"], tasks=5, seeds=1, shots=(5,), steps=(1,), **more)
    frames = {}
    for name in ("trials", "scores"):
        frame = getattr(one, name)
        copies = [
            frame.assign(learner=label, trial=label, **extra)
            for place, label in enumerate(labels)
            for extra in [{"value": frame["value"] * (1 + place)} if name == "scores" else {}]
        ]
        frames[name] = type(frame)(
            {key: [value for copy in [frame, *copies] for value in copy[key]] for key in frame}
        )
    settings = {
        label: Settings("x", {"width": 40, **dict(zip(fields, combination, strict=True))})
        for label, combination in zip(labels, combinations, strict=True)
    }
    settings["mean"] = Settings("mean", {})
    return replace(one, **frames, order=("mean", *labels), settings=settings)


def test_a_grid_is_found_in_the_fields_that_differ(make_results: Make) -> None:
    results = gridded(make_results, FIELDS)
    grid = find_grid(summarise(results)[0], results.settings)
    assert grid is not None
    assert list(grid.values) == ["horizon", "clip", "policy"]  # numbers first, most values first
    assert grid.values["clip"] == (0.1, 0.2, 0.3)
    assert grid.label(5, 0.3, "lstm") == "1"
    assert grid.label(6, 0.3, "lstm") is None


def test_variants_that_each_change_another_field_are_no_grid(make_results: Make) -> None:
    results = make_results(["reml", "maml", "mean", "scratch"], tasks=4, seeds=1)
    plain = {"a": 1, "b": 1, "c": 1}
    changed = [plain, plain | {"a": 2}, plain | {"b": 2}, plain | {"c": 2}]
    settings = {
        label: Settings("x", fields) for label, fields in zip(results.order, changed, strict=True)
    }
    it = summarise(results)[0]
    assert find_grid(it, settings) is None
    one_field = {label: Settings("x", {"a": i}) for i, label in enumerate(results.order)}
    assert find_grid(it, one_field) is None
    kinds = {label: Settings(label, fields.fields) for label, fields in settings.items()}
    assert find_grid(it, kinds) is None


def test_tuning_figure_has_a_panel_a_combination_of_the_other_fields(make_results: Make) -> None:
    results = gridded(make_results, FIELDS)
    it = summarise(results)[0]
    grid = find_grid(it, results.settings)
    assert grid is not None
    figure = tuning(it, grid, it.groups[0])
    assert figure is not None
    assert [ax.get_title() for ax in figure.axes] == ["policy lstm", "policy mlp"]
    ax = figure.axes[0]
    assert [text.get_text() for text in ax.get_xticklabels()] == ["5", "128", "512", "2048"]
    assert ax.get_xlabel() == "horizon"
    line = ax.containers[2].lines[0]  # clip 0.3
    labels = [grid.label(horizon, 0.3, "lstm") for horizon in (5, 128, 512, 2048)]
    expected = [it.groups[0].cells[label, 1, "mse"].mean.value for label in labels]
    np.testing.assert_allclose(line.get_ydata(), expected)
    legend = figure.legends[0]
    assert legend.get_title().get_text() == "clip"
    assert [text.get_text() for text in legend.get_texts()] == ["0.1", "0.2", "0.3"]


def test_a_combination_without_a_score_is_a_gap_and_a_cross(make_results: Make) -> None:
    results = gridded(make_results, FIELDS)
    gone = "1"  # horizon 5, clip 0.3, lstm
    trials = results.trials.copy()
    trials.loc[trials["learner"] == gone, "status"] = "failed"
    missing = replace(
        results,
        trials=trials,
        scores=results.scores[results.scores["learner"] != gone],
        settings={**results.settings, gone: Settings("x", {})},
    )
    it = summarise(missing)[0]
    grid = find_grid(it, missing.settings)
    assert grid is not None
    figure = tuning(it, grid, it.groups[0])
    assert figure is not None
    line = figure.axes[0].containers[2].lines[0]
    assert np.isnan(line.get_ydata()).tolist() == [True, False, False, False]
    crosses = [line for line in figure.axes[0].lines if line.get_marker() == "x"]
    assert [cross.get_xdata().round().tolist() for cross in crosses] == [[0.0]]
    assert not [line for line in figure.axes[1].lines if line.get_marker() == "x"]
    assert figure.legends[0].get_texts()[-1].get_text() == "no score"


@pytest.mark.parametrize(
    ("fields", "titles"),
    [
        ({"lr": [0.1, 1.0], "steps": [1, 2, 3]}, [""]),
        (
            {"lr": [0.1, 1.0], "wide": [True, False], "pool": [[1, 2], [3, 4]], "n": [1, 2, 3]},
            [
                "wide false, pool [1, 2]",
                "wide true, pool [1, 2]",
                "wide false, pool [3, 4]",
                "wide true, pool [3, 4]",
            ],
        ),
    ],
)
def test_any_number_of_fields_from_two_on(
    make_results: Make, fields: dict[str, list[Any]], titles: list[str]
) -> None:
    results = gridded(make_results, fields)
    it = summarise(results)[0]
    grid = find_grid(it, results.settings)
    assert grid is not None
    figure = tuning(it, grid, it.groups[0])
    assert figure is not None
    assert [ax.get_title() for ax in figure.axes] == titles


def test_the_tuning_figure_is_one_of_the_pictures(make_results: Make) -> None:
    results = gridded(make_results, FIELDS)
    (picture,) = (it for it in pictures(results) if it.stem.startswith("tuning"))
    assert picture.stem == "tuning-5-shots"
    assert "for each combination of `horizon`, `clip`, `policy`" in picture.caption
    assert picture.draw() is not None
    assert not [it for it in pictures(make_results(["mean"], tasks=4)) if "tuning" in it.stem]
