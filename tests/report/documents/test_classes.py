"""Tables and figures of classification, from a small run."""

import re
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from benchmarks.harness.store.results import Results, Settings
from benchmarks.report.documents.index import write_index
from benchmarks.report.documents.page import inlay
from benchmarks.report.documents.page.document import render
from benchmarks.report.figures.catalogue import drawn, pictures, write_figures
from benchmarks.report.figures.of_scores.against_steps import against_steps
from benchmarks.report.figures.of_tasks import confusion, episodes, support_against_query
from benchmarks.report.figures.of_tasks.episodes import RIGHT, WRONG
from benchmarks.report.findings.verdict import verdicts
from benchmarks.report.scores.cells import Comparison
from benchmarks.report.scores.roles import role_of
from benchmarks.report.scores.summary import summarise
from benchmarks.report.scores.wording import bounds, plural, score
from benchmarks.report.statistics import Interval
from benchmarks.report.tables.write import COLUMNS, make_table, render_table

Draw = Callable[..., Figure | None]


@pytest.fixture(autouse=True)
def _no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@pytest.fixture
def digits(mixed: Results) -> Comparison:
    return summarise(mixed)[0]


def of_digits(frame: pd.DataFrame) -> pd.DataFrame:
    return frame[frame["family"] == "digits"]


def test_accuracy_is_in_percent_and_shots_are_for_each_class(mixed: Results) -> None:
    text = render_table(mixed, "md")
    assert "## digits, 3-way 1-shot\n" in text
    assert "## sinusoid, 1 shot\n" in text
    assert "Mean accuracy in % after adaptation steps; higher is better." in text
    cell = summarise(mixed)[0].groups[0].cells["nearest", 3, "accuracy"].mean
    assert 0 < cell.value < 1
    assert not cell.known  # the test tasks are 3 ways out of exactly 3 classes
    shown = rf"\| nearest +\|.* (\*\*)?{100 * cell.value:.1f}(\*\*)? \|"
    assert re.search(shown, text)
    assert "1 test set of classes: too few for an interval or a verdict" in text
    assert "5-way 1-shot means: a task has five classes" in text


def test_transductive_learners_are_marked_and_compared(mixed: Results, tmp_path: Path) -> None:
    for fmt, name in (("md", "centring ‡"), ("latex", r"centring $^\ddagger$")):
        text = render_table(mixed, fmt)
        assert name in text
        assert "transductive: predicts the query points of a task together" in text
        assert "† privileged" not in text
    ranking = summarise(mixed)[0].groups[0].rankings[3, "accuracy", "mean"]
    assert {ranking.best, *ranking.behind} == {"nearest", "centring"}
    text = write_index(mixed, tmp_path).read_text(encoding="utf-8")
    assert "On digits, 3-way 1-shot, at the step that validation chose, `" in text
    assert "`centring ‡`" in text
    assert "[table.csv](table.csv), accuracy from 0 to 1." in text


def test_the_page_shows_pictures_and_marks(mixed: Results, records) -> None:
    inlays = [inlay(*it) for it in drawn(mixed)]
    text = render(mixed, records(mixed), inlays)
    stems = {it.stem: it for it in inlays}
    assert stems["episodes-digits"].rastered
    assert "data:image/png;base64," in text
    assert "<dt>‡</dt>" in text
    assert "accuracy in %, digits, 3-way 1-shot, chosen step" in text
    assert len(text.encode()) < 5_000_000


def test_the_tidy_table_says_ways_and_who_is_transductive(mixed: Results, make_results) -> None:
    table = make_table(mixed)
    assert list(table.columns[:3]) == ["family", "protocol", "ways"]
    assert set(table.loc[table["family"] == "digits", "ways"]) == {3}
    assert table.loc[table["family"] == "sinusoid", "ways"].isna().all()
    assert set(table.loc[table["transductive"], "learner"]) == {"centring"}
    assert table.query("family == 'digits'")["mean"].between(0, 1).all()
    assert ",3,1," in render_table(mixed, "csv")
    assert tuple(make_table(make_results(["mean"], tasks=3)).columns) == COLUMNS


def test_learners_of_one_family_are_not_missing_on_others(mixed: Results) -> None:
    digits, sinusoid = summarise(mixed)
    assert [it.label for it in digits.entrants] == ["nearest", "centring"]
    assert [it.label for it in sinusoid.entrants] == ["mean"]
    for fmt in ("md", "latex"):
        assert "not run" not in render_table(mixed, fmt)


def test_classes_left_out_are_counted_as_classes(mixed: Results) -> None:
    counts = [{"1": 1}] * len(mixed.trials)
    text = render_table(replace(mixed, trials=mixed.trials.assign(left_out=counts)), "md")
    digits, sinusoid = text.split("## sinusoid, 1 shot")
    said = "is left out for having fewer than 2 {}: 1 to adapt on and one to be scored on."
    assert f"1 test class {said.format('examples')}" in digits
    assert f"1 test task {said.format('points')}" in sinusoid
    assert plural(2, "test class") == "2 test classes"


def test_small_differences_of_accuracy_have_two_decimals() -> None:
    assert score(0.98148, "accuracy") == "98.1"
    assert score(1.0, "accuracy") == "100.0"
    assert bounds(Interval(0.981, 0.97, 0.9999), "accuracy") == "[97.0, 100.0]"
    assert bounds(Interval(-0.0042, -0.006, 0.00001), "accuracy") == "[−0.60, 0.00]"
    assert score(0.98148, "mse") == "0.98"


