"""What torch.compile makes of an iteration's arithmetic: `python -m benchmarks.speed.compiling`.

On one thread: how long compiling takes, once for each process and shape of a batch, and how long an
iteration takes before and after, in turn. It takes a C++ compiler, which the suite itself doesn't.
"""

import time
from collections.abc import Callable
from statistics import median

import torch
from torch import Tensor

from benchmarks.core import generator_of
from benchmarks.networks import mlp
from benchmarks.speed import by_hand
from benchmarks.speed.floors import LR, Composed, parameters
from benchmarks.tasks.sinusoid import Sinusoid
from reml.learner import REML

BLOCKS, ITERATIONS = 5, 20
Loss = Callable[[], Tensor]


def maml() -> Loss:
    """One second-order step of an MLP, 25 tasks of 10 + 50 points."""
    weights = parameters(mlp(1, (40, 40), 1, generator_of("w")))
    batch = Sinusoid().sample(25, "train", generator_of("t"), shots=10, queries=50)
    return lambda: by_hand.maml(weights, batch, LR)


def reml() -> Loss:
    """Composed networks that solve for their heads, 32 tasks × 4 episodes of 10 + 20 points."""
    composed = Composed(REML(adaptation="solve"), 32, generator_of("w"))
    batch = Sinusoid().sample(32, "train", generator_of("t"), shots=10, queries=20)
    return lambda: composed.loss(batch)


def told(name: str, loss: Loss, backend: str = "inductor") -> str:
    compiled = torch.compile(loss, dynamic=False, backend=backend)
    loss().backward()
    started = time.perf_counter()
    compiled().backward()
    took = time.perf_counter() - started
    compiled().backward()
    plain, fast = [], []
    for _ in range(BLOCKS):
        plain.append(_seconds(loss))
        fast.append(_seconds(compiled))
    before, after = 1000 * median(plain), 1000 * median(fast)
    return f"{name}: compiled in {took:.0f} s; {before:.2f} ms before, {after:.2f} ms after"


def _seconds(loss: Loss) -> float:
    started = time.perf_counter()
    for _ in range(ITERATIONS):
        loss().backward()
    return (time.perf_counter() - started) / ITERATIONS


def main() -> None:
    torch.set_num_threads(1)
    for name, make in (("maml", maml), ("reml", reml)):
        print(told(name, make()), flush=True)


if __name__ == "__main__":
    main()
