"""Networks while they are composed."""

from typing import Any

import pytest
import torch
from torch import Tensor

from benchmarks.core import Support, generator_of
from benchmarks.tasks.sinusoid import Sinusoid
from reml.inner.network import run
from reml.inner.partial import PartialNetwork
from reml.inner.pool import LayerPool


def _pool(depth: int = 5, **menus: Any) -> LayerPool:
    return LayerPool(1, 1, 8, (3, 4, 2), depth, 0.01, generator_of("pool"), **menus)


def _support(tasks: int) -> Support:
    batch = Sinusoid().sample(tasks, "train", generator_of("partial"), shots=6, queries=1)
    return batch.support


def _random(pool: LayerPool, tasks: int) -> Tensor:
    generator = generator_of("choices")
    return torch.stack([torch.randint(n, (tasks,), generator=generator) for n in pool.choices], 1)


def test_observation_is_the_support_set_the_decision_and_the_last_choice() -> None:
    support = _support(3)
    partial = PartialNetwork(_pool(), support)
    seen = partial.observation
    assert torch.equal(seen.points, torch.cat([support.x, support.y], 2))
    assert seen.decision == 0
    assert seen.allowed is None
    assert seen.outputs.abs().sum() == 0
    partial.add(torch.tensor([2, 0, 1]))
    assert partial.observation.decision == 1
    assert partial.observation.previous.tolist() == [2, 0, 1]
    assert partial.observation.outputs.abs().sum() == 0


def test_it_shows_what_the_partial_network_predicts_batched_as_looped() -> None:
    """With input, output and i hidden layers chosen it is a whole network of depth 2 + i."""
    pool, support = _pool(), _support(5)
    choices = _random(pool, 5)
    partial = PartialNetwork(pool, support)
    partial.add(choices[:, 0])
    for made in range(2, 6):
        partial.add(choices[:, made - 1])
        shallow = _pool(depth=made)
        for task in range(5):
            alone = support.rows(slice(task, task + 1))
            network = shallow.gather(choices[task : task + 1, :made])
            expected = run(network, alone.x)
            torch.testing.assert_close(partial.observation.outputs[task : task + 1], expected)
    assert partial.complete
    assert torch.equal(partial.composition, choices)
    with pytest.raises(RuntimeError, match="complete"):
        partial.add(choices[:, 0])


@pytest.mark.parametrize(
    "menus",
    [
        {"stop": True},
        {"activations": ("relu", "tanh")},
        {"rates": (0.3, 1.0)},
        {"unit_features": True},
        {"adaptation": ("solve",), "head": "prototypes"},
    ],
)
def test_a_complete_draft_predicts_what_the_network_does(menus: dict[str, Any]) -> None:
    pool, support = _pool(**menus), _support(40)
    partial = PartialNetwork(pool, support)
    for choice in _random(pool, 40).unbind(1):
        partial.add(choice)
    network = pool.gather(partial.composition)
    torch.testing.assert_close(partial.observation.outputs, run(network, support.x))


def test_who_has_stopped_may_only_go_on_stopping() -> None:
    pool, stop = _pool(stop=True), 4
    partial = PartialNetwork(pool, _support(2))
    for choice in ([0, 0], [0, 0], [1, stop]):
        partial.add(torch.tensor(choice))
    allowed = partial.observation.allowed
    assert allowed is not None
    assert allowed.tolist() == [[True] * 5, [False] * 4 + [True]]
    partial.add(torch.tensor([2, 3]))
    partial.add(torch.tensor([3, 0]))
    assert partial.composition[:, 2:].tolist() == [[1, 2, 3], [stop, stop, stop]]
