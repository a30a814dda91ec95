"""What all gradient learners share: networks to choose from, batch norm, and their state."""

from dataclasses import dataclass
from typing import Any

import pytest
import torch

from baselines._gradient import GradientLearner
from baselines._steps import capped
from baselines.anil import ANIL
from baselines.fine_tuning import FineTuning
from baselines.maml import MAML
from baselines.meta_sgd import MetaSGD
from baselines.reptile import Reptile
from baselines.scratch import Scratch
from benchmarks.core import (
    Budget,
    BudgetedSource,
    Kind,
    Query,
    Support,
    TaskBatch,
    TaskFamily,
    generator_of,
    task_mse,
)
from benchmarks.core.errors import MatrixError
from benchmarks.tasks.sinusoid import Sinusoid
from benchmarks.testing import check_learner
from benchmarks.testing.cases import Case
from benchmarks.testing.learners import masked_rows_do_not_count
from benchmarks.testing.toy import ToyClasses
from reml import REML

LEARNERS = [MAML, ANIL, MetaSGD, FineTuning, Reptile, Scratch]
SMALL: dict[str, Any] = {"network": "cnn4", "filters": 4, "inner_lr": 0.1}
TASKS = ToyClasses(3, (1, 8, 8))


def _fit(learner: GradientLearner, family: TaskFamily = TASKS) -> None:
    learner.fit(BudgetedSource(family, Budget(tasks=50), generator_of("t")), generator_of("l"))


@pytest.mark.parametrize("learner", LEARNERS)
def test_normalised_by_the_support_points_every_prediction_stands_alone(
    learner: type[GradientLearner],
) -> None:
    fitted = learner(**SMALL, batch_norm="support")
    _fit(fitted)
    assert not fitted.transductive
    batch = TASKS.sample(4, "test", generator_of("test"), shots=2, queries=6)
    for predict in fitted.adapt(batch.support, [0, 2]):
        together = predict(batch.query.x)
        alone = torch.cat([predict(batch.query.x[:, i : i + 1]) for i in range(6)], 1)
        torch.testing.assert_close(alone, together, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("learner", LEARNERS)
def test_normalised_by_the_query_points_they_depend_on_each_other(
    learner: type[GradientLearner],
) -> None:
    fitted = learner(**SMALL, batch_norm="transductive")
    _fit(fitted)
    assert fitted.transductive
    batch = TASKS.sample(4, "test", generator_of("test"), shots=2, queries=6)
    (predict,) = fitted.adapt(batch.support, [2])
    assert not torch.allclose(predict(batch.query.x)[:, :3], predict(batch.query.x[:, :3]))


@pytest.mark.parametrize("kind", ["regression", "classification"])
@pytest.mark.parametrize("batch_norm", ["transductive", "support"])
@pytest.mark.parametrize("learner", LEARNERS)
def test_padding_has_no_part_in_the_statistics(
    learner: type[GradientLearner], batch_norm: Any, kind: Kind
) -> None:
    masked_rows_do_not_count(Case(lambda: learner(hidden=(6,), batch_norm=batch_norm), kind))


@dataclass(frozen=True)
class Explosive(Sinusoid):
    """Curves of amplitudes that differ by factors of thousands, as columns of real tables may."""

    def sample(self, *args: Any, **sizes: Any) -> TaskBatch:
        batch = super().sample(*args, **sizes)
        support, query = batch.support, batch.query
        grown = (support.y.abs().amax(1, keepdim=True) * 2).exp() / 100
        return TaskBatch(
            Support(support.x, support.y * grown), Query(query.x, query.y * grown, query.mask)
        )


@pytest.mark.parametrize("learner", LEARNERS)
def test_none_diverges_at_its_defaults(learner: type[GradientLearner]) -> None:
    fitted = learner(**({} if learner is not Scratch else {"max_inner_norm": 30.0}))
    source = BudgetedSource(Explosive(), Budget(tasks=300), generator_of("t"))
    fitted.fit(source, generator_of("l"))
    batch = Explosive().sample(50, "test", generator_of("test"), shots=5, queries=20)
    *_, last = (p(batch.query.x) for p in fitted.adapt(batch.support, [0, 10]))
    constant = task_mse(torch.zeros_like(last), batch.query.y)
    assert task_mse(last, batch.query.y).sum() < 1.5 * constant.sum()


def test_caps_bind_each_task_alone() -> None:
    stream = generator_of("gradients")
    gradients = [torch.randn(3, 4, 5, generator=stream), torch.randn(3, 1, 5, generator=stream)]
    gradients = [
        gradient * torch.tensor([0.01, 1.0, 100.0]).view(3, 1, 1) for gradient in gradients
    ]
    less = capped(gradients, 2.0)
    norms = torch.cat([gradient.flatten(1) for gradient in less], 1).norm(dim=1)
    torch.testing.assert_close(norms[1:], torch.tensor([2.0, 2.0]))
    for before, after in zip(gradients, less, strict=True):
        assert torch.equal(before[0], after[0])


def test_the_recipe_is_common_to_all() -> None:
    shared = ("train_shots", "train_queries", "decay", "max_norm", "max_inner_norm")
    for field in shared:
        values = {getattr(it(), field) for it in LEARNERS[:5] if hasattr(it, field)}
        assert len(values) == 1, field
    assert {it().train_steps for it in (MAML, ANIL, MetaSGD)} == {2}
    assert MAML().train_queries == REML(adaptation="gradient").train_queries
    assert MAML().train_shots == REML().train_shots


@pytest.mark.parametrize("learner", LEARNERS[:5])
def test_shots_of_training_are_drawn_from_a_range(learner: type[GradientLearner]) -> None:
    asked = set()

    class Noted(Sinusoid):
        def sample(self, *args: Any, **sizes: Any) -> TaskBatch:
            asked.add(sizes["shots"])
            return super().sample(*args, **sizes)

    source = BudgetedSource(Noted(), Budget(tasks=500), generator_of("t"), shots=(3, 5))
    learner(hidden=(4,)).fit(source, generator_of("l"))
    assert asked == {3, 4, 5}
    with pytest.raises(ValueError, match=r"expected train_shots = \[fewest, most\], got \[5, 3\]"):
        learner(train_shots=(5, 3))


class Pictures(MAML):
    """Of the conformance kit's families, those of pictures."""

    kinds = frozenset[Kind]({"classification"})


def test_a_cnn_keeps_the_laws() -> None:
    fields = {**SMALL, "meta_batch": 12, "batch_norm": "support"}
    assert [c for c in check_learner(lambda: Pictures(**fields)) if not c.passed] == []


def test_a_cnn_wants_pictures() -> None:
    with pytest.raises(MatrixError, match=r"cnn4.*is for pictures.*1 plain number; use"):
        _fit(MAML(network="cnn4"), Sinusoid())


def test_a_state_from_before_there_was_classification_loads() -> None:
    fitted = MAML(hidden=(4,))
    _fit(fitted, Sinusoid())
    old = {k: v for k, v in fitted.state().items() if k in ("features", "outputs", "network")}
    again = MAML(hidden=(4,))
    again.load_state(old)
    support = Sinusoid().sample(2, "test", generator_of("test"), shots=3, queries=1).support
    (ours,), (theirs,) = (learner.adapt(support, [2]) for learner in (again, fitted))
    assert torch.equal(ours(support.x), theirs(support.x))
