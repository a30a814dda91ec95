"""What a user would pick instead, on the same work: `python -m benchmarks.speed.rivals`.

learn2learn's own examples (`examples/maml_sine.py`, `examples/vision/maml_omniglot.py`, and the
loop of `protonet_miniimagenet.py` on pictures of Omniglot's size) and, where there is JAX, a MAML
with `vmap` and `jit`. All start from the same weights and are given the same batches, so that they
come to the same loss up to rounding. Seconds are of the processor, on one thread.
"""

import argparse
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from itertools import count
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from baselines._import_learn2learn import learn2learn
from baselines.maml import MAML
from baselines.protonet import ProtoNet
from benchmarks.core import Budget, BudgetedSource, TaskBatch, TaskFamily, generator_of
from benchmarks.speed.rivals.in_jax import FLAGS, JaxMaml
from benchmarks.speed.test_cnn import as_ours, in_torchs_layers
from benchmarks.speed.turns import Watch, keep_memory, race
from benchmarks.tasks.omniglot import Omniglot
from benchmarks.tasks.sinusoid import Sinusoid
from benchmarks.testing.toy import ToyClasses

NO_JAX = "not run: there is no JAX here (pip install 'reml-bench[compare-jax]')"
BLOCKS = 8
"""A training is looked at so many times on its way."""


Train = Callable[["Contest", Watch], None]


@dataclass
class Contest:
    """One training, and who does it.

    Attributes:
        learner: this suite's.
        theirs: learn2learn's example, given its network, batches of tasks, and what to call after
            each iteration.
        shots, queries: of a training task.
        iterations: after these, what this suite has come to is what others are to come to.
    """

    name: str
    learner: Callable[[], MAML | ProtoNet]
    family: TaskFamily
    tasks: int
    shots: int
    queries: int
    theirs: "Train"
    iterations: int

    def batches(self) -> Iterator[TaskBatch]:
        chance = generator_of("rivals", "tasks")
        for _ in count():
            yield self.family.sample(
                self.tasks, "train", chance, shots=self.shots, queries=self.queries
            )

    def begun(self) -> MAML | ProtoNet:
        """A learner of this suite before it has learned."""
        learner = self.learner()
        learner._build(self.family.problem, generator_of("rivals"))
        learner.network_.train()
        return learner

    def validation(self, weights: Sequence[Tensor]) -> float:
        """The query loss of the same 100 (or 20) tasks."""
        learner, tasks = self.begun(), 20 if isinstance(self.family, Omniglot) else 100
        for mine, given in zip(learner.network_.parameters(), weights, strict=True):
            mine.data = given.detach().reshape(mine.shape).clone()
        batch = self.family.sample(
            tasks, "validation", generator_of("v"), shots=self.shots, queries=self.queries
        )
        return float(learner._query_loss(batch).detach())


def ours(contest: Contest, watch: Watch) -> None:
    """`fit`, as a run of this suite does it."""
    learner, first = contest.learner(), iter([True])

    def rest() -> None:
        if not next(first, False):
            watch(lambda: list(learner.network_.parameters()))

    budget = Budget(tasks=(watch.most + 1) * contest.tasks)  # the watch stops it before
    chance = generator_of("rivals", "tasks")
    source = BudgetedSource(contest.family, budget, chance, on_rest=rest)
    learner.fit(source, generator_of("rivals"))


def maml_loop(contest: Contest, watch: Watch) -> None:
    """The training loop of learn2learn's examples of MAML; that on Omniglot also validates."""
    learner = contest.begun()
    assert isinstance(learner, MAML)
    network = in_torchs_layers(learner.network_)
    classes = contest.family.problem.kind == "classification"
    maml = learn2learn.algorithms.MAML(network, lr=learner.inner_lr, first_order=False)
    optimiser = torch.optim.Adam(maml.parameters(), learner.meta_lr)
    loss: Any = nn.CrossEntropyLoss() if classes else nn.MSELoss()
    for batch in contest.batches():
        optimiser.zero_grad()
        support, query = batch.support, batch.query
        targets = [it.argmax(2) if classes else it for it in (support.y, query.y)]
        for task in range(len(batch)):
            each = maml.clone()
            for _ in range(learner.train_steps):
                each.adapt(loss(each(support.x[task]), targets[0][task]))
            loss(each(query.x[task]), targets[1][task]).backward()
        for parameter in maml.parameters():
            parameter.grad.mul_(1.0 / len(batch))
        optimiser.step()
        watch(lambda: [as_ours(it) for it in network.parameters()])


