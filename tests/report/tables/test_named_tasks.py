from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from benchmarks.harness.store.results import Results
from benchmarks.report.documents.index import render_index
from benchmarks.report.figures.of_tasks.fitted_curves import fitted_curves
from benchmarks.report.scores.summary import summarise
from benchmarks.report.tables.named_tasks import names_of, sections


@pytest.fixture(scope="module")
def named(make_results) -> Results:
    """Sixty tasks of four stations, under their names; the rows of `table`."""
    results = make_results(("maml", "mean", "oracle"), families=("table",), shots=(5,))
    group = [f"station {task % 4}" for task in range(60)]
    tasks = pd.DataFrame(
        {
            "family": "table",
            "protocol": "few_shot",
            "shots": 5,
            "task": range(60),
            "name": [f"{it}, {1900 + task}" for task, it in enumerate(group)],
            "group": group,
        }
    )
    scores = results.scores.assign(group=results.scores["task"].map(dict(enumerate(group))))
    told = {
        "validation": {"count": 1, "names": ["station 9"]},
        "test": {"count": 30, "names": [f"station {i}" for i in range(30)]},
    }
    trials = results.trials.assign(held_out=[told] * len(results.trials))
    return replace(results, tasks=tasks, scores=scores, trials=trials)


def test_the_hardest_tasks_are_named_with_their_error(named: Results) -> None:
    worst, _ = sections(named)
    (sheet,) = worst.sheets
    assert len(sheet.rows) == 10
    fair = named.scores.query("metric == 'rmse' and steps == 10 and learner != 'oracle'")
    means = fair.groupby(["task", "learner"])["value"].mean().unstack()
    order = means.mean(axis=1).sort_values(ascending=False).index
    assert [row[0].text for row in sheet.rows] == [
        f"station {task % 4}, {1900 + task}" for task in order[:10]
    ]
    assert sheet.rows[0][1].text == f"station {order[0] % 4}"
    assert float(sheet.rows[0][2].text) == pytest.approx(means.mean(axis=1).max(), rel=0.02)
    assert {row[3].text for row in sheet.rows} <= {"maml", "mean"}
    best = means.loc[order[0]]
    assert sheet.rows[0][3].text == best.idxmin()
    assert float(sheet.rows[0][4].text) == pytest.approx(best.min(), rel=0.02)


def test_what_was_held_out_is_listed(named: Results) -> None:
    *_, held_out = sections(named)
    (validation, test) = ([it.text for it in row] for row in held_out.sheets[0].rows)
    assert validation == ["table", "validation", "1", "station 9"]
    assert test[2] == "30"
    assert test[3].endswith("station 19 and 10 more")


def test_folds_list_every_group_once(named: Results) -> None:
    folded = replace(named, trials=named.trials.assign(fold=range(len(named.trials))))
    *_, held_out = sections(folded)
    ((_, what, number, which),) = held_out.sheets[0].rows
    assert what.text == f"the test, in {len(named.trials)} folds"
    assert number.text == "4"
    assert which.text == "station 0, station 1, station 2, station 3"


def test_tasks_without_names_have_no_tables(make_results) -> None:
    results = make_results(("maml", "mean"), shots=(5,))
    assert not list(sections(results))


def test_panels_of_fitted_curves_are_titled_with_the_task(named: Results) -> None:
    (comparison,) = summarise(named)
    figure = fitted_curves(
        comparison, named.curves, lambda shots: names_of(named, comparison, shots)
    )
    titles = [ax.get_title() for ax in figure.axes[:4]]
    assert titles[0] == "station 0, 1900"
    assert titles[3] == "station 3, 1903"
    plain = fitted_curves(comparison, named.curves)
    assert plain.axes[0].get_title() == "test task 1"


def test_the_index_has_them(named: Results, tmp_path: Path) -> None:
    text = render_index(named, tmp_path)
    assert "table: the hardest tasks" in text
    assert "What was held out" in text
