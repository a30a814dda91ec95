import dataclasses
import math

import pytest
import torch

from benchmarks.core import Budget, BudgetedSource, generator_of
from benchmarks.core.errors import BudgetSpent, ContractError, Diverged
from benchmarks.tasks.sinusoid import Sinusoid
from benchmarks.testing import Toy


def source(tasks=None, seconds=None, family=None, **options):
    budget = Budget(tasks=tasks, seconds=seconds)
    return BudgetedSource(family or Sinusoid(), budget, generator_of("tasks"), **options)


@pytest.mark.parametrize("limits", [{}, {"tasks": 3, "seconds": 1.0}])
def test_a_budget_is_tasks_or_seconds(limits):
    with pytest.raises(ValueError, match="either tasks or seconds"):
        Budget(**limits)


def test_the_last_batch_is_cut_to_the_budget():
    s = source(tasks=60)
    sizes = []
    while not s.exhausted:
        sizes.append(len(s.sample(25, shots=5, queries=10)))
    assert sizes == [25, 25, 10]
    assert s.tasks == 60
    assert s.points == 60 * 15
    with pytest.raises(BudgetSpent):
        s.sample(1, shots=5, queries=10)


def test_masked_query_points_are_not_paid_for():
    s = source(tasks=40, family=Toy(ragged=True))
    batch = s.sample(40, shots=3, queries=8)
    assert not batch.query.mask.all()
    assert s.points == 40 * 3 + int(batch.query.mask.sum())


def test_progress_is_the_fraction_spent():
    s = source(tasks=100)
    assert s.progress == 0.0
    s.sample(25, shots=1, queries=1)
    assert s.progress == 0.25


def test_an_empty_budget_gives_nothing():
    assert source(tasks=0).exhausted
    assert source(seconds=0.0).exhausted


def test_seconds_run_out(monkeypatch):
    now = [100.0]
    monkeypatch.setattr("time.perf_counter", lambda: now[0])
    s = source(seconds=10)
    now[0] += 4
    assert s.progress == pytest.approx(0.4)
    assert len(s.sample(25, shots=1, queries=1)) == 25
    now[0] += 6
    with pytest.raises(BudgetSpent):
        s.sample(25, shots=1, queries=1)


def test_privileged_fields_are_removed_unless_declared():
    assert not source(tasks=9).sample(2, shots=1, queries=1).support.privileged
    shown = source(tasks=9, needs=frozenset({"phase"})).sample(2, shots=1, queries=1)
    assert set(shown.support.privileged) == {"phase"}


def test_the_same_stream_gives_the_same_tasks():
    one, two = (source(tasks=9).sample(4, shots=2, queries=3) for _ in range(2))
    assert torch.equal(one.query.y, two.query.y)


def test_train_shots_shrink_to_the_largest_task():
    @dataclasses.dataclass(frozen=True)
    class UpToSix(Toy):
        def size(self, split, shots):
            return 12 if shots < 6 else 0

    s = source(tasks=9, family=UpToSix())
    assert s.train_shots(10) == 5
    assert s.train_shots(3) == 3
    assert source(tasks=9).train_shots(10) == 10


def test_learners_that_are_not_told_train_with_the_shots_of_the_test():
    of_test = BudgetedSource(Toy(), Budget(tasks=9), generator_of("t"), shots=(3, 8))
    assert of_test.shot_range(None) == (3, 8)
    assert of_test.shot_range(4) == (4, 4)
    assert of_test.shot_range((1, 20)) == (1, 20)


def test_a_few_large_tasks_do_not_become_the_whole_of_training():
    @dataclasses.dataclass(frozen=True)
    class OneLarge(Toy):
        def size(self, split, shots):
            return 25 if shots < 8 else 1

    assert source(tasks=9, family=OneLarge()).train_shots(10) == 7


def test_the_last_stretch_of_training_is_in_the_history(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("time.perf_counter", lambda: now[0])
    s = BudgetedSource(Toy(), Budget(seconds=10), generator_of("seconds"))
    for loss in (1.0, 2.0):
        now[0] += 6
        s.log(loss=loss)
    assert [row.value for row in s.history] == [1.0, 2.0]


def test_work_is_counted_by_name():
    s = source(tasks=9)
    s.count(inner_gradients=5, outer_gradients=1)
    s.count(inner_gradients=2)
    assert s.counts == {"inner_gradients": 7, "outer_gradients": 1, "environment_steps": 0}
    with pytest.raises(ContractError, match="unknown counter 'gradients'"):
        s.count(gradients=1)


def test_history_holds_the_mean_of_each_stretch():
    s = source(tasks=400)  # two tasks a stretch
    for value in (1.0, 3.0, torch.tensor(5.0, requires_grad=True), 9.0):
        s.sample(1, shots=1, queries=1)
        s.log(loss=value)
    assert [(row.tasks, row.metric, row.value) for row in s.history] == [
        (2, "loss", 2.0),
        (4, "loss", 7.0),
    ]


def test_history_stays_short():
    s = source(tasks=2000)
    while not s.exhausted:
        s.sample(5, shots=1, queries=1)
        s.log(loss=0.5)
    assert len(s.history) == 200


@pytest.mark.parametrize("value", [math.nan, math.inf, torch.tensor(math.nan)])
def test_a_loss_that_is_not_finite_has_diverged(value):
    s = source(tasks=200)
    s.sample(1, shots=1, queries=1)
    with pytest.raises(Diverged, match=r"loss became (nan|inf) after 1 training tasks"):
        s.log(loss=value)


def test_progress_is_reported():
    seen = []
    s = source(tasks=2, on_progress=lambda fraction, text: seen.append((fraction, text)))
    s.sample(1, shots=1, queries=1)
    s.log(loss=0.25)
    assert seen == [(0.5, "loss 0.25")]


def test_seconds_that_end_between_the_question_and_the_draw_end_after_it(monkeypatch):
    now = 0.0
    monkeypatch.setattr("time.perf_counter", lambda: now)
    s = source(seconds=10)
    assert not s.exhausted
    now = 11.0
    assert len(s.sample(3, shots=2, queries=2)) == 3
    with pytest.raises(BudgetSpent):
        s.sample(3, shots=2, queries=2)
    assert s.exhausted