def protonet_loop(contest: Contest, watch: Watch) -> None:
    """The training loop of learn2learn's example of ProtoNets."""
    blocks: list[nn.Module] = [nn.Unflatten(1, (1, 28, 28))]
    weights = list(contest.begun().network_.parameters())
    for kernel in weights[::3]:
        filters, channels = kernel.shape[:2]
        convolution = nn.Conv2d(channels, filters, 3, padding=1, bias=False)
        convolution.weight.data = kernel.detach().clone(memory_format=torch.contiguous_format)
        blocks += [convolution, nn.BatchNorm2d(filters), nn.ReLU(), nn.MaxPool2d(2)]
    model = nn.Sequential(*blocks, nn.Flatten())
    optimiser = torch.optim.Adam(model.parameters(), lr=0.001)
    for batch in contest.batches():
        data = torch.cat([batch.support.x, batch.query.x], 1)[0]
        labels = torch.cat([batch.support.y, batch.query.y], 1)[0].argmax(1)
        labels, order = torch.sort(labels, stable=True)
        embeddings = model(data[order])
        ways, each = batch.support.y.shape[2], len(labels) // batch.support.y.shape[2]
        shown = torch.zeros(len(labels), dtype=torch.bool)
        for offset in range(contest.shots):
            shown[torch.arange(ways) * each + offset] = True
        support = embeddings[shown].reshape(ways, contest.shots, -1).mean(1)
        query = embeddings[~shown]
        n, m = len(query), len(support)
        apart = query.unsqueeze(1).expand(n, m, -1) - support.unsqueeze(0).expand(n, m, -1)
        loss = functional.cross_entropy(-(apart**2).sum(dim=2), labels[~shown])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        watch(lambda: list(model.parameters()))


def jaxs(contest: Contest, watch: Watch) -> None:
    learner = contest.begun()
    assert isinstance(learner, MAML)
    maml = JaxMaml(
        list(learner.network_.parameters()),
        classes=contest.family.problem.kind == "classification",
        batch_norm=learner.batch_norm != "off",
        steps=learner.train_steps,
        lr=learner.inner_lr,
        meta_lr=learner.meta_lr,
    )
    for _ in maml.train(contest.batches()):
        watch(maml.weights)


def rivals_on(pictures: TaskFamily, size: float) -> list[Contest]:
    plain: Mapping[str, Any] = {"decay": "none", "max_norm": 0.0, "max_inner_norm": 0.0}

    def sinusoid() -> MAML:
        return MAML(
            hidden=(32, 32),
            inner_lr=0.01,
            meta_lr=0.001,
            meta_batch=16,
            train_steps=5,
            train_shots=10,
            train_queries=10,
            **plain,
        )

    def omniglot() -> MAML:
        return MAML(
            hidden=(256, 128, 64, 64),
            batch_norm="transductive",
            inner_lr=0.5,
            meta_lr=0.003,
            meta_batch=32,
            train_steps=1,
            train_shots=1,
            train_queries=5,
            **plain,
        )

    def protonet() -> ProtoNet:
        return ProtoNet(decay="none", train_shots=1, train_queries=5)

    on = type(pictures).__name__
    return [
        Contest("MAML, sinusoid", sinusoid, Sinusoid(), 16, 10, 10, maml_loop, int(200 * size)),
        Contest(f"MAML, {on}", omniglot, pictures, 32, 1, 5, maml_loop, int(100 * size)),
        Contest(f"ProtoNet, {on}", protonet, pictures, 1, 1, 25, protonet_loop, int(50 * size)),
    ]


def compare(contest: Contest) -> Iterator[str]:
    """A row for each training."""
    trained = {"this suite": ours, "learn2learn's loop": contest.theirs}
    if find_spec("jax") is not None and contest.theirs is maml_loop:
        trained["JAX, vmap and jit"] = jaxs
    sides = {who: partial(train, contest) for who, train in trained.items()}
    first, *others = race(sides, contest.iterations, BLOCKS, contest.validation)
    for watch in (first, *others):
        seconds = f"{sum(watch.blocks):.1f}" if watch is first or watch.reached else "not reached"
        yield (
            f"| {contest.name} | {watch.who} | {watch.rate:.1f} | {first.rate / watch.rate:.1f} | "
            f"{watch.done} | {watch.loss:.3f} | {seconds} |"
        )


def main() -> None:
    """Print the table, a row when it is known."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--size", type=float, default=1.0, help="how many iterations; 1 is usual")
    size = parser.parse_args().size
    torch.set_num_threads(1)
    keep_memory()
    os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {FLAGS}".strip()
    pictures = Omniglot() if os.environ.get("REML_DATA") else ToyClasses(5, (1, 28, 28))
    if isinstance(pictures, ToyClasses):
        print("REML_DATA is not set: pictures are noise around each class, of Omniglot's size")
    if find_spec("jax") is None:
        print(f"JAX: {NO_JAX}")
    print("| training | by | iterations a second | times | iterations | loss | seconds to it |")
    print("|---|---|---|---|---|---|---|")
    for contest in rivals_on(pictures, size):
        for line in compare(contest):
            print(line, flush=True)
