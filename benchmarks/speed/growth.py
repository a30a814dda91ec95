"""How time and memory grow with sizes: `python -m benchmarks.speed.growth --help`.

Each measurement is a process of its own, forked from one that has imported all: seconds of its one
thread, and how far its memory rose above what it began with.
"""

import argparse
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from matplotlib.figure import Figure

from baselines._import_learn2learn import learn2learn as learn2learn
from baselines.maml import MAML
from benchmarks.core import Budget, BudgetedSource, MetaLearner, generator_of
from benchmarks.tasks.sinusoid import Sinusoid
from reml.learner import REML

ITERATIONS, STEPS, TAIL = 3, 5, 3
"""A training's, adaptation's, and how many of the largest sizes an exponent is of."""
SIZES: Mapping[str, Sequence[int]] = {
    "tasks in a batch": (8, 32, 128, 512),
    "shots": (5, 20, 80, 320),
    "width": (16, 64, 256, 512),
    "test tasks": (30, 120, 480, 1920),
    "seeds": (1, 2, 4, 8),
}
"""The second of each but the last is near what matrices have; all others stay at `USUAL`."""
USUAL: Mapping[str, int] = {
    "tasks in a batch": 32,
    "shots": 10,
    "width": 40,
    "test tasks": 120,
    "seeds": 1,
}
LEARNERS: Mapping[str, Callable[[Mapping[str, int]], MetaLearner]] = {
    "maml": lambda at: MAML(meta_batch=at["tasks in a batch"], hidden=(at["width"],) * 2),
    "reml": lambda at: REML(batch_tasks=at["tasks in a batch"], width=at["width"], warm=0.0),
}


class Cost(NamedTuple):
    """Seconds of a processor, and MB above what there was."""

    seconds: float
    megabytes: float


def cost(name: str, axis: str, size: int) -> Cost:
    """Of training, or of testing where the axis is the number of test tasks."""
    at = {**USUAL, axis: size}

    def train(seed: int) -> MetaLearner:
        shots = at["shots"]
        tasks = ITERATIONS * at["tasks in a batch"]
        source = BudgetedSource(
            Sinusoid(), Budget(tasks=tasks), generator_of("growth", seed), shots=(shots, shots)
        )
        learner = LEARNERS[name](at)
        learner.fit(source, generator_of("growth", seed))
        return learner

    if axis != "test tasks":
        return _measured(lambda: [train(seed) for seed in range(at["seeds"])])
    learner = train(0)
    batch = Sinusoid().sample(size, "test", generator_of("test"), shots=at["shots"], queries=50)
    return _measured(
        lambda: [predict(batch.query.x) for predict in learner.adapt(batch.support, [STEPS])]
    )


def _measured(work: Callable[[], object]) -> Cost:
    Path("/proc/self/clear_refs").write_text("5")  # the most it has held is what it holds now
    before, started = _held("VmRSS"), time.process_time()
    work()
    return Cost(time.process_time() - started, max(0.0, _held("VmHWM") - before))


def _held(what: str) -> float:
    (line,) = (it for it in Path("/proc/self/status").read_text().splitlines() if what in it)
    return int(line.split()[1]) / 1e3


def apart(name: str, axis: str, size: int) -> Cost:
    """The cost, in a process of its own."""
    reader, writer = os.pipe()
    if (child := os.fork()) == 0:
        try:
            os.write(writer, json.dumps(cost(name, axis, size)).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as said:
        answer = said.read()
    os.waitpid(child, 0)
    return Cost(*json.loads(answer))


def exponent(sizes: Sequence[int], values: Sequence[float]) -> float:
    """The slope of the logarithms at the largest sizes; NaN where something is 0."""
    x, y = np.log(sizes[-TAIL:]), np.array(values[-TAIL:])
    return float(np.polyfit(x, np.log(y), 1)[0]) if (y > 0).all() else float("nan")


Growth = Mapping[tuple[str, str], Sequence[Cost]]
"""By learner and axis."""


def measured(sizes: Mapping[str, Sequence[int]]) -> Growth:
    torch.set_num_threads(1)
    for name in LEARNERS:  # what the first training of a process imports and prepares
        cost(name, "seeds", 1)
    return {
        (name, axis): [apart(name, axis, size) for size in several]
        for axis, several in sizes.items()
        for name in LEARNERS
    }


def table(sizes: Mapping[str, Sequence[int]], growth: Growth) -> Iterator[str]:
    """Lines of Markdown: from the smallest size to the largest, and the exponents."""
    yield "| grows with | learner | from – to | seconds | exponent | MB | exponent |"
    yield "|---|---|---:|---:|---:|---:|---:|"
    for (name, axis), costs in growth.items():
        several = sizes[axis]
        cells = [axis, name, f"{several[0]:,} – {several[-1]:,}"]
        for values in zip(*costs, strict=True):
            cells += [f"{values[0]:.3g} – {values[-1]:.3g}", f"{exponent(several, values):.2f}"]
        yield "| " + " | ".join(cells) + " |"


def draw(sizes: Mapping[str, Sequence[int]], growth: Growth, path: Path) -> None:
    """Seconds above megabytes, both axes logarithmic."""
    figure = Figure(figsize=(11, 4.4), layout="constrained")
    panels = figure.subplots(2, len(sizes), sharex="col", sharey="row", squeeze=False)
    for column, (axis, several) in enumerate(sizes.items()):
        for row, what in enumerate(("seconds", "MB")):
            panel = panels[row, column]
            for name in LEARNERS:
                values = [it[row] for it in growth[name, axis]]
                panel.loglog(several, values, marker="o", markersize=3, label=name)
            if column == 0:
                panel.set_ylabel(what)
            panel.set_xticks(several, [f"{it:,}" for it in several])
            panel.minorticks_off()
            panel.grid(alpha=0.3)
        panels[1, column].set_xlabel(axis)
    panels[0, 0].legend(frameon=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=70)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, prog="benchmarks.speed.growth")
    parser.add_argument("--figure", type=Path, default=Path("growth.png"), help="where it is drawn")
    parser.add_argument("--sizes", type=int, default=4, metavar="N", help="the first N of each")
    options = parser.parse_args()
    sizes = {axis: several[: options.sizes] for axis, several in SIZES.items()}
    growth = measured(sizes)
    for line in table(sizes, growth):
        print(line)
    draw(sizes, growth, options.figure)


if __name__ == "__main__":
    main()
