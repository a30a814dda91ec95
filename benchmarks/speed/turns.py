"""Trainings that take turns: one block of iterations each, then the next training."""

import ctypes
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from statistics import median
from threading import Condition

import torch
from torch import Tensor

NEARLY = 1.01
"""The same loss is one no more than so many times as large."""

M_TRIM_THRESHOLD, M_MMAP_MAX, M_ARENA_MAX = -1, -4, -8
"""What glibc calls them."""

Validate = Callable[[Sequence[Tensor]], float]


def keep_memory() -> None:
    """Keep memory that is freed, as workers do by their environment, here after the start."""
    if sys.platform == "linux" and hasattr(libc := ctypes.CDLL(None), "mallopt"):
        libc.mallopt(M_ARENA_MAX, 1)  # of threads, others give all back
        libc.mallopt(M_MMAP_MAX, 0)
        libc.mallopt(M_TRIM_THRESHOLD, 2**31 - 1)


class _EnoughError(Exception):
    pass


class _Turns:
    def __init__(self, who: Sequence[str]) -> None:
        self._left, self._now, self._changed = list(who), who[0], Condition()

    def wait(self, who: str) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._now == who)

    def pass_on(self, who: str, *, last: bool = False) -> None:
        with self._changed:
            place = self._left.index(who)
            if last:
                self._left.remove(who)
            if self._left:
                self._now = self._left[(place + (not last)) % len(self._left)]
            self._changed.notify_all()


@dataclass
class Watch:
    """Counts the iterations of one training and the seconds of the processor that they take.

    Attributes:
        every: iterations of a block; after each is a look at the validation loss.
        most: iterations after which it stops; of the first training, whose loss is the target then.
        blocks: seconds of each.
    """

    who: str
    every: int
    most: int
    validate: Validate
    turns: _Turns
    target: list[float]
    done: int = 0
    loss: float = float("inf")
    blocks: list[float] = field(default_factory=list)

    def __call__(self, weights: Callable[[], Sequence[Tensor]]) -> None:
        """An iteration is over."""
        self.done += 1
        if self.done % self.every:
            return
        self.blocks.append(time.process_time() - self._began)
        self.loss = self.validate(weights())
        if self.reached or self.done >= self.most:
            raise _EnoughError
        self.turns.pass_on(self.who)
        self.begin()

    def begin(self) -> None:
        self.turns.wait(self.who)
        self._began = time.process_time()

    @property
    def reached(self) -> bool:
        return bool(self.target) and self.loss <= NEARLY * self.target[0]

    @property
    def rate(self) -> float:
        """Iterations a second, the first block left out: what is compiled is compiled there."""
        return self.every / median(self.blocks[1:] or self.blocks)


def race(
    sides: Mapping[str, Callable[[Watch], None]], iterations: int, blocks: int, validate: Validate
) -> list[Watch]:
    """Train all in turn; the first for so many iterations, the others until they are as good."""
    turns, target = _Turns(list(sides)), list[float]()
    every = max(1, iterations // blocks)
    watches = [Watch(who, every, every * blocks, validate, turns, target) for who in sides]
    for other in watches[1:]:
        other.most *= 2

    def run(watch: Watch) -> None:
        torch.set_num_threads(1)
        watch.begin()
        try:
            sides[watch.who](watch)
        except _EnoughError:
            if watch is watches[0]:
                target.append(watch.loss)
        finally:
            turns.pass_on(watch.who, last=True)

    with ThreadPoolExecutor(len(watches)) as pool:
        for training in [pool.submit(run, watch) for watch in watches]:
            training.result()
    return watches