def test_figures_of_classes_are_drawn(mixed: Results, tmp_path: Path) -> None:
    names = {path.stem for path in write_figures(mixed, tmp_path) if path.suffix == ".png"}
    assert {
        "accuracy-against-steps-digits",
        "accuracy-against-shots-digits",
        "episodes-digits",
        "confusion-digits",
        "support-against-query-digits",
        "error-against-steps-sinusoid",
        "support-against-query-sinusoid",
    } <= names
    assert not {"fitted-curves-digits", "episodes-sinusoid", "confusion-sinusoid"} & names
    captions = {picture.stem: picture.caption for picture in pictures(mixed)}
    assert captions["accuracy-against-steps-digits"].startswith("Mean accuracy after")


def test_accuracy_has_a_linear_axis_in_percent(digits: Comparison) -> None:
    figure = against_steps(digits)
    assert figure is not None
    ax = figure.axes[0]
    assert (ax.get_yscale(), ax.get_ylabel()) == ("linear", "accuracy in %")
    assert ax.get_title() == "3-way 1-shot"
    assert [ax.yaxis.get_major_formatter()(value, 0) for value in (0.5, 0.975, 1.0, 1.05)] == [
        *("50", "97.5", "100"),
        "",
    ]


def test_support_accuracy_is_drawn_beside_that_of_query_points(
    digits: Comparison, mixed: Results, draw: Draw
) -> None:
    figure = draw(support_against_query, mixed)
    assert figure is not None
    query, support = figure.axes[0].lines
    cell = digits.groups[0].cells["nearest", 3, "accuracy"].mean
    assert query.get_ydata()[-1] == pytest.approx(cell.value)
    assert support.get_ydata().tolist() == [1.0, 1.0]
    assert figure.axes[0].get_yscale() == "linear"


def test_the_confusion_of_few_classes_is_a_map(mixed: Results, draw: Draw) -> None:
    figure = draw(confusion, mixed)
    assert figure is not None
    ax = figure.axes[0]
    names = [label.get_text() for label in ax.get_xticklabels()]
    assert names == sorted(set(of_digits(mixed.confusion)["true"]))
    shares = ax.collections[0].get_array().reshape(3, 3)
    np.testing.assert_allclose(shares.sum(1), 1.0)  # every task has all three classes
    rows = mixed.confusion.query("learner == 'nearest' and shots == 1")
    one = rows[(rows["true"] == names[0]) & (rows["predicted"] == names[1])]
    assert shares[0, 1] == pytest.approx(one["count"].sum() / (2 * 12 * 3))  # seeds, tasks, each


def test_of_many_classes_the_most_confused_pairs_are_shown(mixed: Results, draw: Draw) -> None:
    rows = pd.DataFrame(
        [
            ("nearest", seed, 1, 3, f"c{i}", f"c{j}", count, 10)
            for seed in (0, 1)
            for i, j, count in [*((i, i, 9) for i in range(30)), (1, 2, 4), (3, 4, 6)]
            if (i, j, seed) != (3, 4, 1)  # the second seed never erred there
        ],
        columns=["learner", "seed", "shots", "steps", "true", "predicted", "count", "queries"],
    ).assign(trial="", family="digits", protocol="few_shot")
    figure = draw(confusion, replace(mixed, confusion=rows))
    assert figure is not None
    ax = figure.axes[0]
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert labels == ["c1  →  c2", "c3  →  c4"]
    assert ax.lines[0].get_xdata().tolist() == [40.0, 30.0]
    right = rows[rows["true"] == rows["predicted"]]
    assert draw(confusion, replace(mixed, confusion=right)) is None
    assert draw(confusion, replace(mixed, confusion=rows.iloc[:0])) is None


def test_episodes_say_right_and_wrong_in_colour_and_mark(mixed: Results, draw: Draw) -> None:
    rows = of_digits(mixed.episodes)
    figure = draw(episodes, mixed)
    assert figure is not None
    axes = np.array(figure.axes).reshape(3, 3)  # support and two learners; three tasks
    assert [text.get_text() for text in axes[0, 0].texts] == ["1", "2", "3"]
    mine = rows.query("learner == 'nearest' and seed == 0 and task == 1 and kind == 'query'")
    expected = [
        ("✓" if label == predicted else "✗") + f" {predicted + 1}"
        for label, predicted in zip(mine["label"], mine["predicted"], strict=True)
    ]
    assert [text.get_text() for text in axes[1, 1].texts] == expected
    for text, frame in zip(axes[1, 1].texts, axes[1, 1].patches, strict=True):
        colour = RIGHT if text.get_text().startswith("✓") else WRONG
        assert to_hex(frame.get_edgecolor()).upper() == to_hex(text.get_color()).upper() == colour
    assert len(axes[1, 1].images) == len(mine)
    assert axes[2, 0].get_ylabel() == "centring ‡"
    assert draw(episodes, replace(mixed, episodes=rows.iloc[:0])) is None


def test_controls_make_room_where_there_are_many_learners(
    digits: Comparison, mixed: Results, draw: Draw
) -> None:
    rows = mixed.episodes.query("learner == 'nearest'")
    labels = ("mean", "a", "scratch", "b", "c", "d", "e")
    entrants = tuple(
        replace(digits.entrants[0], label=label, role=role_of(Settings(label, {})))
        for label in labels
    )
    many = pd.concat([rows.assign(learner=label) for label in labels])
    figure = draw(episodes, replace(mixed, episodes=many), replace(digits, entrants=entrants))
    assert figure is not None
    names = [ax.get_ylabel() for ax in figure.axes if ax.get_ylabel()]
    assert names[1:] == ["mean", "a", "b", "c", "d", "e"]


def test_who_is_behind_in_accuracy_is_behind_by_more_than_nothing(mixed: Results) -> None:
    rows = [row for row in verdicts(summarise(mixed)).sheets[0].rows if "accuracy" in row[0].text]
    behind = [row[4].text for row in rows if row[4].text != "–"]
    assert behind
    assert not any(it.startswith("−") for it in behind)
