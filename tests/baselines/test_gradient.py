"""What all gradient learners share: networks to choose from, batch norm, and their state."""

from typing import Any

import pytest
import torch

from baselines._gradient import GradientLearner
from baselines.anil import ANIL
from baselines.fine_tuning import FineTuning
from baselines.maml import MAML
from baselines.meta_sgd import MetaSGD
from baselines.reptile import Reptile
from baselines.scratch import Scratch
from benchmarks.core import Budget, BudgetedSource, Kind, TaskFamily, generator_of
from benchmarks.core.errors import MatrixError
from benchmarks.tasks.sinusoid import Sinusoid
from benchmarks.testing import check_learner
from benchmarks.testing.cases import Case
from benchmarks.testing.learners import masked_rows_do_not_count
from benchmarks.testing.toy import ToyClasses

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


class Pictures(MAML):
    """Of the conformance kit's families, those of pictures."""

    kinds = frozenset[Kind]({"classification"})


def test_a_cnn_keeps_the_laws() -> None:
    fields = {**SMALL, "meta_batch": 5, "batch_norm": "support"}
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
