"""Output layers as a mixture of priors: who answers, what it weighs, and that it is kept."""

from typing import Any

import pytest
import torch

from benchmarks.core import Budget, BudgetedSource, Support, generator_of
from benchmarks.core.errors import BudgetSpent, MatrixError
from benchmarks.tasks.mixture import Mixture
from reml.candidates import compose
from reml.inner.head import evidence
from reml.inner.network import adapt, believed, run, standard_targets
from reml.learner import REML
from reml.mixing import shared_out

SMALL: dict[str, Any] = {
    "width": 8,
    "pool": (2, 3, 4),
    "depth": 4,
    "policy_width": 8,
    "batch_tasks": 8,
    "mixing": 0.25,
    "candidates": 3,
}
FAMILY = Mixture(components=("line", "sinusoid"))


def _fitted(**fields: Any) -> REML:
    learner = REML(**{**SMALL, **fields})
    source = BudgetedSource(FAMILY, Budget(tasks=160), generator_of("train"))
    learner.fit(source, generator_of("learner"))
    assert source.tasks == 160
    return learner


def _support(tasks: int = 6) -> Support:
    return FAMILY.sample(tasks, "test", generator_of("t"), shots=4, queries=1).support


@pytest.fixture(scope="module")
def learner() -> REML:
    return _fitted()


@pytest.fixture(scope="module")
def plain() -> REML:
    return _fitted(mixing=0.0)


def test_all_output_layers_answer_as_their_share_and_evidence_say(learner: REML) -> None:
    support, pool = _support(), learner.pool_
    share, owner, last = pool.beliefs.log_share, pool.beliefs.owner, pool.menu.last
    assert share is not None
    assert owner is not None
    for body in owner.unique(dim=0):
        own = share[(owner == body).all(1)]
        assert float(own.exp().sum()) == pytest.approx(1, abs=1e-5)
    how = learner.composer_(), support, 3, 1.0
    mixed = compose(pool, *how, "mean")
    pool.beliefs.log_share = None
    single = compose(pool, *how, "mean").compositions
    pool.beliefs.log_share = share
    x = torch.linspace(-4, 4, 7).view(1, 7, 1)
    (predict,) = learner.adapt(support, [1])
    got = predict(x.expand(6, -1, -1))
    for task in range(6):
        bodies = single[task].clone()
        bodies[:, last] = 0
        if not (bodies.unsqueeze(1) == owner).all(2).any():
            bodies = owner[:1].repeat(3, 1)
        body, head = (bodies.unsqueeze(1) == owner).all(2).nonzero(as_tuple=True)
        every = bodies[body]
        every[:, last] = head
        alone = support.rows(torch.full((len(every),), task))
        network = pool.gather(every)
        mean, psi = believed(network, alone.x)
        assert network.prior is not None
        nats = evidence(psi, standard_targets(network, alone.y) - mean, network.prior.noise)
        weight = torch.softmax(nats + share[head], 0).float()
        after = adapt(network, alone.x, alone.y, max_norm=1.0, differentiable=False)
        expected = (weight.view(-1, 1, 1) * run(after, x.expand(len(every), -1, -1))).sum(0)
        torch.testing.assert_close(got[task], expected, rtol=1e-2, atol=1e-2)
        heaviest = mixed.compositions[task, 0]
        total = weight[(every == heaviest).all(1)].sum()
        torch.testing.assert_close(mixed.weight[task, 0], total, rtol=1e-2, atol=1e-2)
        kept = mixed.compositions[task].unique(dim=0)
        assert len(kept) <= 4


def test_its_state_is_all_it_needs(learner: REML, plain: REML) -> None:
    other = REML(**SMALL)
    other.load_state(learner.state())
    support, x = _support(), torch.linspace(-4, 4, 9).view(1, 9, 1).expand(6, -1, -1)
    first, second = (next(iter(it.adapt(support, [1])))(x) for it in (learner, other))
    assert torch.equal(first, second)
    other.load_state(plain.state())
    assert other.pool_.beliefs.log_share is None


