import warnings
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from benchmarks.harness.store.results import Results
from benchmarks.report.figures.of_tasks import compositions, layer_usage
from benchmarks.report.figures.of_tasks.compositions import FREQUENT, RARE

Make = Callable[..., Results]
Draw = Callable[..., Figure | None]


@pytest.fixture(autouse=True)
def _no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def test_usage_map_shows_the_shares_of_the_first_seed_at_the_fewest_shots(
    make_results: Make, draw: Draw
) -> None:
    results = make_results(["maml", "reml", "reml-fixed"], tasks=40, diagnostics=True)
    figure = draw(layer_usage, results)
    assert figure is not None
    reml, fixed = figure.axes[:2]
    assert [ax.get_title() for ax in (reml, fixed)] == ["reml", "reml-fixed"]
    decisions = [text.get_text() for text in reml.get_xticklabels()]
    assert decisions == [
        "input layer",
        "hidden layer 1",
        "hidden layer 2",
        "output layer",
        "activation",
        "rate",
    ]
    shares = reml.collections[0].get_array()
    assert shares.shape == (21, 6)
    mine = results.diagnostics.query(
        "learner == 'reml' and name == 'hidden layer 2' and seed == 0 and shots == 5"
    )
    expected = np.bincount(mine["value"].astype(int), minlength=21) / 40
    np.testing.assert_allclose(shares[:, 2], expected)
    np.testing.assert_array_equal(shares.mask.sum(0), [14, 0, 0, 14, 18, 16])  # no such options
    np.testing.assert_array_equal(fixed.collections[0].get_array()[0], np.ones(6))


def test_usage_map_of_many_learners_has_six_panels(make_results: Make, draw: Draw) -> None:
    results = make_results(["reml"], tasks=10, seeds=1, diagnostics=True)
    labels = [f"reml {i}" for i in range(8)]
    frames = {
        name: type(frame)(
            {key: list(frame[key]) * 8 for key in frame}
            | {"learner": np.repeat(labels, len(frame))}
        )
        for name in ("trials", "scores", "diagnostics")
        for frame in [getattr(results, name)]
    }
    frames["trials"]["trial"] = labels
    for name in ("scores", "diagnostics"):
        frames[name]["trial"] = frames[name]["learner"]
    many = replace(results, **frames, order=tuple(labels))
    figure = draw(layer_usage, many)
    assert figure is not None
    assert [ax.get_title() for ax in figure.axes if ax.get_title()] == labels[:6]


def test_compositions_are_coloured_by_how_frequent_they_are(make_results: Make, draw: Draw) -> None:
    results = make_results(["reml-fixed", "reml"], tasks=60, diagnostics=True)
    figure = draw(compositions, results)
    assert figure is not None
    whole, first, *_ = figure.axes
    assert len(figure.axes) == 7  # reml-fixed, which always composes the same, has no row
    assert whole.get_ylabel() == "reml"
    mine = results.diagnostics.query("learner == 'reml' and seed == 0 and shots == 5")
    wide = mine[mine["kind"] != "measure"].pivot(index="task", columns="name", values="value")
    networks = wide.drop(columns=["amplitude", "phase", "rate"]).drop_duplicates()
    assert whole.get_title() == f"{len(networks)} compositions"
    assert RARE in {to_hex(colour).upper() for colour in whole.collections[0].get_facecolors()}
    counts = wide["input layer"].value_counts()
    assert first.get_title() == f"input layer\n{len(counts)} of 7 used"
    points = first.collections[0]
    drawn = {
        tuple(place): to_hex(colour).upper()
        for place, colour in zip(points.get_offsets().data, points.get_facecolors(), strict=True)
    }
    assert len(drawn) == 60
    most = wide[wide["input layer"] == counts.index[0]]
    assert counts.iloc[0] > counts.iloc[1]
    assert {drawn[place] for place in zip(most["amplitude"], most["phase"], strict=True)} == {
        FREQUENT[0]
    }
    assert figure.get_supxlabel() == "amplitude"
    assert figure.get_supylabel() == "phase"


def test_controls_come_last_and_only_where_there_is_room(make_results: Make, draw: Draw) -> None:
    results = make_results(["reml-random", "reml"], tasks=20, seeds=1, diagnostics=True)
    figure = draw(compositions, results)
    assert figure is not None
    assert [ax.get_ylabel() for ax in figure.axes if ax.get_ylabel()] == ["reml", "reml-random"]


def test_without_two_traits_or_two_compositions_there_is_no_picture(
    make_results: Make, draw: Draw
) -> None:
    table = make_results(["reml"], families=["table"], tasks=10, diagnostics=True)
    assert draw(compositions, table) is None
    assert draw(layer_usage, table) is not None
    fixed = make_results(["reml-fixed"], tasks=10, diagnostics=True)
    assert draw(compositions, fixed) is None
    silent = make_results(["maml"], tasks=10, diagnostics=True)
    assert draw(layer_usage, silent) is None
