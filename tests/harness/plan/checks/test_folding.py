from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from benchmarks.core import generator_of
from benchmarks.core.errors import DataError, MatrixError
from benchmarks.harness.evaluation.evaluator import draw_test_tasks
from benchmarks.harness.plan.checks.folding import demand_draws
from benchmarks.harness.plan.expand import describe, expand
from benchmarks.harness.plan.identity import TrialSpec
from benchmarks.harness.plan.matrix import Entry, load_matrix
from benchmarks.harness.plan.registry import Registry
from benchmarks.harness.plan.resolved import Resolved, make_family
from benchmarks.harness.store.folder import ResultsFolder
from benchmarks.harness.store.results import consolidate, load_results
from benchmarks.harness.trial.trial import run_trial
from benchmarks.protocols.few_shot import FewShot
from benchmarks.report.scores.draws import over_draws
from benchmarks.tasks.digits import Digits
from benchmarks.tasks.sinusoid import Sinusoid
from benchmarks.tasks.table import Table
from benchmarks.testing import Toy

HEAD = """
name = "tiny"
seeds = 2

[budget]
tasks = 20

[[protocol]]
kind = "few_shot"
shots = [2]
steps = [0, 1]
tasks = 10
queries = 3
{keys}

[[family]]
{family}
"""
TABLE = """
name = "table"
path = "rows.csv"
task = ["subject"]
x = ["x"]
y = "y"
split_by = "subject"
"""
Plan = Callable[..., tuple[list[TrialSpec], list[str]]]


@pytest.fixture
def plan(write_matrix: Callable[..., Path], registry: Registry, tmp_path: Path) -> Plan:
    """The trials of a matrix with these keys in its protocol, and what is said of it."""

    def make(
        keys: str = "", *, subjects: int = 12, family: str = TABLE, learners: Sequence[str] = ()
    ) -> tuple[list[TrialSpec], list[str]]:
        rows = [(f"s{s}", x, (s * 5 + x * x) % 7) for s in range(subjects) for x in range(6)]
        pd.DataFrame(rows, columns=["subject", "x", "y"]).to_csv(tmp_path / "rows.csv", index=False)
        path = write_matrix(*(learners or ["mean"]), head=HEAD.format(keys=keys, family=family))
        said: list[str] = []
        return expand(load_matrix(str(path)), registry, said.append), said

    return make


def splits(trial: TrialSpec) -> dict[str, set[str]]:
    family = make_family(trial.family, Registry([]))
    assert isinstance(family, Table)
    return {split: set(family.groups(split)) for split in ("train", "validation", "test")}


def test_each_group_is_a_test_group_once(plan: Plan) -> None:
    trials, _ = plan('folds = "leave-one-group-out"')
    assert [trial.row["fold"] for trial in trials if trial.seed == 0] == list(range(12))
    assert len({trial.id for trial in trials}) == len({it.training for it in trials}) == 24
    tested, validated = [], []
    for trial in trials[::2]:
        parts = splits(trial)
        assert not parts["test"] & parts["validation"]
        assert len(parts["test"] | parts["validation"] | parts["train"]) == 12
        tested += sorted(parts["test"])
        validated += sorted(parts["validation"])
    assert sorted(tested) == sorted(f"s{i}" for i in range(12))
    assert {validated.count(it) for it in tested} == {2}  # 0.15 of 12 groups validate


def test_folds_of_several_groups_are_about_equally_large(plan: Plan) -> None:
    trials, _ = plan("folds = 5", subjects=12)
    sizes = [len(splits(trial)["test"]) for trial in trials[::2]]
    assert sorted(sizes) == [2, 2, 2, 3, 3]
    assert set().union(*(splits(trial)["test"] for trial in trials)) == {f"s{i}" for i in range(12)}


def test_nothing_changes_where_no_fold_is_asked_for(plan: Plan) -> None:
    trials, _ = plan()
    (first, second) = trials
    assert "fold" not in first.row
    assert not {"draws", "folds"} & {*first.identity["protocol"]}
    assert first.identity["family"]["fields"]["test"] == []
    assert second.seed == 1


@pytest.mark.parametrize(
    ("keys", "subjects", "said"),
    [
        ("", 12, "12 groups (subject): 3 are test groups, too few for a verdict; folds = "
         '"leave-one-group-out" would test on all 12, and draws = 20 would'),
        ("", 4, "4 groups (subject): 1 is a test group, too few"),
        ('folds = "leave-one-group-out"', 12, None),
        ("", 40, None),
    ],
)  # fmt: skip
def test_few_test_groups_are_said_with_what_would_help(
    plan: Plan, keys: str, subjects: int, said: str | None
) -> None:
    _, notes = plan(keys, subjects=subjects)
    found = [note for note in notes if "verdict" in note]
    assert len(found) == (said is not None)
    assert said is None or said in found[0]


