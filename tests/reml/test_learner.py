"""REML as a whole, at a size that trains in seconds."""

import pytest
import torch

from benchmarks.core import Budget, BudgetedSource, generator_of, task_mse
from benchmarks.tasks.sinusoid import Sinusoid
from reml.inner import run
from reml.learner import REML

SMALL = {"width": 16, "pool": (3, 4, 3), "policy_width": 16, "batch_tasks": 32, "depth": 4}


def _fitted(tasks: int = 1600, **fields: object) -> tuple[REML, BudgetedSource]:
    learner = REML(**{**SMALL, **fields})
    source = BudgetedSource(Sinusoid(), Budget(tasks=tasks), generator_of("train"))
    learner.fit(source, generator_of("learner"))
    return learner, source


def test_presets_are_the_controls() -> None:
    assert REML.presets["reml-random"] == {"composer": "random"}
    assert REML.presets["reml-fixed"] == {"composer": "fixed"}
    for composer in ("random", "fixed"):
        learner, _ = _fitted(composer=composer)
        assert "policy" not in learner.state()


def test_fixed_uses_one_composition_and_random_many() -> None:
    support = Sinusoid().sample(100, "test", generator_of("t"), shots=5, queries=1).support
    fixed, _ = _fitted(64, composer="fixed")
    assert len(fixed.compose(support).unique(dim=0)) == 1
    random, _ = _fitted(64, composer="random")
    assert len(random.compose(support).unique(dim=0)) > 40


def test_candidates_keep_the_lowest_support_loss() -> None:
    learner, _ = _fitted()
    support = Sinusoid().sample(40, "test", generator_of("t"), shots=5, queries=1).support

    def support_loss(candidates: int) -> torch.Tensor:
        learner.candidates = candidates
        network = learner.pool_.gather(learner.compose(support))
        return task_mse(run(network, support.x), support.y)

    one, many = support_loss(1), support_loss(8)
    assert (many <= one + 1e-6).all()
    assert many.mean() < one.mean()


def test_spending_is_counted() -> None:
    _, source = _fitted(1600, warm=0.5, train_steps=2)
    assert source.tasks == 1600
    assert source.counts["environment_steps"] == 1600 * 4
    assert source.counts["outer_gradients"] == 1600
    assert source.counts["inner_gradients"] == 800 * 2


def test_rates_are_learned_only_through_adaptation() -> None:
    """With no adaptation in the loop there is nothing to learn a rate from."""
    warm, _ = _fitted(warm=1.0)
    assert warm.pool_.hidden.log_rate.unique().numel() == 1
    adapted, _ = _fitted(warm=0.0)
    assert adapted.pool_.hidden.log_rate.unique().numel() > 1


def test_learning_rate_falls_to_zero() -> None:
    learner = REML(decay_from=0.5)
    assert [learner._falling(p) for p in (0.0, 0.5, 0.75, 1.0)] == [1.0, 1.0, 0.5, 0.0]
    assert REML(decay_from=1.0)._falling(1.0) == 1.0


@pytest.mark.parametrize(("composer", "share"), [("policy", 0.8), ("random", 0.95), ("fixed", 0.8)])
def test_training_beats_the_untrained_pool(composer: str, share: float) -> None:
    """A random composer leaves little to learn from; the others at least a fifth, this early."""
    batch = Sinusoid().sample(200, "validation", generator_of("v"), shots=10, queries=50)

    def error(tasks: int) -> float:
        learner, _ = _fitted(tasks, composer=composer)
        (predict,) = learner.adapt(batch.support, [5])
        return float(task_mse(predict(batch.query.x), batch.query.y).mean())

    assert error(16_000) < share * error(32)
