"""ProtoNet's network is the one of the paper, and it learns which features to look at."""

from dataclasses import dataclass, replace
from functools import partial

import pytest
import torch
from torch import nn

from baselines import _distances
from baselines._distances import class_means, distance_scores
from baselines._episodic import decayed
from baselines.nearest_centroid import NearestCentroid
from baselines.protonet import ProtoNet
from benchmarks.core import Budget, BudgetedSource, generator_of, task_accuracy
from benchmarks.core.errors import MatrixError
from benchmarks.networks import cnn4
from benchmarks.networks.layers import NormalisedConvolution
from benchmarks.testing import ToyClasses, check_learner


@pytest.mark.parametrize(("scale", "mark"), [(1.0, 0.004), (255.0, 1.0)])
def test_large_pictures_are_told_apart_by_a_faint_mark(scale, mark):
    stream = generator_of("pictures")
    alike = scale * torch.rand(2, 1, 224 * 224, generator=stream)
    marks = torch.zeros(2, 3, 224 * 224)
    for way in range(3):
        marks[:, way, 50 * way : 50 * way + 20] = mark
    x, y = (alike + marks).repeat(1, 4, 1), torch.eye(3).repeat(2, 4, 1)
    scores = distance_scores(x, class_means(x[:, :6], y[:, :6]))
    assert (scores.argmax(2) == y.argmax(2)).all()
    exact = -(torch.cdist(x.double(), (alike + marks).double()) ** 2)
    torch.testing.assert_close(scores, exact.float(), atol=1e-4 * scale**2, rtol=1e-3)


def test_distances_of_many_points_are_those_of_each(monkeypatch):
    x = torch.randn(3, 50, 7, generator=generator_of("x")).requires_grad_()
    centres = torch.randn(3, 4, 7, generator=generator_of("centres"))
    together = distance_scores(x, centres)
    (gradient,) = torch.autograd.grad(together.square().sum(), x)
    monkeypatch.setattr(_distances, "AT_ONCE", 30)
    apart = distance_scores(x, centres)
    assert torch.equal(together, apart)
    assert torch.equal(gradient, torch.autograd.grad(apart.square().sum(), x)[0])


def source(family, tasks):
    return BudgetedSource(family, Budget(tasks=tasks), generator_of("train"))


def blocks_of(network):
    return [layer for layer in network if isinstance(layer, NormalisedConvolution)]


