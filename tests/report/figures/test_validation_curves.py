"""Curves of validation scores: every learner that was looked at, and the constant guess."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd

from benchmarks.harness.store.results import Results
from benchmarks.report.figures.catalogue import pictures
from benchmarks.report.figures.drawing.look import looks


def looked_at(results: Results) -> pd.DataFrame:
    """Reml at ten moments with both seeds, maml at the end only."""
    trials = results.trials[results.trials["learner"].isin(["reml", "maml"])]
    rows = [
        {
            **row,
            "tasks": 10 * tenth,
            "metric": "validation",
            "value": 1 / tenth + 0.01 * row["seed"],
        }
        for row in trials[["trial", "family", "protocol", "learner", "seed"]].to_dict("records")
        for tenth in (range(1, 11) if row["learner"] == "reml" else [10])
    ]
    return pd.DataFrame(rows)


def test_lines_are_seeds_and_their_mean(make_results: Callable[..., Results]) -> None:
    results = make_results(("reml", "maml", "mean"), seeds=2)
    results = replace(results, history=looked_at(results))
    (picture,) = [it for it in pictures(results) if it.stem == "validation-curves"]
    with looks():
        figure = picture.draw()
    *lines, guess = [np.asarray(it.get_ydata(), float) for it in figure.axes[0].get_lines()]
    tenths = 1 / np.arange(1, 11)
    np.testing.assert_allclose(lines, [tenths, tenths + 0.01, tenths + 0.005])
    assert set(guess) == {1.0}
    assert [it.get_text() for it in figure.legends[0].get_texts()] == ["reml"]


def test_nothing_is_drawn_where_nobody_looked(make_results: Callable[..., Results]) -> None:
    results = make_results(("reml", "maml", "mean"), seeds=2)
    assert "validation-curves" not in {it.stem for it in pictures(results)}
