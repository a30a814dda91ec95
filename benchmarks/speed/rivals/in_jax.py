"""MAML in JAX, with `vmap` over tasks and `jit`, for the comparison only: no learner uses it."""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.core import TaskBatch

FLAGS = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
"""What `XLA_FLAGS` has to be before JAX is imported, for one thread."""
EPSILON = 1e-5


class JaxMaml:
    """Second-order MAML of a ReLU network under Adam; weights are laid out as `networks.mlp`'s.

    The first batch is where it is compiled; `compiling` says how many seconds that took.
    """

    def __init__(
        self,
        start: Sequence[Tensor],
        *,
        classes: bool,
        batch_norm: bool,
        steps: int,
        lr: float,
        meta_lr: float,
    ) -> None:
        import jax

        self.compiling = 0.0
        self._weights: Any = [jax.numpy.asarray(it.detach().numpy()) for it in start]
        nothing = [jax.numpy.zeros_like(it) for it in self._weights]
        self._adam: Any = nothing, nothing, 0
        through = _normalised if batch_norm else _perceptron
        loss = _cross_entropy if classes else _squared_error
        self._update = jax.jit(_update(through, loss, steps, lr, meta_lr))

    def weights(self) -> list[Tensor]:
        return [torch.from_numpy(np.array(it)) for it in self._weights]

    def train(self, batches: Iterator[TaskBatch]) -> Iterator[None]:
        """An iteration for each batch; yields after each."""
        for batch in batches:
            began = time.process_time()
            support, query = batch.support, batch.query
            points = [it.numpy() for it in (support.x, support.y, query.x, query.y)]
            self._weights, self._adam = self._update(self._weights, self._adam, *points)
            self._weights[0].block_until_ready()
            self.compiling = self.compiling or time.process_time() - began
            yield


def _update(
    through: Callable[..., Any], loss: Callable[..., Any], steps: int, lr: float, meta_lr: float
) -> Callable[..., Any]:
    import jax

    def adapted(w: Any, sx: Any, sy: Any, qx: Any, qy: Any) -> Any:
        for _ in range(steps):
            g = jax.grad(lambda it: loss(through(it, sx), sy))(w)
            w = [a - lr * b for a, b in zip(w, g, strict=True)]
        return loss(through(w, qx), qy)

    def meta_loss(w: Any, *points: Any) -> Any:
        return jax.vmap(adapted, in_axes=(None, 0, 0, 0, 0))(w, *points).mean()

    def update(w: Any, adam: Any, *points: Any) -> Any:
        g = jax.grad(meta_loss)(w, *points)
        first, second, t = adam
        first = [0.9 * m + 0.1 * it for m, it in zip(first, g, strict=True)]
        second = [0.999 * v + 0.001 * it * it for v, it in zip(second, g, strict=True)]
        t = t + 1
        rate, scale = meta_lr / (1 - 0.9**t), 1 / (1 - 0.999**t)
        step = zip(w, first, second, strict=True)
        moved = [a - rate * m / (jax.numpy.sqrt(v * scale) + 1e-8) for a, m, v in step]
        return moved, (first, second, t)

    return update


def _perceptron(w: Any, x: Any) -> Any:
    import jax

    for place in range(0, len(w) - 2, 2):
        x = jax.nn.relu(x @ w[place] + w[place + 1])
    return x @ w[-2] + w[-1]


def _normalised(w: Any, x: Any) -> Any:
    import jax

    for place in range(0, len(w) - 2, 3):
        z = x @ w[place]
        z = (z - z.mean(0)) / jax.numpy.sqrt(z.var(0) + EPSILON)
        x = jax.nn.relu(z * w[place + 1] + w[place + 2])
    return x @ w[-2] + w[-1]


def _squared_error(said: Any, y: Any) -> Any:
    return ((said - y) ** 2).mean()


def _cross_entropy(said: Any, y: Any) -> Any:
    import jax

    return -(jax.nn.log_softmax(said) * y).sum(1).mean()
