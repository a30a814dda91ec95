"""The exact last layer against textbook formulas and scikit-learn, in double precision."""

from typing import Any

import pytest
import torch
from sklearn.linear_model import Ridge
from torch import Tensor
from torch.distributions import MultivariateNormal

from baselines.nearest_centroid import NearestCentroid
from benchmarks.core import TaskBatch, generator_of
from benchmarks.testing.toy import Toy, ToyClasses
from reml.inner.head import evidence, likelihood, prototypes, solved, spread
from reml.inner.network import (
    ComposedNetwork,
    adapt,
    believed,
    run,
    standard_targets,
    surely,
)
from reml.inner.pool import LayerPool
from reml.inner.shape import Head
from reml.inner.task_view import view_of

TASKS, SHOTS, QUERIES = 4, 5, 7


def _moved(pool: LayerPool) -> LayerPool:
    """Everything off its start: prior means, deviations and covariances, noises."""
    generator = generator_of("moved")
    with torch.no_grad():
        for parameter in pool.parameters():
            parameter.add_(0.3 * torch.randn(parameter.shape, generator=generator))
    return pool


def _network(outputs: int = 2, **menus: Any) -> tuple[ComposedNetwork, TaskBatch]:
    family = Toy(features=3, outputs=outputs)
    batch = family.sample(TASKS, "train", generator_of("t"), shots=SHOTS, queries=QUERIES)
    pool = _moved(
        LayerPool(
            *(3, outputs, 6, (2, 3, 2), 4, 0.01, generator_of("pool")),
            activations=("tanh",),
            adaptation=("solve",),
            **menus,
        )
    )
    pool.standardise(batch)
    generator = generator_of("compositions")
    choice = [torch.randint(n, (TASKS,), generator=generator) for n in pool.choices]
    if pool.direct:
        choice[0] = torch.tensor([0, 2, 1, 2])  # there are but two input layers
    return pool.gather(torch.stack(choice, 1)).detach(), batch