def test_one_network_for_all_has_all_output_layers() -> None:
    learner = _fitted(composer="fixed", episodes=1)
    owner = learner.pool_.beliefs.owner
    assert owner is not None
    assert owner.tolist() == [[0, 0, 0, 1]] * 4
    composed = learner._compose(_support(40))
    assert composed.weight.shape == (40, 4)
    assert len(composed.compositions[:, 0].unique(dim=0)) > 1
    assert learner.idle(FAMILY.problem) >= {"candidates", "search"}
    assert "combine" not in learner.idle(FAMILY.problem)


def test_an_earlier_mixture_says_nothing_of_the_next() -> None:
    learner = _fitted()
    source = BudgetedSource(FAMILY, Budget(tasks=20), generator_of("more"))
    learner.partial_fit(source, generator_of("learner"))
    beliefs = learner.pool_.beliefs
    assert beliefs.log_share is None  # of so few tasks there is none
    assert beliefs.owner is None


def test_a_budget_of_seconds_may_end_among_the_last_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the question whether anything is left and the draw, it may have run out."""
    draws = iter(range(30))
    sample = BudgetedSource.sample

    def drawn(source: BudgetedSource, *args: Any, **sizes: Any) -> Any:
        if next(draws) == 20:
            raise BudgetSpent("the budget of 1 s is spent")
        return sample(source, *args, **sizes)

    monkeypatch.setattr(BudgetedSource, "sample", drawn)
    learner = REML(**{**SMALL, "mixing": 0.5})
    source = BudgetedSource(FAMILY, Budget(tasks=240), generator_of("train"))
    learner.fit(source, generator_of("learner"))
    assert source.tasks == 20 * 8
    assert learner.pool_.beliefs.log_share is not None


def test_only_classes_have_prototypes(learner: REML) -> None:
    assert learner.head == "ridge"
    one, other = learner, _fitted(head="prototypes")
    x = torch.linspace(-4, 4, 9).view(1, 9, 1).expand(6, -1, -1)
    first, second = (next(iter(it.adapt(_support(), [1]))) for it in (one, other))
    assert torch.equal(first(x), second(x))


@pytest.mark.parametrize(
    ("tasks", "heads", "given"),
    [
        ([70, 30], 10, [7, 3]),
        ([70, 30, 19], 4, [3, 1, 0]),
        ([25, 400, 30], 2, [0, 1, 1]),
        ([3, 4], 5, [0, 0]),
    ],
)
def test_networks_share_the_output_layers(tasks: list[int], heads: int, given: list[int]) -> None:
    assert shared_out(tasks, heads) == given


def test_a_mixture_says_more_of_new_tasks_than_gradients_left(learner: REML, plain: REML) -> None:
    """After so few tasks gradients have hardly moved what output layers believe."""
    batch = FAMILY.sample(100, "test", generator_of("new"), shots=5, queries=20)
    losses = []
    for it in (plain, learner):
        (predict,) = it.adapt(batch.support, [1])
        losses.append(float((predict(batch.query.x) - batch.query.y).square().mean()))
    assert losses[1] < 0.8 * losses[0]


@pytest.mark.parametrize(
    ("fields", "what"),
    [
        ({"adaptation": "gradient"}, "adaptation = 'solve'"),
        ({"adaptation": ("gradient", "solve"), "loss": "nmse"}, "adaptation = 'solve'"),
        ({"search": "anneal"}, "search = 'sample'"),
        ({"direct": True}, "direct = false"),
        ({"composer": "random"}, "composer = 'policy' or 'fixed'"),
    ],
)
def test_what_has_no_mixture_is_refused(fields: dict[str, Any], what: str) -> None:
    with pytest.raises(ValueError, match=f"expected {what} with mixing > 0"):
        REML(mixing=0.1, **fields)


def test_statistics_of_a_batch_have_no_mixture() -> None:
    with pytest.raises(MatrixError, match="expected batch_norm = 'off' with mixing > 0"):
        _fitted(loss="nmse", batch_norm="support")
