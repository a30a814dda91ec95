"""Training iterations on the CPU and on a GPU: `python -m benchmarks.speed.devices --help`.

Each learner's own `fit` on tasks that were drawn before; they are moved to the device, losses are
logged. Where there is no GPU that is said.
"""

import argparse
import os
import platform
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple

import torch

from baselines.cnp import CNP
from baselines.maml import MAML
from baselines.protonet import ProtoNet
from benchmarks.core import (
    Budget,
    BudgetedSource,
    MetaLearner,
    Problem,
    Split,
    TaskBatch,
    TaskFamily,
    generator_of,
)
from benchmarks.tasks.sinusoid import Sinusoid
from benchmarks.testing.toy import ToyClasses
from reml.learner import REML

NO_GPU = "not run: there is no GPU here"
PICTURES = ToyClasses(ways=5, image=(1, 28, 28))
CNN4: Mapping[str, Any] = {"network": "cnn4", "filters": 32, "batch_norm": "transductive"}
ROUNDS = 3
CLEAR = 1.5  # times as long as one iteration: several of them


@dataclass(frozen=True)
class Drawn:
    """Always the same tasks of a family, so that drawing them takes no time."""

    family: TaskFamily
    known: dict[tuple[Any, ...], TaskBatch] = field(default_factory=dict)

    name: ClassVar[str] = "drawn"
    version: ClassVar[int] = 1
    fingerprint: ClassVar[str] = ""

    @property
    def problem(self) -> Problem:
        return self.family.problem

    def size(self, split: Split, shots: int) -> int | None:
        return self.family.size(split, shots)

    def left_out(self, split: Split, shots: int) -> int:
        return self.family.left_out(split, shots)

    def sample(
        self, n_tasks: int, split: Split, generator: torch.Generator, **sizes: Any
    ) -> TaskBatch:
        key = n_tasks, *sorted(sizes.items())
        if key not in self.known:
            self.known[key] = self.family.sample(n_tasks, split, generator_of("drawn"), **sizes)
        return self.known[key]


class Trained(NamedTuple):
    """A learner that takes so many tasks at a time, and what it is trained on."""

    make: Callable[[int], MetaLearner]
    tasks: int
    family: TaskFamily
    shots: int


LEARNERS = {
    "maml": Trained(lambda tasks: MAML(meta_batch=tasks), 25, Sinusoid(), 10),
    "maml (cnn4)": Trained(
        lambda tasks: MAML(meta_batch=tasks, inner_lr=0.4, train_queries=25, **CNN4),
        25,
        PICTURES,
        1,
    ),
    "protonet": Trained(lambda tasks: ProtoNet(batch_tasks=tasks), 1, PICTURES, 5),
    "cnp": Trained(lambda tasks: CNP(batch_tasks=tasks), 25, Sinusoid(), 10),
    "reml": Trained(lambda tasks: REML(batch_tasks=tasks, warm=0.0), 32, Sinusoid(), 10),
    "reml (gradient)": Trained(
        lambda tasks: REML(adaptation="gradient", batch_tasks=tasks, warm=0.0),
        32,
        Sinusoid(),
        10,
    ),
}


class Place(NamedTuple):
    """A device, and the threads of the CPU beside it."""

    device: str
    threads: int

    @property
    def what(self) -> str:
        if self.device != "cpu":
            return self.device
        return f"{self.threads} thread{'s' if self.threads > 1 else ''}"


def seconds_each(name: str, times: int, place: Place, seconds: float) -> float:
    """How long an iteration of `times` the usual number of tasks takes: by the quickest of a few.

    A training's own beginning is in what one and what several iterations take; what several take
    more than one is theirs. They are made more until that is no hiccup of the machine.
    """
    torch.set_num_threads(place.threads)
    work = training(LEARNERS[name], times, place.device)

    def took(iterations: int) -> float:
        started = time.perf_counter()
        work(iterations)
        if place.device != "cpu":
            torch.cuda.synchronize()
        return time.perf_counter() - started

    took(2)
    more = max(1, round(seconds / took(1)))
    while True:
        both = [(took(1), took(1 + more)) for _ in range(ROUNDS)]
        one, several = map(min, zip(*both, strict=True))
        if several > CLEAR * one:
            return (several - one) / more
        more *= 2


def training(who: Trained, times: int, device: str) -> Callable[[int], None]:
    """Trains for so many iterations."""
    tasks, family = who.tasks * times, Drawn(who.family)
    learner = who.make(tasks)

    def train(iterations: int) -> None:
        source = BudgetedSource(
            family,
            Budget(tasks=iterations * tasks),
            generator_of("speed"),
            shots=(who.shots, who.shots),
            device=device,
        )
        learner.fit(source, generator_of("speed"))

    return train


def table(
    names: Sequence[str], factors: Sequence[int], places: Sequence[Place], seconds: float
) -> Iterator[str]:
    """Lines of Markdown, the last of each how many times as fast as the first place others are."""
    heads = [it.what for it in places]
    last = [f"{it} against {heads[0]}" for it in heads[1:]]
    yield "| " + " | ".join(["learner", "tasks", *(f"{it}, ms" for it in heads), *last]) + " |"
    yield "|---|" + "---:|" * (1 + len(heads) + len(last))
    for name in names:
        for times in factors:
            who = LEARNERS[name]
            took = [seconds_each(name, times, place, seconds) for place in places]
            cells = [f"{1e3 * it:.3g}" for it in took]
            cells += [f"{took[0] / it:.2g} times" for it in took[1:]]
            yield "| " + " | ".join([name, str(who.tasks * times), *cells]) + " |"


def machine() -> str:
    """What a table was measured with."""
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else NO_GPU
    return (
        f"{platform.machine()}, {os.cpu_count()} processors; torch {torch.__version__}; GPU: {gpu}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, prog="benchmarks.speed.devices")
    parser.add_argument("--learners", nargs="+", choices=LEARNERS, default=[*LEARNERS])
    parser.add_argument("--times", type=int, nargs="+", default=[1, 8], help="the usual tasks")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, os.cpu_count() or 1])
    parser.add_argument("--seconds", type=float, default=0.5, help="of each measurement")
    options = parser.parse_args()
    places = [Place("cpu", threads) for threads in dict.fromkeys(options.threads)]
    if torch.cuda.is_available():
        places.append(Place("cuda", 1))
    torch.backends.cudnn.allow_tf32 = False  # as in trials
    print(machine(), flush=True)
    for line in table(options.learners, options.times, places, options.seconds):
        print(line, flush=True)


if __name__ == "__main__":
    main()
