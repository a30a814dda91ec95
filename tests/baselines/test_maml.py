"""Task-batched learn2learn is learn2learn: same meta-gradient, same adaptation."""

from typing import Literal

import pytest
import torch
from torch import Tensor, nn

from baselines._import_learn2learn import learn2learn
from baselines._learn2learn import task_batched_maml
from baselines._steps import expand, sgd_predictors
from baselines.maml import MAML
from benchmarks.core import (
    Budget,
    BudgetedSource,
    Query,
    Support,
    TaskBatch,
    generator_of,
    task_accuracy,
    task_mse,
)
from benchmarks.networks import cnn4, mlp
from benchmarks.speed.test_cnn import (
    IMAGE,
    as_ours,
    batched_meta_loss,
    in_torchs_layers,
    looped_meta_loss,
)
from benchmarks.tasks.sinusoid import Sinusoid
from benchmarks.testing.toy import ToyClasses


def _batch(tasks: int = 6, shots: int = 10) -> TaskBatch:
    return Sinusoid().sample(tasks, "train", generator_of("maml"), shots=shots, queries=10)


def _gradient(network: nn.Module, loss: Tensor) -> Tensor:
    return torch.cat([g.flatten() for g in torch.autograd.grad(loss, list(network.parameters()))])


@pytest.mark.parametrize("first_order", [False, True])
@pytest.mark.parametrize("steps", [1, 3])
def test_meta_gradient_equals_learn2learns_own_loop(first_order: bool, steps: int) -> None:
    network, batch = mlp(1, (40, 40), 1, generator_of("network")), _batch()

    batched = task_batched_maml(network, len(batch), 0.01, first_order)
    for _ in range(steps):
        batched.adapt(task_mse(batched(batch.support.x), batch.support.y).sum())
    batched_loss = task_mse(batched(batch.query.x), batch.query.y).mean()

    maml = learn2learn.algorithms.MAML(network, lr=0.01, first_order=first_order)
    mse = nn.MSELoss()
    looped_loss = torch.zeros(())
    for i in range(len(batch)):
        learner = maml.clone()
        for _ in range(steps):
            learner.adapt(mse(learner(batch.support.x[i]), batch.support.y[i]))
        looped_loss = looped_loss + mse(learner(batch.query.x[i]), batch.query.y[i]) / len(batch)

    ours, theirs = _gradient(network, batched_loss), _gradient(network, looped_loss)
    assert (ours - theirs).norm() <= 1e-5 * theirs.norm()


def test_first_order_drops_the_second_derivatives() -> None:
    network, batch = mlp(1, (40, 40), 1, generator_of("network")), _batch()
    gradients = []
    for first_order in (False, True):
        learner = task_batched_maml(network, len(batch), 0.01, first_order)
        learner.adapt(task_mse(learner(batch.support.x), batch.support.y).sum())
        loss = task_mse(learner(batch.query.x), batch.query.y).mean()
        gradients.append(_gradient(network, loss))
    assert (gradients[0] - gradients[1]).norm() > 0.01 * gradients[0].norm()


def test_a_mean_over_tasks_would_divide_the_step() -> None:
    """The trap that `task_batched_maml` warns of: the right step is the sum's."""
    network, batch = mlp(1, (8,), 1, generator_of("network")), _batch(tasks=4)
    alone = task_batched_maml(network, 1, 0.01, True)
    alone.adapt(task_mse(alone(batch.support.x[:1]), batch.support.y[:1]).sum())
    together = task_batched_maml(network, 4, 0.01, True)
    together.adapt(task_mse(together(batch.support.x), batch.support.y).sum())
    expected, got = (next(m.parameters())[0] for m in (alone, together))
    torch.testing.assert_close(got, expected)


def test_adaptation_equals_a_hand_written_step() -> None:
    network, batch = mlp(1, (8,), 1, generator_of("network")), _batch(tasks=3, shots=4)
    (predict,) = sgd_predictors(network, batch.support, [2], lr=0.05)
    predictions = predict(batch.query.x)
    for i in range(3):
        weights = [p.detach().clone().requires_grad_() for p in network.parameters()]
        x, y = batch.support.x[i], batch.support.y[i]
        for _ in range(2):
            hidden = torch.relu(x @ weights[0] + weights[1])
            loss = ((hidden @ weights[2] + weights[3] - y) ** 2).mean()
            gradients = torch.autograd.grad(loss, weights)
            stepped = [w - 0.05 * g for w, g in zip(weights, gradients, strict=True)]
            weights = [w.detach().requires_grad_() for w in stepped]
        hidden = torch.relu(batch.query.x[i] @ weights[0] + weights[1])
        torch.testing.assert_close(predictions[i], (hidden @ weights[2] + weights[3]).detach())


