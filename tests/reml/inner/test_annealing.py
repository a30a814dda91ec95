"""Simulated annealing finds what suits, and tries nothing that there is not."""

from typing import Any

import pytest
import torch

from benchmarks.core import Problem, generator_of
from reml.inner.annealing import DRAWN, anneal, repaired
from reml.inner.pool import LayerPool
from reml.inner.task_view import view_of

CLASSES = Problem(3, 2, metric="accuracy")


def _pool(**menus: Any) -> LayerPool:
    return LayerPool(3, 2, 6, (3, 6, 2), 4, 0.01, generator_of("pool"), **menus)


def test_it_finds_the_composition_that_suits_best() -> None:
    pool = _pool()
    target = torch.tensor([[2, 1, 5, 0], [0, 0, 3, 3]])

    def suits(composition: torch.Tensor) -> torch.Tensor:
        return 5.0 * (composition == target).sum(1)

    uniform = torch.rand(2, 300, DRAWN, generator=generator_of("u"))
    start = torch.zeros(2, 4, dtype=torch.long)
    tried, worth = anneal(pool, start, suits, uniform)
    assert tried.shape == (2, 301, 4)
    assert torch.equal(tried[:, 0], start)
    assert torch.equal(worth.amax(1), torch.tensor([20.0, 20.0]))
    torch.testing.assert_close(worth, torch.stack([suits(it) for it in tried.unbind(1)], 1))


@pytest.mark.parametrize(
    "menus",
    [
        {"stop": True},
        {"adaptation": ("solve",), "direct": True},
        {"adaptation": ("solve",), "direct": True, "task_view": view_of(CLASSES, 6)},
        {"activations": ("relu", "tanh"), "stop": True},
    ],
)
def test_whatever_is_tried_there_is(menus: dict[str, Any]) -> None:
    pool, generator = _pool(**menus), generator_of("any")
    anything = torch.stack([torch.randint(n, (200,), generator=generator) for n in pool.choices], 1)
    found = repaired(pool, anything)
    assert torch.equal(repaired(pool, found), found)
    at = len(pool.decisions) - pool.depth
    for place in range(2):
        chosen, fitting = found[:, at + 2 + place], pool.fitting(place)
        assert fitting is None or fitting[chosen].all()
    if pool.stop:
        first, second = found[:, at + 2] == 6, found[:, at + 3] == 6
        assert (second | ~first).all()
    if pool.direct:
        assert len(found[found[:, at] == 3][:, at + 2 :].unique(dim=0)) == 1
