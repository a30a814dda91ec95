"""A trained learner adapts to new tasks, in the data's own units."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import reml
from benchmarks.core.errors import DataError, UnknownName, UserError


def line(points: int) -> pd.DataFrame:
    dose = np.linspace(-2, 2, points)
    return pd.DataFrame({"dose": dose, "kind": "a", "answer": 120 + 15 * dose})


def test_predictions_are_in_own_units_with_their_deviation(compared: reml.Results) -> None:
    new = line(9)
    adapted = compared.learner("gp", seed=1).adapt(new, new["answer"])
    predicted, std = adapted.predict(new[["dose", "kind"]], return_std=True)
    assert predicted == pytest.approx(new["answer"], abs=3)
    assert std.shape == (9,)
    assert (std > 0).all()
    with pytest.warns(UserWarning, match="far outside of all that was trained on"):
        _, far = adapted.predict(new.assign(dose=30.0), return_std=True)
    assert (far > std).all()
    assert adapted.explain()[0].startswith("an RBF kernel")


def test_arrays_are_columns_in_order(compared: reml.Results) -> None:
    learner, new = compared.learner("cnp"), line(6)
    assert learner.columns == ["dose", "kind"]
    framed = learner.adapt(new[:4], new["answer"][:4]).predict(new[4:])
    listed = learner.adapt(new[["dose", "kind"]][:4].to_numpy(), [*new["answer"][:4]])
    assert listed.predict([[it, "a"] for it in new["dose"][4:]]) == pytest.approx(framed)
    _, std = listed.predict({"dose": [0.0], "kind": ["b"]}, return_std=True)
    assert std > 0


def test_no_deviation_is_one_clear_error(compared: reml.Results) -> None:
    new = line(4)
    adapted = compared.learner("noted").adapt(new, new["answer"])
    with pytest.raises(UserError, match="noted: does not tell how sure it is; return_std is for"):
        adapted.predict(new, return_std=True)
    with pytest.raises(UserError, match="noted: predicts numbers"):
        adapted.predict_proba(new)


def test_a_category_nobody_had_is_warned_of(compared: reml.Results) -> None:
    new = line(4)
    adapted = compared.learner("noted").adapt(new, new["answer"])
    with pytest.warns(UserWarning, match="X: column 'kind' holds 'c' in row 1, a category that"):
        adapted.predict(new.assign(kind="c"))


@pytest.mark.parametrize(
    ("x", "y", "sentence"),
    [
        (line(3), [1, 2], "y: has 2 values, where X has 3 points"),
        (line(3)[["kind"]], [1, 2, 3], "X or y: .*'dose'"),
        (line(0), [], "holds no points"),
        ([[1, 2, 3]], [1], r"X: has the shape \(1, 3\); expected \(points, 2\), the columns dose"),
        (line(2).assign(dose=["1", "much"]), [1, 2], "X or y: .*'much'"),
        (line(2), [1, np.nan], "X or y: .*expected a value in each"),
    ],
)
def test_points_that_cannot_be_used_are_named(
    compared: reml.Results, x: Any, y: Any, sentence: str
) -> None:
    with pytest.raises(DataError, match=sentence) as error:
        compared.learner("noted").adapt(x, y)
    assert "/tmp" not in str(error.value)


def test_wrong_names_and_steps_are_named(compared: reml.Results) -> None:
    with pytest.raises(UnknownName, match="unknown learner 'gb'; did you mean 'gp'"):
        compared.learner("gb")
    with pytest.raises(UnknownName, match="unknown seed '7'"):
        compared.learner("gp", seed=7)
    with pytest.raises(UserError, match="steps: expected a whole number from 0 on, got -1"):
        compared.learner("gp").adapt(line(3), line(3)["answer"], steps=-1)


def test_a_loaded_folder_needs_the_class(compared: reml.Results, noted: type) -> None:
    with pytest.raises(UnknownName, match="unknown learner 'noted'"):
        reml.load(compared.directory).learner("noted")
    learner = reml.load(compared.directory, learners=[noted]).learner("noted (bandwidth=0.2)")
    assert "noted, trained: answer of dose, kind" in repr(learner)


def test_a_table_may_have_several_targets_or_classes(
    frame: pd.DataFrame, noted: Any, tmp_path: Path
) -> None:
    """A DataFrame stands where a matrix names a file."""
    few = {"kind": "few_shot", "shots": [2], "steps": [0], "tasks": 9, "queries": 4}
    matrix: dict[str, Any] = {"seeds": 1, "budget": {"tasks": 10}, "protocol": few}
    table = {"name": "table", "path": frame, "task": "site", "split_by": "site"}
    both = frame.assign(other=-frame["answer"])
    several = {**table, "path": both, "x": "dose", "y": ["answer", "other"]}
    results = reml.run(
        {**matrix, "name": "both", "family": several, "learner": noted(bandwidth=0.1)},
        out=tmp_path / "both",
        report=False,
        progress=False,
    )
    new = line(5)
    y = np.stack([new["answer"], -new["answer"]], 1)
    adapted = results.learner("noted").adapt(new[["dose"]], y)
    assert adapted.predict(new[["dose"]]) == pytest.approx(y, rel=0.02)
    with pytest.raises(DataError, match=r"y: has the shape \(5,\); expected \(5, 2\)"):
        results.learner("noted").adapt(new[["dose"]], y[:, 0])

    classes = {**table, "x": ["dose", "answer"], "y": "kind", "ways": 2}
    results = reml.run(
        {**matrix, "name": "kinds", "family": classes, "learner": "nearest_centroid"},
        out=tmp_path / "kinds",
        report=False,
        progress=False,
    )
    adapted = results.learner("nearest_centroid").adapt([[-1, 100], [1, 100]], ["low", "high"])
    assert list(adapted.predict([[2, 100], [-2, 100]])) == ["high", "low"]
    assert adapted.predict_proba([[2.0, 100.0]]).sum() == pytest.approx(1)
