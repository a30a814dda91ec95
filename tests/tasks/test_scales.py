"""Logarithms of columns, and targets by their own task."""

import numpy as np
import pandas as pd
import pytest
import torch

from baselines.mean import Mean
from baselines.pace import Pace
from benchmarks.core import Budget, BudgetedSource, generator_of
from benchmarks.core.errors import DataError
from benchmarks.core.types import scales_of
from benchmarks.harness.evaluation.predictions import adapt_and_predict, adapted
from benchmarks.tasks.table import Table


def frame():
    """Twelve groups of eight rows, whose prices are of many sizes."""
    stream = np.random.default_rng(0)
    group = np.repeat(np.arange(12), 8)
    dose = 10.0 ** stream.uniform(-3, 3, len(group))
    price = 10.0 ** (stream.normal(size=12)[group] + np.log10(dose))
    return pd.DataFrame({"group": group, "dose": dose, "price": price, "kind": "ab" * 48})


@pytest.fixture
def table(tmp_path):
    def make(data=None, **fields):
        (frame() if data is None else data).to_csv(tmp_path / "d.csv", index=False)
        usual = {"task": ("group",), "x": ("dose",), "y": "price", "split_by": "group"}
        return Table(str(tmp_path / "d.csv"), **{**usual, **fields})

    return make


def own(family, n=50):
    """All points of training tasks: inputs and targets times scale plus offset."""
    batch = family.sample(n, "train", generator_of("t"), shots=3, queries=5)
    problem, points = family.problem, batch.points()
    x = points.x.double() * torch.tensor(problem.input_scale) + torch.tensor(problem.input_offset)
    scale, offset = (torch.tensor([it[i] for it in problem.columns]) for i in (1, 2))
    return x, points.y.double() * scale + offset


def test_a_logarithm_is_taken_of_the_columns_that_are_named(table):
    plain, logs = table(), table(log=("dose", "price"), unit="€")
    assert logs.problem.inputs == ("log10 dose",)
    assert (logs.problem.target, logs.problem.unit) == ("log10 price", "log10 €")
    assert logs.problem.own_targets == ["price"]
    assert plain.problem.logs == ()
    for before, after in zip(own(plain), own(logs), strict=True):
        torch.testing.assert_close(10**after, before, rtol=1e-3, atol=1e-3)


def test_of_several_targets_any_may_be_a_logarithm(table):
    data = frame().assign(other=-1.0 * np.arange(96))
    problem = table(data, y=("other", "price"), unit=("m", "€"), log=("price",)).problem
    assert problem.targets == ("other", "log10 price")
    assert problem.units == ("m", "log10 €")
    assert problem.own_targets == ["other", "price"]


@pytest.mark.parametrize("column", ["dose", "price"])
@pytest.mark.parametrize("cell", [0.0, -3.5])
def test_what_has_no_logarithm_is_one_sentence_with_column_and_row(table, column, cell):
    data = frame()
    data.loc[[6, 9], column] = cell
    with pytest.raises(DataError) as error:
        table(data, log=(column,)).problem  # noqa: B018
    said = str(error.value)
    assert said.count("\n") == 0
    assert f"d.csv: column '{column}' holds '{cell}' in row 7 and in 1 more rows" in said
    assert "expected numbers above 0" in said
    assert table(data).problem.logs == ()


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"log": ("dosis",)}, "log names 'dosis', not in x or y; did you mean 'dose'?"),
        ({"log": ("group",)}, "log names 'group', not in x or y"),
        (
            {"x": ("dose", "kind"), "categorical": ("kind",), "log": ("kind",)},
            "log names 'kind', which holds categories",
        ),
        ({"y": "kind", "ways": 2, "log": ("kind",)}, "log names 'kind', which holds categories"),
        ({"y": "kind", "ways": 2, "standardise": "task"}, "is for targets that are numbers"),
    ],
)
def test_keys_that_make_no_sense_are_refused(table, fields, said):
    with pytest.raises(DataError) as error:
        table(**fields).problem  # noqa: B018
    assert said in str(error.value)


def test_a_logarithm_and_a_column_of_its_name_are_refused(table):
    data = frame().assign(**{"log10 dose": 1.0 * np.arange(96)})
    with pytest.raises(DataError, match="'log10 dose' is another column"):
        table(data, x=("dose", "log10 dose"), log=("dose",)).problem  # noqa: B018


class Spy(Mean):
    """Remembers what it is shown, and says the mean of that."""

    def fit(self, source, generator):
        self.batch = source.sample(9, shots=3, queries=5)

    def adapt(self, support, steps):
        self.support = support
        return super().adapt(support, steps)


def test_by_task_learners_see_targets_by_their_support_points(table):
    family, learner = table(log=("price",), standardise="task"), Spy()
    learner.fit(BudgetedSource(family, Budget(tasks=9), generator_of("t")), generator_of("f"))
    seen = learner.batch
    given = family.sample(9, "train", generator_of("t"), shots=3, queries=5)
    torch.testing.assert_close(seen.support.y.mean(1), torch.zeros(9, 1), atol=1e-5, rtol=0)
    torch.testing.assert_close(seen.support.y.std(1, correction=0), torch.ones(9, 1))
    offset, scale = scales_of(given.support.y)
    torch.testing.assert_close(seen.query.y * scale + offset, given.query.y)
    assert torch.equal(seen.support.x, given.support.x)
    # at test likewise, and what it says is in the family's units again
    (answer,) = adapt_and_predict(learner, given, [0], family.problem)
    torch.testing.assert_close(learner.support.y, given.support.within().y)
    torch.testing.assert_close(answer.query, offset.double().expand_as(answer.query))


def test_nothing_of_the_query_points_reaches_a_learner(table):
    """Neither in training nor at test do scales change with the targets of query points."""
    family = table(standardise="task")
    batch = family.sample(5, "train", generator_of("t"), shots=3, queries=5)
    wild = type(batch.query)(batch.query.x, 1e3 * batch.query.y + 7, batch.query.mask)
    changed = type(batch)(batch.support, wild)
    assert torch.equal(batch.within().support.y, changed.within().support.y)
    offset, scale = scales_of(batch.support.y)
    torch.testing.assert_close(changed.within().query.y, (wild.y - offset) / scale)
    learner = Spy()
    one, two = (
        adapt_and_predict(learner, it, [0], family.problem)[0].query for it in (batch, changed)
    )
    assert torch.equal(one, two)


def test_one_point_and_equal_ones_keep_the_family_s_scale(table):
    y = torch.tensor([[[2.0], [2.0]], [[1.0], [3.0]]])
    offset, scale = scales_of(y)
    assert offset.flatten().tolist() == [2.0, 2.0]
    assert scale.flatten().tolist() == [1.0, 1.0]
    assert scales_of(y[:, :1])[1].flatten().tolist() == [1.0, 1.0]


def test_deviations_and_steps_are_scaled_back(table):
    family = table(log=("price", "dose"), standardise="task")
    source = BudgetedSource(family, Budget(tasks=50), generator_of("t"))
    learner = Pace(functions=2)
    learner.fit(source, generator_of("f"))
    batch = family.sample(5, "train", generator_of("t"), shots=3, queries=5)
    once, again = adapted(learner, batch.support, [0, 5], family.problem)
    assert once is again
    offset, scale = scales_of(batch.support.y)
    (raw,) = learner.adapt(batch.support.within(), [0])
    x = batch.query.x
    torch.testing.assert_close(once(x), raw(x) * scale + offset)
    torch.testing.assert_close(once.std(x), raw.std(x) * scale)