def _by_hand(network: ComposedNetwork, batch: TaskBatch) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Prior means and covariances of all points of the tasks, targets and noise; standardised."""
    points = batch.points()
    mean, psi = believed(network, points.x)
    assert network.prior is not None
    psi = psi.double()
    return mean.double(), psi @ psi.mT, standard_targets(network, points.y), network.prior.noise


@pytest.mark.parametrize("direct", [False, True])
def test_posterior_is_that_of_bayesian_linear_regression(direct: bool) -> None:
    network, batch = _network(direct=direct)
    mean, covariance, y, noise = _by_hand(network, batch)
    after = adapt(network, batch.support.x, batch.support.y, max_norm=1.0, differentiable=False)
    got, std = surely(after, batch.query.x, batch.support.x)
    assert torch.equal(got, run(after, batch.query.x))
    units = network.units
    assert units is not None
    for task in range(TASKS):
        for output in range(2):
            prior = covariance[task] * noise[task, 0, output]
            own = prior[:SHOTS, :SHOTS] + noise[task, 0, output] * torch.eye(SHOTS)
            gain = prior[SHOTS:, :SHOTS] @ own.inverse()
            left = y[task, :SHOTS, output].double() - mean[task, :SHOTS, output]
            expected = mean[task, SHOTS:, output] + gain @ left
            variance = (prior[SHOTS:, SHOTS:] - gain @ prior[:SHOTS, SHOTS:]).diagonal()
            deviated = (variance + noise[task, 0, output]).sqrt()
            offset, scale = units.y_offset[output], units.y_scale[output]
            wanted = expected.float() * scale + offset
            torch.testing.assert_close(got[task, :, output], wanted, rtol=1e-4, atol=1e-5)
            torch.testing.assert_close(std[task, :, output], deviated.float() * scale)


def test_solving_is_ridge_regression_towards_the_prior_mean() -> None:
    generator = generator_of("ridge")
    psi = torch.randn(1, SHOTS, 6, generator=generator, dtype=torch.float64)
    y = torch.randn(1, SHOTS, 2, generator=generator, dtype=torch.float64)
    expected = Ridge(alpha=1.0, fit_intercept=False).fit(psi[0].numpy(), y[0].numpy())
    weight = solved(psi, y).weight[0]
    torch.testing.assert_close(weight.mT, torch.as_tensor(expected.coef_))
    many = torch.randn(1, 40, 6, generator=generator, dtype=torch.float64)
    posterior = solved(many, many[..., :1])
    at = torch.randn(1, 3, 6, generator=generator, dtype=torch.float64)
    covariance = (torch.eye(6, dtype=torch.float64) + many[0].mT @ many[0]).inverse()
    explained = 1 + (at[0] @ covariance @ at[0].mT).diagonal()
    torch.testing.assert_close(spread(posterior, at)[0, :, 0], explained)


def test_likelihoods_are_those_of_a_multivariate_normal() -> None:
    network, batch = _network()
    mean, covariance, y, noise = _by_hand(network, batch)
    points = batch.points()
    _, psi = believed(network, points.x)
    found = likelihood(psi, y - mean, noise, points.mask, SHOTS)
    alone = evidence(psi[:, :SHOTS], (y - mean)[:, :SHOTS], noise)
    for task in range(TASKS):
        joint = support = single = 0.0
        for output in range(2):
            full = (covariance[task] + torch.eye(SHOTS + QUERIES)) * noise[task, 0, output]
            target, centre = y[task, :, output].double(), mean[task, :, output]
            joint += float(MultivariateNormal(centre, full).log_prob(target))
            first = MultivariateNormal(centre[:SHOTS], full[:SHOTS, :SHOTS])
            support += float(first.log_prob(target[:SHOTS]))
            for point in range(SHOTS, SHOTS + QUERIES):
                of = [*range(SHOTS), point]
                both = MultivariateNormal(centre[of], full[of][:, of]).log_prob(target[of])
                single += float(both - first.log_prob(target[:SHOTS]))
        rest = (support - joint) / 2 / QUERIES
        assert float(found.conditional[task]) == pytest.approx(rest, rel=1e-4)
        assert float(found.joint[task]) == pytest.approx(-joint / 2 / (SHOTS + QUERIES), rel=1e-4)
        assert float(found.evidence[task]) == pytest.approx(-support, rel=1e-4)
        assert float(found.predictive[task]) == pytest.approx(-single / 2 / QUERIES, rel=1e-4)
    constant = found.evidence + alone
    torch.testing.assert_close(constant, constant[:1].expand(TASKS))


def test_points_that_are_not_real_add_nothing() -> None:
    network, batch = _network()
    mean, _, y, noise = _by_hand(network, batch)
    points = batch.points()
    _, psi = believed(network, points.x)
    real = points.mask.clone()
    real[0, -3:] = False
    wild = torch.where(real.unsqueeze(2), y - mean, 1e6)
    padded = likelihood(psi, wild, noise, real, SHOTS)
    short = likelihood(psi[:, :-3], (y - mean)[:, :-3], noise, real[:, :-3], SHOTS)
    for name in ("joint", "evidence", "predictive"):
        torch.testing.assert_close(getattr(padded, name)[0], getattr(short, name)[0])


def test_a_direct_head_reads_the_inputs_alone() -> None:
    network, batch = _network(direct=True)
    assert network.prior is not None
    assert network.prior.gate is not None
    inputs_only = network.prior.gate.flatten() == 0
    assert inputs_only.any()
    assert not inputs_only.all()
    blind = network._replace(weights=[torch.zeros_like(weight) for weight in network.weights])
    support = batch.support
    one, other = (
        run(adapt(it, support.x, support.y, max_norm=1.0, differentiable=False), batch.query.x)
        for it in (network, blind)
    )
    same = (one == other).flatten(1).all(1)
    assert torch.equal(same, inputs_only)


def test_more_steps_change_nothing() -> None:
    network, batch = _network()
    once = adapt(network, batch.support.x, batch.support.y, max_norm=1.0, differentiable=False)
    twice = adapt(once, batch.support.x, batch.support.y, max_norm=1.0, differentiable=False)
    assert torch.equal(run(once, batch.query.x), run(twice, batch.query.x))


def test_tasks_that_do_not_solve_take_gradient_steps() -> None:
    batch = Toy().sample(6, "train", generator_of("t"), shots=SHOTS, queries=QUERIES)
    menu: dict[str, Any] = {"adaptation": ("gradient", "solve")}
    pool = _moved(LayerPool(1, 1, 6, (2, 3, 2), 4, 0.05, generator_of("pool"), **menu))
    assert pool.decisions[0].name == "adaptation"
    composition = torch.tensor([[way, 0, 1, 2, 0] for way in (0, 1, 0, 1, 1, 0)])
    after = pool.gather(composition)
    for _ in range(2):
        after = adapt(after, batch.support.x, batch.support.y, max_norm=1.0, differentiable=False)
    for way, name in enumerate(("gradient", "solve")):
        rows = (composition[:, 0] == way).nonzero().flatten()
        network = pool.gather(composition[rows])._replace(solves=None)
        if name == "gradient":
            network = network._replace(prior=None)
        support = batch.support.rows(rows)
        for _ in range(2):
            network = adapt(network, support.x, support.y, max_norm=1.0, differentiable=False)
        expected = run(network, batch.query.x[rows])
        torch.testing.assert_close(run(after, batch.query.x)[rows], expected)


@pytest.mark.parametrize("head", ["ridge", "prototypes"])
def test_classes_are_solved_for_whatever_their_numbers(head: Head) -> None:
    family = ToyClasses(image=None)
    batch = family.sample(TASKS, "train", generator_of("t"), shots=2, queries=6)
    problem = family.problem
    pool = _moved(
        LayerPool(
            *(problem.features, problem.outputs, 6, (2, 2, 2), 4, 0.01, generator_of("pool")),
            task_view=view_of(problem, 6),
            adaptation=("solve",),
            direct=True,
            head=head,
        )
    )
    network = pool.gather(torch.tensor([[first, 1, 0, 1] for first in (0, 1, 2, 2)]))
    x, y = batch.support.x, batch.support.y
    turned = torch.arange(problem.outputs).roll(1)
    one, other = (
        run(adapt(network, x, targets, max_norm=1.0, differentiable=False), batch.query.x)
        for targets in (y, y[..., turned])
    )
    torch.testing.assert_close(one[..., turned], other, rtol=1e-4, atol=1e-4)
    assert one.std() > 0


def test_prototypes_tell_squared_distances_from_class_means() -> None:
    generator = generator_of("clouds")
    far = 1e6 + torch.randn(1, 9, 3, generator=generator, dtype=torch.float64)
    classes = torch.eye(3)[torch.arange(9) % 3].unsqueeze(0)
    scores = prototypes(far, classes).answer(far).log_softmax(2)
    means = torch.stack([far[0, at::3].mean(0) for at in range(3)])
    expected = -torch.cdist(far[0], means).square()
    torch.testing.assert_close(scores[0], expected.log_softmax(1), rtol=1e-2, atol=1e-2)
    unseen = prototypes(far, torch.cat([classes, torch.zeros(1, 9, 1)], 2)).answer(far)
    torch.testing.assert_close(unseen[..., :3].log_softmax(2), scores)
    assert torch.isfinite(unseen).all()


def test_prototypes_of_the_inputs_are_nearest_centroids() -> None:
    family = ToyClasses()
    batch = family.sample(TASKS, "train", generator_of("t"), shots=2, queries=6)
    problem = family.problem
    pool = LayerPool(
        *(problem.features, problem.outputs, 6, (2, 2, 2), 4, 0.01, generator_of("pool")),
        task_view=view_of(problem, 6),
        adaptation=("solve",),
        direct=True,
        head="prototypes",
    )
    network = pool.gather(torch.tensor([[2, 1, 0, 1]] * TASKS)).detach()
    support = batch.support
    network = adapt(network, support.x, support.y, max_norm=1.0, differentiable=False)
    got = run(network, batch.query.x).log_softmax(2)
    nearest = next(iter(NearestCentroid().adapt(support, [1])))
    torch.testing.assert_close(got, nearest(batch.query.x).log_softmax(2), rtol=1e-3, atol=1e-3)
