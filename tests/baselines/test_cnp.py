"""Conditional neural processes: what they learn, and how they say how sure they are."""

import math

import pytest
import torch

from baselines.cnp import CNP
from benchmarks.core import Budget, BudgetedSource, Support, generator_of, task_mse
from benchmarks.tasks.sinusoid import Sinusoid
from benchmarks.testing import Toy, check_learner

SMALL = {"encoder": (32, 32), "decoder": (32,)}


def source(family, tasks):
    return BudgetedSource(family, Budget(tasks=tasks), generator_of("train"))


def error(learner, family, shots):
    batch = family.sample(500, "validation", generator_of("v"), shots=shots, queries=20)
    (predict,) = learner.adapt(batch.support, [0])
    return float(task_mse(predict(batch.query.x), batch.query.y).mean())


def test_it_learns_to_read_a_line_off_its_points():
    learner = CNP(**SMALL, train_shots=(2, 8), train_queries=20)
    learner.fit(source(Toy(), 10_000), generator_of("fit"))
    assert error(learner, Toy(), 8) < 0.5  # predicting 0 scores 2, the support mean over 1
    assert error(learner, Toy(), 8) < error(learner, Toy(), 2) < error(learner, Toy(), 1)


def test_shots_are_drawn_from_the_range_that_the_family_allows():
    asked = set()

    class Asked(Sinusoid):
        def sample(self, n_tasks, split, generator, **sizes):
            asked.add(sizes["shots"])
            return super().sample(n_tasks, split, generator, **sizes)

    CNP(**SMALL, train_shots=(3, 5), batch_tasks=2).fit(source(Asked(), 80), generator_of("fit"))
    assert asked == {3, 4, 5}
    with pytest.raises(ValueError, match=r"expected train_shots = \[fewest, most\], got \[5, 3\]"):
        CNP(train_shots=(5, 3))


def test_the_code_of_a_task_is_the_mean_of_its_points():
    learner = CNP(**SMALL)
    learner.fit(source(Toy(), 1), generator_of("fit"))
    support = Toy().sample(3, "test", generator_of("t"), shots=4, queries=1).support
    points = [Support(support.x[:, i : i + 1], support.y[:, i : i + 1]) for i in range(4)]
    mean = torch.stack([learner._read(point) for point in points]).mean(0)
    torch.testing.assert_close(learner._read(support), mean)


def test_the_gaussian_loss_is_the_negative_log_likelihood():
    learner = CNP(**SMALL, loss="gaussian")
    family = Toy(outputs=2, ragged=True)
    learner.fit(source(family, 1), generator_of("fit"))
    batch = family.sample(4, "test", generator_of("t"), shots=3, queries=6)
    decoded = learner._say(learner._read(batch.support), batch.query.x)
    sigma = 0.1 + 0.9 * (1 + decoded[..., 2:].exp()).log()
    surprise = -torch.distributions.Normal(decoded[..., :2], sigma).log_prob(batch.query.y)
    expected = [row[mask].mean() for row, mask in zip(surprise, batch.query.mask, strict=True)]
    torch.testing.assert_close(learner._query_loss(batch), torch.stack(expected))


def test_the_gaussian_learns_how_large_the_noise_is():
    """Every target is 0 but for noise of 0.5, and all that is left to learn is sigma."""

    class Noise(Toy):
        def sample(self, n_tasks, split, generator, **sizes):
            batch = super().sample(n_tasks, split, generator, **sizes)
            batch.query.y.normal_(0, 0.5, generator=generator)
            batch.support.y.normal_(0, 0.5, generator=generator)
            return batch

    learner = CNP(encoder=(8,), decoder=(8,), loss="gaussian", lr=0.01)
    learner.fit(source(Noise(), 4_000), generator_of("fit"))
    batch = Noise().sample(500, "test", generator_of("t"), shots=10, queries=20)
    loss = float(learner._query_loss(batch).mean().detach())
    assert abs(loss - (0.5 + math.log(0.5) + math.log(2 * math.pi) / 2)) < 0.03


def test_the_gaussian_keeps_the_laws():
    fields = {**CNP.test_fields, "loss": "gaussian"}
    assert [c for c in check_learner(lambda: CNP(**fields)) if not c.passed] == []