def test_expand_sums_gradients_over_tasks() -> None:
    network = mlp(1, (4,), 1, generator_of("network"))
    x = torch.ones(3, 2, 1)
    expanded = _gradient(network, expand(network, 3)(x).sum())
    shared = _gradient(network, network(x).sum())
    torch.testing.assert_close(expanded, shared)


def test_meta_training_makes_adaptation_work() -> None:
    learner = MAML(hidden=(32, 32), meta_lr=0.01)
    source = BudgetedSource(Sinusoid(), Budget(tasks=4_000), generator_of("train"))
    learner.fit(source, generator_of("learner"))
    batch = Sinusoid().sample(200, "validation", generator_of("v"), shots=10, queries=50)
    before, after = (
        task_mse(predict(batch.query.x), batch.query.y).mean()
        for predict in learner.adapt(batch.support, [0, 5])
    )
    assert after < 0.6 * before
    assert source.counts["inner_gradients"] == 2 * source.counts["outer_gradients"] == 8_000


@pytest.mark.parametrize("first_order", [False, True])
@pytest.mark.parametrize("which", ["cnn4", "mlp"])
def test_meta_gradient_of_classifiers_equals_learn2learns_own_loop(
    which: str, first_order: bool
) -> None:
    """Batch norm and all, next to torch's own layers; in double precision, since a few ReLUs at
    their kinks make gradients of gradients in single precision differ by 1e-4 on their own.
    """
    if which == "cnn4":
        network = cnn4(IMAGE, 8, 5, generator_of("network")).double()
    else:
        network = mlp(784, (32, 16), 5, generator_of("network"), batch_norm=True).double()
    batch = ToyClasses(5, IMAGE).sample(4, "train", generator_of("t"), shots=2, queries=15)
    batch = TaskBatch(
        Support(batch.support.x.double(), batch.support.y.double()),
        Query(batch.query.x.double(), batch.query.y.double(), batch.query.mask),
    )
    loops = in_torchs_layers(network)
    ours = torch.autograd.grad(
        batched_meta_loss(network, batch, first_order), list(network.parameters())
    )
    theirs = torch.autograd.grad(
        looped_meta_loss(loops, batch, first_order), list(loops.parameters())
    )
    for got, expected in zip(ours, map(as_ours, theirs), strict=True):
        assert (got - expected).norm() <= 1e-6 * expected.norm()


def test_it_learns_to_tell_classes_apart() -> None:
    family = ToyClasses(5, (1, 8, 8), noise=0.1)
    fields = {"network": "cnn4", "filters": 8, "batch_norm": "transductive", "train_shots": 1}
    learner = MAML(**fields, inner_lr=0.4, meta_lr=0.02)
    learner.fit(BudgetedSource(family, Budget(tasks=700), generator_of("t")), generator_of("l"))
    batch = family.sample(100, "test", generator_of("test"), shots=1, queries=25)
    before, after = (
        task_accuracy(predict(batch.query.x), batch.query.y).mean()
        for predict in learner.adapt(batch.support, [0, 3])
    )
    assert before < 0.3
    assert after > 0.7


def test_cosine_decay_halves_the_rate_half_way_and_leaves_the_first_update_alone() -> None:
    def trained(decay: Literal["none", "cosine"], batches: int) -> Tensor:
        learner = MAML(hidden=(8,), meta_batch=5, decay=decay)
        source = BudgetedSource(Sinusoid(), Budget(tasks=5 * batches), generator_of("tasks"))
        learner.fit(source, generator_of("learner"))
        return nn.utils.parameters_to_vector(learner.network_.parameters()).detach()

    assert torch.equal(trained("cosine", 1), trained("none", 1))
    before = trained("none", 1)
    step, halved = trained("none", 2) - before, trained("cosine", 2) - before
    torch.testing.assert_close(halved, step / 2, rtol=1e-3, atol=1e-6)
