"""`MetaRegressor` and `MetaClassifier` are scikit-learn's kind of estimators."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone, is_classifier, is_regressor

import reml
from benchmarks.core.errors import DataError, UserError


def lines(rng: np.random.Generator, groups: int, points: int = 12) -> tuple[Any, Any, Any]:
    """Y = 1000 + 300 s x, with a slope s of −1 or 1 for each group."""
    x = rng.uniform(-5, 5, (groups * points, 1))
    group = np.repeat([f"g{it}" for it in range(groups)], points)
    slope = np.repeat(rng.choice([-1, 1], groups), points)
    return x, 1000 + 300 * slope * x[:, 0], group


def blobs(rng: np.random.Generator, groups: int, points: int = 24) -> tuple[Any, Any, Any]:
    """Three classes in the plane; where they lie differs from group to group."""
    centres = rng.normal(0, 5, (groups, 3, 2))
    group = np.repeat(np.arange(groups), points)
    label = np.tile(np.arange(3), groups * points // 3)
    x = centres[group, label] + rng.normal(0, 0.3, (len(group), 2))
    return x, np.array(["red", "green", "blue"])[label], group


def test_parameters_are_those_of_scikit_learn() -> None:
    model = reml.MetaRegressor("gp", budget=5, shots=3)
    assert model.get_params() == {
        "learner": "gp",
        "budget": 5,
        "seed": 0,
        "shots": 3,
        "steps": 10,
    }
    copy = clone(model.set_params(seed=4))
    assert (copy.learner, copy.seed) == ("gp", 4)
    assert is_regressor(model)
    assert is_classifier(reml.MetaClassifier())


def test_what_groups_share_is_learned() -> None:
    """Two points tell the slope to who knows that it is one of two, and not to a mean."""
    rng = np.random.default_rng(0)
    trained = reml.MetaRegressor(
        {"name": "cnp", "encoder": [32, 32], "decoder": [32]}, 6_000, shots=2
    )
    assert trained.fit(*lines(rng, 40)) is trained
    floor = reml.MetaRegressor("mean", 0).fit(*lines(rng, 3))
    errors: dict[str, list[float]] = {"cnp": [], "mean": []}
    for _ in range(10):
        x, y, _ = lines(rng, 1)
        for name, model in (("cnp", trained), ("mean", floor)):
            predicted = model.adapt_predict(x[:2], y[:2], x[2:])
            errors[name].append(float(abs(predicted - y[2:]).mean()))
    assert np.mean(errors["cnp"]) < 0.5 * np.mean(errors["mean"])


def test_the_same_seed_gives_the_same_learner() -> None:
    x, y, group = lines(np.random.default_rng(1), 5)
    model = reml.MetaRegressor("cnp", 50)
    one, other, third = (
        it.fit(x, y, group).adapt_predict(x[:3], y[:3], x[3:6])
        for it in (model, clone(model), clone(model).set_params(seed=1))
    )
    assert (one == other).all()
    assert (one != third).all()


def test_a_class_of_the_user_s_is_trained(noted: Any) -> None:
    x, y, group = lines(np.random.default_rng(2), 4)
    model = reml.MetaRegressor(noted(bandwidth=0.01), 20).fit(x, y, group)
    assert model.adapt_predict(x[:3], y[:3], x[:3]) == pytest.approx(y[:3], rel=1e-4)
    _, std = reml.MetaRegressor("gp", 0).fit(x, y, group).adapt(x[:9], y[:9]).predict(x[:2], True)
    assert std.shape == (2,)


def test_classes_have_names() -> None:
    rng = np.random.default_rng(3)
    model = reml.MetaClassifier("nearest_centroid", 0, shots=2).fit(*blobs(rng, 6))
    x, y, _ = blobs(rng, 1)
    adapted = model.adapt(x[:6], y[:6])
    assert (adapted.predict(x[6:]) == y[6:]).all()
    assert list(adapted.classes) == ["blue", "green", "red"]
    assert adapted.predict_proba(x[6:]).sum(1) == pytest.approx(1)
    with pytest.raises(DataError, match="y: holds 2 classes; expected 3"):
        model.adapt(x[:2], y[:2])


def shops(rng: np.random.Generator, groups: int) -> pd.DataFrame:
    """What is sold, and for how much, depends on the shop, the day and the weather."""
    table = pd.DataFrame(
        [
            (f"s{it}", day, sky)
            for it in range(groups)
            for day in range(6)
            for sky in ("sun", "rain")
        ],
        columns=["shop", "day", "sky"],
    )
    level = rng.normal(0, 20, groups)[table["shop"].str[1:].astype(int)]
    table["sold"] = 500 + level + 10 * table["day"] + 50 * (table["sky"] == "sun")
    table["money"] = 3.0 * table["sold"]
    table["day"] = pd.Timestamp("2024-02-01") + pd.to_timedelta(table["day"], "D")
    return table


def test_a_frame_may_hold_dates_names_and_several_targets() -> None:
    table = shops(np.random.default_rng(6), 30)
    cnp = {"name": "cnp", "encoder": [32, 32], "decoder": [32]}
    model = reml.MetaRegressor(cnp, 4_000, shots=3).fit(table, ["sold", "money"], "shop")
    assert list(model.feature_names_in_) == ["day", "sky"]
    new = shops(np.random.default_rng(7), 2).query("shop == 's1'")
    predicted = model.adapt_predict(new[:6], ["sold", "money"], new[6:])
    assert predicted.shape == (6, 2)
    assert predicted == pytest.approx(new[6:][["sold", "money"]].to_numpy(), rel=0.04)
    listed = model.adapt(new[["day", "sky"]].to_numpy()[:6], new[["sold", "money"]][:6])
    assert listed.predict(new[6:]) == pytest.approx(predicted)
    with pytest.warns(UserWarning, match="X: column 'sky' holds 'fog' in row 1, a category that"):
        listed.predict(new[6:].assign(sky="fog"))
    with pytest.raises(DataError, match=r"y: has the shape \(6,\); expected \(6, 2\)"):
        model.adapt(new[:6], new["sold"][:6])
    holes = table.astype({"sky": object}).assign(sky=lambda it: it["sky"].mask(it.index == 3))
    with pytest.raises(DataError, match="X: column 'sky' is empty in 1 of 360 rows"):
        model.fit(holes, "sold", "shop")
    arrays = reml.MetaRegressor("mean", 0).fit([[1.0], [2.0]] * 2, [[1, 2]] * 4, [0, 0, 1, 1])
    assert arrays.adapt_predict([[1.0]], [[5, 6]], [[2.0]]) == pytest.approx(np.array([[5, 6]]))


def test_a_classifier_takes_frames_too() -> None:
    table = shops(np.random.default_rng(8), 6)
    model = reml.MetaClassifier("nearest_centroid", 0).fit(
        table[["sold", "sky", "shop"]], "sky", "shop"
    )
    new = shops(np.random.default_rng(9), 1)
    assert (model.adapt_predict(new[:7], "sky", new[7:]) == new["sky"][7:]).mean() > 0.5


def test_a_classifier_trains_on_groups() -> None:
    rng = np.random.default_rng(4)
    learner = {"name": "reml", "width": 8, "pool": [1, 2, 1]}
    model = reml.MetaClassifier(learner, 60, shots=2, steps=2).fit(*blobs(rng, 5))
    x, y, _ = blobs(rng, 1)
    assert set(model.adapt_predict(x[:6], y[:6], x[6:])) <= {"red", "green", "blue"}


@pytest.mark.parametrize(
    ("model", "change", "sentence"),
    [
        (reml.MetaRegressor("gp"), {"groups": None}, "groups: is missing"),
        (reml.MetaRegressor("gp"), {"groups": ["a"] * 24}, "groups: name 1 task"),
        (reml.MetaRegressor("gp"), {"y": ["a"] * 24}, "y: expected numbers"),
        (reml.MetaRegressor("gp"), {"X": np.full((24, 1), np.nan)}, "X: holds numbers that are"),
        (reml.MetaRegressor("gp", budget=-1), {}, "budget: expected a whole number from 0"),
        (reml.MetaRegressor("gb"), {}, "unknown learner 'gb'"),
        (reml.MetaRegressor("protonet"), {}, "learner: 'protonet' is not for regression"),
        (reml.MetaRegressor("reml-thesis"), {}, "learner: 'reml-thesis' also needs"),
        (reml.MetaRegressor({"name": "cnp", "lr": -1}), {}, "learner 'cnp': key 'lr'"),
        (reml.MetaClassifier("mean"), {"y": ["a"] * 24}, "y: a group has 1 class"),
    ],
)
def test_what_is_wrong_is_one_sentence(model: Any, change: dict[str, Any], sentence: str) -> None:
    x, y, groups = lines(np.random.default_rng(5), 2)
    with pytest.raises(UserError, match=sentence):
        model.fit(**{"X": x, "y": y, "groups": groups, **change})


def test_an_unfitted_one_says_so() -> None:
    with pytest.raises(UserError, match="MetaRegressor: is not fitted; call fit"):
        reml.MetaRegressor().adapt([[1.0]], [1.0])
    model = reml.MetaRegressor("mean", 0).fit(*lines(np.random.default_rng(6), 2))
    with pytest.raises(DataError, match="X: has 2 columns; expected 1, as in fit"):
        model.adapt([[1.0, 2.0]], [1.0])