def plain(network):
    """The same weights in torch's own layers, in the order of the paper."""
    layers = []
    for block in blocks_of(network):
        conv = nn.Conv2d(*block.kernel.shape[1::-1], 3, padding=1, bias=False)
        norm = nn.BatchNorm2d(len(block.kernel))
        with torch.no_grad():
            conv.weight.copy_(block.kernel)
            norm.weight.copy_(block.scale)
            norm.bias.copy_(block.shift)
        layers += [conv, norm, nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(*layers, nn.Flatten())


def test_the_network_is_that_of_the_paper():
    stream = generator_of("pictures")
    network = cnn4((1, 28, 28), 6, None, stream, pooling="max", batch_norm="shared")
    for block in blocks_of(network):
        nn.init.normal_(block.scale, generator=stream)
        nn.init.normal_(block.shift, generator=stream)
    same = plain(network)
    for _ in range(3):
        x = torch.rand(7, 784, generator=stream)
        z = network(x.unsqueeze(0))[0]
        assert z.shape == (7, 6)
        torch.testing.assert_close(z, same(x.view(-1, 1, 28, 28)), atol=1e-4, rtol=1e-4)
    network.eval(), same.eval()
    z = network(x.unsqueeze(0))[0]
    torch.testing.assert_close(z, same(x.view(-1, 1, 28, 28)), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(
    ("image", "pooling", "numbers"),
    [
        ((1, 8, 8), "max", 6),
        ((3, 40, 33), "max", 24),
        ((2, 3, 9), "max", 24),
        ((1, 28, 28), "stride", 6),
        ((3, 5, 2), "stride", 6),
    ],
)
def test_pictures_of_all_sizes_are_embedded(image, pooling, numbers):
    network = cnn4(image, 6, None, generator_of("n"), pooling=pooling, batch_norm="shared")
    x = torch.rand(2, 5, image[0] * image[1] * image[2], generator=generator_of("x"))
    assert network(x).shape == (2, 5, numbers)


@dataclass(frozen=True)
class Distracted(ToyClasses):
    """Points in the plane with eight features more, in which there is nothing but noise."""

    image: None = None
    noise: float = 0.05

    @property
    def problem(self):
        numbers = 2 + 8
        names = tuple(f"x{i}" for i in range(numbers))
        scale, offset = (1.0,) * numbers, (0.0,) * numbers
        old = replace(super().problem, inputs=names, input_scale=scale, input_offset=offset)
        return replace(old, features=numbers)

    def sample(self, n_tasks, split, generator, **sizes):
        plane = ToyClasses(image=None, features=2, noise=self.noise)
        batch = plane.sample(n_tasks, split, generator, **sizes)

        def distract(points):
            noise = torch.randn(*points.x.shape[:2], 8, generator=generator)
            return replace(points, x=torch.cat([points.x, noise], 2))

        return replace(batch, support=distract(batch.support), query=distract(batch.query))


def accuracy(learner, family, shots=1):
    batch = family.sample(300, "test", generator_of("test"), shots=shots, queries=15)
    (predict,) = learner.adapt(batch.support, [0])
    return float(task_accuracy(predict(batch.query.x), batch.query.y).mean())


def test_it_learns_where_to_look():
    family = Distracted()
    learner = ProtoNet(network="mlp", hidden=(32, 8), lr=0.01, batch_tasks=10, train_ways=6)
    learner.fit(source(family, 1500), generator_of("fit"))
    seen_in_the_plane = accuracy(NearestCentroid(), ToyClasses(image=None, noise=0.05))
    assert accuracy(NearestCentroid(), family) < 0.5
    assert seen_in_the_plane > 0.9
    assert accuracy(learner, family) > 0.8
    assert accuracy(learner, family, shots=5) > 0.9


@dataclass(frozen=True)
class Wandering(ToyClasses):
    """A class is a pattern of 3×3 pixels, which is somewhere else in each picture."""

    def sample(self, n_tasks, split, generator, **sizes):
        size = {**sizes, "ways": sizes.get("ways") or self.ways}
        batch = ToyClasses(image=(1, 3, 3), noise=0.0).sample(n_tasks, split, generator, **size)

        def wander(points):
            pictures = points.x.new_zeros(*points.x.shape[:2], 8, 8)
            for patch, picture in zip(
                points.x.view(-1, 3, 3), pictures.view(-1, 8, 8), strict=True
            ):
                row, column = torch.randint(0, 6, (2,), generator=generator).tolist()
                picture[row : row + 3, column : column + 3] = patch.round()
            return replace(points, x=pictures.flatten(2))

        return replace(batch, support=wander(batch.support), query=wander(batch.query))


def test_it_finds_a_pattern_wherever_it_is():
    family = Wandering()
    learner = ProtoNet(filters=16, lr=0.01, train_ways=10)
    learner.fit(source(family, 100), generator_of("fit"))
    assert accuracy(NearestCentroid(), family) < 0.5
    assert accuracy(learner, family) > 0.75


def test_training_tasks_are_as_asked():
    asked = []

    class Asked(ToyClasses):
        def sample(self, n_tasks, split, generator, **sizes):
            asked.append((n_tasks, sizes))
            return super().sample(n_tasks, split, generator, **sizes)

    fields = {"train_shots": 2, "train_queries": 4, "batch_tasks": 3, **ProtoNet.test_fields}
    for ways in (None, 7):
        learner = ProtoNet(**{**fields, "train_ways": ways})
        learner.fit(source(Asked(), 3), generator_of("fit"))
    assert asked[0] == (3, {"shots": 2, "queries": 12, "ways": 3})
    assert asked[-1] == (3, {"shots": 2, "queries": 28, "ways": 7})


def test_the_learning_rate_falls_as_asked():
    cosine, halving, none = (partial(decayed, decay) for decay in DECAYS)
    assert [round(cosine(progress, 9), 6) for progress in (0, 0.5, 1)] == [1, 0.5, 0]
    assert [halving(0.9, updates) for updates in (0, 1999, 2000, 4000)] == [1, 1, 0.5, 0.25]
    assert none(0.9, 4000) == 1


DECAYS = ("cosine", "halving", "none")


def test_convolutions_want_pictures():
    with pytest.raises(MatrixError, match='protonet: network "cnn4" needs pictures'):
        ProtoNet().fit(source(ToyClasses(image=None), 1), generator_of("fit"))


@pytest.mark.parametrize(
    "fields",
    [
        {"network": "mlp", "hidden": (8,), "batch_tasks": 12},
        {**ProtoNet.test_fields, "pooling": "stride", "decay": "halving", "train_ways": 4},
    ],
)
def test_other_settings_keep_the_laws(fields):
    assert [c for c in check_learner(lambda: ProtoNet(**fields)) if not c.passed] == []
