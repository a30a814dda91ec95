"""Support points of which some are wrong, and what that does to scores."""

import pytest
import torch

from benchmarks.core import TaskBatch, generator_of
from benchmarks.protocols.outliers import Outliers
from benchmarks.testing import Toy, ToyClasses
from benchmarks.testing.protocols import KINDS, Made, StandIn


def outliers(**keys: float) -> Outliers:
    return Outliers(kind="outliers", shots=(5,), steps=(0, 1), **keys)


def drawn(shots: int, family: Toy | ToyClasses) -> TaskBatch:
    return family.sample(50, "test", generator_of("tasks"), shots=shots, queries=10)


@pytest.mark.parametrize(("share", "wrong"), [(0.2, 2), (0.01, 1), (0.5, 5), (1.0, 10)])
def test_so_many_targets_are_so_far_off(share: float, wrong: int) -> None:
    batch = drawn(10, Toy())
    spoilt = outliers(share=share, size=4.0).spoil(batch, Toy().problem, generator_of("chance"))
    off = spoilt.support.y - batch.support.y
    assert (off != 0).any(2).sum(1).tolist() == [wrong] * 50
    spread = batch.points().y.std(1, correction=0, keepdim=True).expand_as(off)
    torch.testing.assert_close(off.abs()[off != 0], 4.0 * spread[off != 0])
    assert bool((off > 0).any())
    assert bool((off < 0).any())
    assert torch.equal(spoilt.support.x, batch.support.x)


@pytest.mark.parametrize("shots", [1, 2, 5])
@pytest.mark.parametrize("share", [0.1, 0.3, 0.7, 1.0])
def test_wrong_points_of_classes_exchange_their_labels(shots: int, share: float) -> None:
    family = ToyClasses()
    batch, ways = drawn(shots, family), family.problem.outputs
    spoilt = outliers(share=share).spoil(batch, family.problem, generator_of("chance"))
    wrong = (spoilt.support.y != batch.support.y).any(2).sum(1)
    asked = max(2, round(share * shots * ways))
    assert set(wrong.tolist()) <= {asked, asked + 1}
    assert torch.equal(spoilt.support.y.sum(1), batch.support.y.sum(1))
    assert bool((spoilt.support.y.sum(2) == 1).all())


def test_other_tasks_have_other_points_wrong() -> None:
    batch = drawn(10, Toy())
    spoilt = outliers().spoil(batch, Toy().problem, generator_of("chance"))
    which = (spoilt.support.y != batch.support.y).any(2)
    assert len({tuple(row.tolist()) for row in which}) > 20


@pytest.mark.parametrize(("kind", "harm"), [("regression", 1.0), ("classification", 0.9)])
def test_harm_by_hand(kind: str, harm: float) -> None:
    clean, spoilt = torch.tensor([[0.1], [0.1]]), torch.tensor([[0.1], [1.0]])
    trial = StandIn(outliers(), KINDS[kind], [Made({5: clean}), Made({5: spoilt})])
    outcome = trial.protocol.run(trial)
    found = {it.metric: it.values for it in outcome.gains}
    assert torch.equal(outcome.scores.levels(5), spoilt)
    assert torch.equal(found["clean"], clean)
    assert found["harm"].flatten().tolist() == pytest.approx([0.0, harm], abs=1e-6)
    assert len(trial.changes) == 1
