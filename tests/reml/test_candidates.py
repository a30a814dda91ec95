"""Several networks for a task: which of them answer, what they weigh, and that they are kept."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from benchmarks.core import Budget, BudgetedSource, Support, Uncertain, generator_of
from benchmarks.tasks.sinusoid import Sinusoid
from benchmarks.testing.toy import ToyClasses
from reml import learner as module
from reml.candidates import compose
from reml.inner import predictors as at_test
from reml.inner.head import evidence
from reml.inner.network import believed, standard_targets
from reml.learner import REML

SMALL: dict[str, Any] = {
    "width": 10,
    "pool": (3, 4, 3),
    "policy_width": 8,
    "batch_tasks": 8,
    "depth": 4,
    "marginal_entropy": 0.0,
}


def _fitted(tasks: int = 160, family: Any = None, **fields: Any) -> REML:
    learner = REML(**{**SMALL, **fields})
    source = BudgetedSource(family or Sinusoid(), Budget(tasks=tasks), generator_of("train"))
    learner.fit(source, generator_of("learner"))
    return learner


def _support(tasks: int = 6, family: Any = None) -> Support:
    family = family or Sinusoid()
    return family.sample(tasks, "test", generator_of("t"), shots=4, queries=1).support


@pytest.fixture(scope="module")
def learner() -> REML:
    return _fitted(candidates=5, combine="mean")


def _composed(learner: REML, support: Support) -> Any:
    pool, composer = learner.pool_, learner.composer_()
    return compose(pool, composer, support, 5, learner.max_inner_norm, "mean")


def test_weights_are_the_evidence_of_the_support_set(learner: REML) -> None:
    support = _support()
    composed = _composed(learner, support)
    torch.testing.assert_close(composed.weight.sum(1), torch.ones(6))
    assert (composed.weight[:, 1:] <= composed.weight[:, :-1]).all()
    for task in range(6):
        repeated = support.rows(torch.full((5,), task))
        network = learner.pool_.gather(composed.compositions[task])
        mean, psi = believed(network, repeated.x)
        assert network.prior is not None
        residual = standard_targets(network, repeated.y) - mean
        nats = evidence(psi, residual, network.prior.noise)
        expected = torch.softmax(nats, 0).float()
        torch.testing.assert_close(composed.weight[task], expected, rtol=1e-3, atol=1e-6)


def test_the_best_is_the_heaviest_of_the_mean(learner: REML) -> None:
    support = _support()
    pool, composer, norm = learner.pool_, learner.composer_(), learner.max_inner_norm
    best = compose(pool, composer, support, 5, norm, "best")
    assert torch.equal(best.compositions[:, 0], _composed(learner, support).compositions[:, 0])
    assert torch.equal(best.weight, torch.ones(6, 1))


def test_mean_and_variance_are_those_of_the_mixture(learner: REML) -> None:
    support, x = _support(), torch.linspace(-4, 4, 9).view(1, 9, 1).expand(6, -1, -1)
    composed = _composed(learner, support)
    (mixed,) = learner.adapt(support, [1])
    assert isinstance(mixed, Uncertain)
    means, variances = [], []
    for kept in range(5):
        one = composed._replace(
            compositions=composed.compositions[:, kept : kept + 1], weight=torch.ones(6, 1)
        )
        norm = learner.max_inner_norm
        (single,) = module.predictors(learner.pool_, *one[:2], support, [1], norm)
        assert isinstance(single, Uncertain)
        means.append(single(x))
        variances.append(single.std(x) ** 2)
    share = composed.weight.T[:, :, None, None]
    mean = (share * torch.stack(means)).sum(0)
    second = (share * (torch.stack(variances) + torch.stack(means) ** 2)).sum(0)
    torch.testing.assert_close(mixed(x), mean, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(mixed.std(x) ** 2, second - mean**2, rtol=1e-2, atol=1e-4)


def test_probabilities_of_classes_are_averaged() -> None:
    family = ToyClasses(image=None)
    learner = _fitted(64, family, candidates=3, combine="mean", direct=True)
    batch = family.sample(5, "test", generator_of("t"), shots=1, queries=6)
    (predict,) = learner.adapt(batch.support, [1])
    torch.testing.assert_close(predict(batch.query.x).exp().sum(2), torch.ones(5, 6))


def _counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    counts: list[int] = []

    def counting(pool: Any, composer: Any, support: Support, *how: Any) -> Any:
        counts.append(len(support))
        return compose(pool, composer, support, *how)

    monkeypatch.setattr(module, "compose", counting)
    return counts


def test_nothing_is_composed_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    learner, support = _fitted(), _support(7)
    counts = _counted(monkeypatch)
    list(learner.adapt(support, [0, 1]))
    learner.diagnose(support)
    learner.explain(support.rows(slice(2, 5)))
    copied = Support(support.x.clone(), support.y.clone())
    learner.diagnose(copied)
    assert counts == [7]
    other = Support(support.x, support.y + torch.arange(7).view(7, 1, 1).eq(3))
    learner.diagnose(other)
    assert counts == [7, 1]


def _change_weights(learner: REML) -> None:
    with torch.no_grad():
        next(iter(learner.policy_.parameters())).add_(1)  # type: ignore[union-attr]


def _change_field(learner: REML) -> None:
    learner.candidates = 3


def _train_on(learner: REML) -> None:
    source = BudgetedSource(Sinusoid(), Budget(tasks=8), generator_of("more"))
    learner.partial_fit(source, generator_of("more"))


@pytest.mark.parametrize("change", [_change_weights, _change_field, _train_on])
def test_what_was_composed_by_another_learner_is_forgotten(
    change: Callable[[REML], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    learner, support = _fitted(), _support(3)
    counts = _counted(monkeypatch)
    learner.diagnose(support)
    change(learner)
    learner.diagnose(support)
    assert counts == [3, 3]


def test_annealing_suits_no_worse_than_where_it_begins() -> None:
    learner, support = _fitted(), _support(8)
    pool, composer, norm = learner.pool_, learner.composer_(), learner.max_inner_norm

    def suits(candidates: int) -> torch.Tensor:
        found = compose(pool, composer, support, candidates, norm, "best", "anneal")
        network = pool.gather(found.compositions[:, 0])
        mean, psi = believed(network, support.x)
        assert network.prior is not None
        residual = standard_targets(network, support.y) - mean
        return evidence(psi, residual, network.prior.noise)

    one, many = suits(1), suits(40)
    assert (many >= one - 1e-6).all()
    assert many.mean() > one.mean()


def test_one_predictor_stands_for_all_steps_after_the_exact_one(learner: REML) -> None:
    before, first, *more = learner.adapt(_support(), [0, 1, 5, 10])
    assert before is not first
    assert all(it is first for it in more)
    stepping = _fitted(adaptation="gradient", candidates=1)
    assert len({id(it) for it in [*stepping.adapt(_support(), [0, 1, 2])]}) == 3


def test_how_many_networks_run_at_once_changes_nothing(
    learner: REML, monkeypatch: pytest.MonkeyPatch
) -> None:
    support, x = _support(), _support(6).x

    def told() -> list[torch.Tensor]:
        (predictor,) = learner.adapt(support, [1])
        assert isinstance(predictor, Uncertain)
        return [predictor(x), predictor.std(x)]

    together = told()
    monkeypatch.setattr(at_test, "AT_ONCE", 3)
    for one, other in zip(together, told(), strict=True):
        assert torch.equal(one, other)