def test_what_cannot_be_folded_is_named(plan: Plan) -> None:
    with pytest.raises(DataError, match=r"column 'subject' holds 3, too few for 5 folds"):
        plan("folds = 5", subjects=3)
    with pytest.raises(DataError, match=r"no group is left for the train split"):
        plan('folds = "leave-one-group-out"', subjects=2)
    with pytest.raises(MatrixError, match=r"key 'folds': family 'sinusoid' has no groups"):
        plan("folds = 5", family='name = "sinusoid"')
    with pytest.raises(DataError, match=r"leave out train, validation and test"):
        plan("folds = 5", family=TABLE + 'test = ["s1"]\n')
    with pytest.raises(MatrixError, match="folds"):
        plan('folds = "all"')
    with pytest.raises(MatrixError, match="draws"):
        plan("draws = 0")


def test_folds_and_draws_are_stored(plan: Plan, registry: Registry, tmp_path: Path) -> None:
    trials, _ = plan("folds = 3\ndraws = 4", learners=["mean", "guess"])
    matrix = load_matrix(str(tmp_path / "tiny.toml"))
    folder = ResultsFolder(tmp_path / "results")
    with folder.open(describe(matrix, trials)):
        for trial in trials:
            if trial.seed == 0:
                place = folder.begin(trial.id)
                run_trial(trial, registry, place)
                folder.commit(place, trial.id)
    results = consolidate(folder.directory)
    assert results.tasks["task"].is_unique
    assert sorted(results.tasks["name"]) == sorted(f"s{i}" for i in range(12))
    known = results.tasks.set_index("task")["group"]
    scores = results.scores
    assert (scores["group"].astype(str) == scores["task"].map(known)).all()
    assert set(scores["draw"]) == set(range(4))
    assert len(scores) == 2 * 12 * 4 * 2 * 7  # learners, subjects, draws, steps, metrics
    done = results.trials[results.trials["status"] == "done"]
    assert sorted(done["fold"]) == [0, 0, 1, 1, 2, 2]
    means = over_draws(scores)
    assert len(means) == len(scores) // 4
    (one,) = means.query("learner == 'mean' and task == 0 and steps == 1 and metric == 'mse'").value
    assert one == pytest.approx(
        scores.query("learner == 'mean' and task == 0 and steps == 1 and metric == 'mse'")[
            "value"
        ].mean()
    )
    assert results.diagnostics["task"].nunique() == 12
    pd.testing.assert_frame_equal(load_results(folder.directory).scores, scores)


FAMILIES: list[Any] = [Sinusoid(), Sinusoid(grid=50, noise=0.1), Digits(rotations="none")]


@pytest.mark.parametrize("family", FAMILIES)
def test_the_points_of_a_task_are_drawn_several_times(family: Any) -> None:
    batch = family.sample(5, "test", generator_of("draws"), shots=2, queries=6, draws=3)
    assert len(batch) == 15
    for values in batch.support.privileged.values():
        assert torch.equal(values, values[:5].repeat(3, 1))
    assert batch.names == batch.names[:5] * 3
    x = batch.support.x.unflatten(0, (3, 5))
    assert not torch.equal(x[0], x[1])
    assert not torch.equal(x[1], x[2])


def test_draws_of_a_table_are_of_the_same_tasks(plan: Plan) -> None:
    trials, _ = plan()
    family = make_family(trials[0].family, Registry([]))
    protocol = FewShot(kind="few_shot", shots=(2,), steps=(0,), queries=4, draws=20)
    batch = draw_test_tasks(family, "id", protocol, 2)
    assert len(batch) == 3 * 20
    assert batch.names == batch.names[:3] * 20
    rows = torch.cat([batch.support.x, batch.query.x], 1)
    every = rows[0].sort(0).values
    for task in range(60):
        assert torch.allclose(rows[task].sort(0).values, every)
    assert len({tuple(it.flatten().tolist()) for it in batch.support.x[::3]}) > 10


def test_a_family_that_draws_once_is_named(write_matrix: Callable[..., Path]) -> None:
    matrix = load_matrix(str(write_matrix("mean")))
    once = Resolved(Entry("toy", "once", {}), {}, Toy())
    (protocol,) = matrix.protocols
    demand_draws(matrix, once, protocol)
    several = protocol.model_copy(update={"draws": 2})
    with pytest.raises(MatrixError, match=r"key 'draws': family 'once' draws the points .* once"):
        demand_draws(matrix, once, several)


def test_the_mean_over_draws_has_diverged_where_one_has() -> None:
    scores = pd.DataFrame(
        {
            "task": [0, 1, 0, 1],
            "draw": np.array([0, 0, 1, 1], np.int32),
            "group": pd.Categorical(["a", "b", "a", "b"]),
            "value": [1.0, 2.0, 3.0, 4.0],
            "diverged": [False, False, True, False],
        }
    )
    means = over_draws(scores)
    assert means["value"].tolist() == [2.0, 3.0]
    assert means["diverged"].tolist() == [True, False]
    pd.testing.assert_series_equal(means.dtypes, scores.dtypes)
    first = scores[scores["draw"] == 0]
    assert over_draws(first) is first
