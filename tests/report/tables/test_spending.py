import io
from collections.abc import Callable
from dataclasses import replace

import pandas as pd
import pytest

from baselines.anil import ANIL
from baselines.maml import MAML
from benchmarks.core import Budget, BudgetedSource, generator_of
from benchmarks.harness.store.results import Results
from benchmarks.report.figures.of_scores.against_spending import against_spending
from benchmarks.report.scores.budget_matching import matching_remarks, unmatched
from benchmarks.report.scores.summary import summarise
from benchmarks.report.statistics.pareto import pareto_front
from benchmarks.report.tables.catalogue import sections
from benchmarks.report.tables.spending import render_spending
from benchmarks.tasks.sinusoid import Sinusoid
from reml.learner import REML

Make = Callable[..., Results]


def spent(results: Results, **tasks: float) -> Results:
    """The same with other numbers of training tasks."""
    trials = results.trials.copy()
    for learner, n in tasks.items():
        trials.loc[trials["learner"] == learner, "tasks"] = n
    return replace(results, trials=trials)


def test_who_drew_other_numbers_than_most_is_marked(make_results: Make) -> None:
    equal = make_results(["reml", "maml", "fine_tuning", "mean", "oracle"], tasks=5, shots=(5,))
    (before,) = summarise(equal)
    assert unmatched(before) == frozenset()
    assert list(matching_remarks(before)) == [
        "mean draws no training tasks: it is there to measure the others by."
    ] or "oracle" in " ".join(matching_remarks(before))

    results = spent(equal, maml=800_000)
    (after,) = summarise(results)
    assert unmatched(after) == {"maml"}
    remark = next(matching_remarks(after))
    assert remark.startswith("≠ Most learners drew 200,000 training tasks, but maml drew 800,000")
    *scores, spending = sections(results)
    assert "maml ≠" in [row[0].text for row in spending.sheets[0].rows]
    names = [row[0].text for it in scores for sheet in it.sheets for row in sheet.rows]
    assert "maml" in names
    assert not any("≠" in name for name in names)
    figure = against_spending(after)
    assert figure is not None
    assert "maml ≠" in [text.get_text() for text in figure.axes[0].texts]


def test_all_are_marked_where_no_number_is_that_of_most(make_results: Make) -> None:
    equal = make_results(["reml", "maml"], tasks=5, shots=(5,))
    (comparison,) = summarise(spent(equal, maml=400_000))
    assert unmatched(comparison) == {"reml", "maml"}
    assert next(matching_remarks(comparison)) == (
        "≠ The learners drew different numbers of training tasks, from 200,000 to 400,000, and no "
        "number is that of most: their scores are not of equal budgets."
    )
    nearly = spent(equal, maml=200_010)
    assert list(matching_remarks(summarise(nearly)[0])) == []


def test_labelled_points_are_spending_in_either_direction(make_results: Make) -> None:
    results = make_results(
        ["reml", "maml", "fine_tuning", "reml-random", "reml-fixed", "maml (first_order)"],
        tasks=5,
        shots=(5,),
    )
    points = {
        "reml": 11_500_000,
        "maml": 4_000_000,
        "reml-random": 1_000_000,
        "reml-fixed": 4_010_000,
    }
    trials = results.trials
    drawn = trials["learner"].map(points).fillna(4_000_000.0)
    (comparison,) = summarise(replace(results, trials=trials.assign(points=drawn)))
    assert unmatched(comparison) == {"reml", "reml-random"}
    remark = next(matching_remarks(comparison))
    assert remark.startswith("≠ Most learners drew 4,000,000 labelled points, but reml drew 11,500")
    assert "reml-random drew 1,000,000" in remark
    # the largest group need not be more than half
    drawn = drawn.where(~trials["learner"].isin(["maml (first_order)"]), 2_000_000.0)
    (comparison,) = summarise(replace(results, trials=trials.assign(points=drawn)))
    assert unmatched(comparison) == {"reml", "reml-random", "maml (first_order)"}


def test_the_spending_table_in_three_formats(make_results: Make) -> None:
    results = spent(
        make_results(["reml", "maml", "fine_tuning", "mean"], tasks=5, shots=(5,)), maml=800_000
    )
    adapted = results.trials["learner"].map({"maml": 97.0, "mean": 0.0})
    results = replace(results, trials=results.trials.assign(adapted_parameters=adapted))
    text = render_spending(results, "md")
    (row,) = [line for line in text.splitlines() if line.startswith("| maml ≠")]
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[1:9] == [
        *("800,000", "4,000,000", "1,000,000", "200,000", "0", "1,761", "97"),
        "40.5",
    ]
    assert "≠ unequal budget" in text
    (other,) = [line for line in text.splitlines() if line.startswith("| reml ")]
    assert " – " in other  # not recorded

    table = pd.read_csv(io.StringIO(render_spending(results, "csv"))).set_index("learner")
    assert table.loc["maml", "tasks"] == 800_000
    assert table.loc["maml", "matched"] in (False, "False")
    assert pd.isna(table.loc["mean", "matched"])
    assert table.loc["mean", "adapted_parameters"] == 0
    assert pd.isna(table.loc["reml", "adapted_parameters"])
    latex = render_spending(results, "latex")
    assert r"\toprule" in latex
    assert r"maml $\neq$" in latex


@pytest.mark.parametrize(
    ("points", "front"),
    [
        ([(1, 5), (2, 3), (2, 4), (3, 3), (4, 1)], [0, 1, 4]),
        ([(1, 1), (2, 2)], [0]),
        ([(0, 4), (0, 3)], [1]),
        ([(1, 1), (1, 1)], [0]),
        ([], []),
    ],
)
def test_the_front_is_of_those_that_nobody_dominates(points, front) -> None:
    assert pareto_front(points) == front


def test_the_front_leaves_out_privileged_learners(make_results: Make) -> None:
    results = make_results(["oracle", "reml", "scratch"], tasks=5, shots=(5,))
    figure = against_spending(summarise(results)[0])
    assert figure is not None
    joins = [[it for it in ax.artists + ax.patches if hasattr(it, "xy1")] for ax in figure.axes]
    assert [len(it) for it in joins] == [1, 1, 1]  # from scratch to reml, whatever the oracle is
    (join,) = joins[0]
    assert (join.xy1[0], join.xy2[0]) == (0, 200_000)


def test_adapted_parameters_are_those_that_adaptation_may_change() -> None:
    def fitted(learner):
        source = BudgetedSource(Sinusoid(), Budget(tasks=5), generator_of("t", 0))
        learner.fit(source, generator_of("l", 0))
        return learner.adapted_parameters

    # 1 → 8 → 8 → 1: weights 8 + 64 + 8, biases 8 + 8 + 1
    assert fitted(MAML(hidden=(8, 8), meta_batch=5)) == 97
    assert fitted(ANIL(hidden=(8, 8), meta_batch=5)) == 9
    # a composed network of 4 layers of width 6: 12, twice 42, and 7
    assert fitted(REML(width=6, depth=4, pool=(2, 3, 2), composer="random", batch_tasks=5)) == 103
    assert not hasattr(MAML(), "adapted_parameters")  # before it is fitted
