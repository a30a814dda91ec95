"""Of logarithms and of targets by task, predictions are in the file's own units."""

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import reml
from benchmarks.cli import main
from benchmarks.core.errors import UserError

FAMILIES = ("family", "task")
"""What targets are standardised by."""


def prices() -> pd.DataFrame:
    """A price is a shop's own times the dose to the power of a half, up to 5 %."""
    stream = np.random.default_rng(0)
    shop = np.repeat(np.arange(20), 9)
    dose = 10.0 ** stream.uniform(-2, 2, len(shop))
    noise = 10.0 ** (0.02 * stream.normal(size=len(shop)))
    price = 10.0 ** stream.uniform(-2, 4, 20)[shop] * dose**0.5 * noise
    return pd.DataFrame({"shop": [f"s{it}" for it in shop], "dose": dose, "price": price})


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> reml.Results:
    folder = tmp_path_factory.mktemp("prices")
    prices().to_csv(folder / "d.csv", index=False)
    columns = {"task": "shop", "x": "dose", "y": "price", "split_by": "shop", "unit": "€"}
    table = {"name": "table", "path": str(folder / "d.csv"), **columns, "log": ["dose", "price"]}
    few = {"kind": "few_shot", "shots": [4], "steps": [0], "tasks": 5, "queries": 4}
    return reml.run(
        {
            **{"name": "prices", "seeds": 1, "budget": {"tasks": 10}, "protocol": few},
            "family": [{**table, "label": it, "standardise": it} for it in FAMILIES],
            "learner": ["line", "gp"],
        },
        out=folder / "out",
        jobs=1,
        report=False,
        progress=False,
    )


@pytest.mark.parametrize("family", FAMILIES)
def test_answers_are_in_the_units_of_the_file(
    results: reml.Results, family: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dose = np.array([0.02, 0.1, 1.0, 5.0, 90.0, 0.3])
    new = pd.DataFrame({"dose": dose, "price": 700 * dose**0.5})
    new.iloc[4:, 1] = np.nan
    new.to_csv(tmp_path / "new.csv", index=False)
    called = ["predict", str(results.directory), str(tmp_path / "new.csv"), "--family", family]
    true = 700 * np.array([90.0, 0.3]) ** 0.5
    for learner in ("line", "gp"):
        assert main([*called, "--learner", learner]) == 0
        out, errors = capsys.readouterr()
        said = pd.read_csv(io.StringIO(out))
        np.testing.assert_allclose(said["dose"], [90.0, 0.3])
        if learner == "line":
            np.testing.assert_allclose(said["price"], true, rtol=1e-3)
        else:
            assert (said["low"] > 0).all()
            assert ((said["low"] < said["price"]) & (said["price"] < said["high"])).all()
        assert "price: as many new values lie above as below; its logarithm is learned" in errors


@pytest.mark.parametrize("family", FAMILIES)
def test_python_says_the_same(results: reml.Results, family: str) -> None:
    dose = np.array([0.02, 0.1, 1.0, 5.0])
    for name in ("line", "gp"):
        learner = results.learner(name, family=family)
        assert learner.columns == ["dose"]
        task = learner.adapt(dose[:, None], 700 * dose**0.5)
        if name == "line":
            (mean,) = task.predict([[90.0]])
            assert mean == pytest.approx(700 * 90**0.5, rel=1e-3)
        else:
            mean, std = task.predict([[0.5]], return_std=True)
            assert 0 < std < mean < 3 * 700
        with pytest.raises(UserError, match="expected numbers above 0"):
            task.predict([[-1.0]])


def test_scores_say_what_they_are_of(results: reml.Results) -> None:
    verdict = results.verdict()
    assert "log10 price" in verdict
    assert "log10 €" in verdict
