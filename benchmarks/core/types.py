"""Task batches: many tasks stacked, the leading axis of every tensor being `tasks`."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from benchmarks.core.kinds import Kind as Kind
from benchmarks.core.kinds import Split as Split

LOG = "log10 "
"""What the name of an input or a target begins with that is a logarithm."""

LEAST_SPREAD = 1e-3

Predictor = Callable[[Tensor], Tensor]
"""Maps x of shape (tasks, points, features) to predictions of shape (tasks, points, outputs)."""


@dataclass(frozen=True)
class Support:
    """The points a learner may adapt on: exactly k for each task, or for each class of a task.

    `privileged` holds what only a learner that declares the need may see (the true amplitude,
    say), each entry of shape (tasks, ...). It is empty for everybody else.
    """

    x: Float[Tensor, "tasks points features"]
    y: Float[Tensor, "tasks points outputs"]
    privileged: Mapping[str, Tensor] = field(default_factory=dict)

    def __len__(self) -> int:
        return self.x.shape[0]

    @property
    def points(self) -> int:
        return self.x.shape[1]

    def to(self, device: torch.device | str) -> "Support":
        privileged = {name: value.to(device) for name, value in self.privileged.items()}
        return Support(self.x.to(device), self.y.to(device), privileged)

    def within(self) -> "Support":
        """With targets shifted and scaled by themselves; see `Problem.within_tasks`."""
        offset, scale = scales_of(self.y)
        return replace(self, y=(self.y - offset) / scale)

    def rows(self, index: Tensor | slice) -> "Support":
        """The tasks named by `index`, in that order."""
        privileged = {name: value[index] for name, value in self.privileged.items()}
        return Support(self.x[index], self.y[index], privileged)


@dataclass(frozen=True)
class Query:
    """The points a learner is scored on, drawn apart from the support points.

    `mask` is False where a task had fewer points than the batch is wide; those rows repeat a real
    point and must not count in any loss.
    """

    x: Float[Tensor, "tasks points features"]
    y: Float[Tensor, "tasks points outputs"]
    mask: Bool[Tensor, "tasks points"]

    @property
    def real(self) -> Bool[Tensor, "tasks points"] | None:
        """The mask, or None where no row is padding."""
        return None if bool(self.mask.all()) else self.mask

    def to(self, device: torch.device | str) -> "Query":
        return Query(self.x.to(device), self.y.to(device), self.mask.to(device))

    def at(self, place: Int[Tensor, "tasks some"]) -> "Query":
        """The points of each task that are in these places."""
        x, y = (
            values.gather(1, place.unsqueeze(2).expand(-1, -1, values.shape[2]))
            for values in (self.x, self.y)
        )
        return Query(x, y, self.mask.gather(1, place))

    def first(self, n: int) -> "Query":
        """The first `n` points of each task; padding only where there are fewer."""
        return self.at((~self.mask).int().argsort(dim=1, stable=True)[:, :n])

    def rows(self, index: Tensor | slice) -> "Query":
        return Query(self.x[index], self.y[index], self.mask[index])


@dataclass(frozen=True)
class TaskBatch:
    """Many tasks: what to adapt on, and what to be scored on.

    `names` say which task each is, and `groups` which tasks are alike as they were not drawn
    independently of each other (years of one weather station); either is empty where there is
    nothing to say. They are for people and for statistics: no learner sees them.
    """

    support: Support
    query: Query
    names: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.support)

    def to(self, device: torch.device | str) -> "TaskBatch":
        return replace(self, support=self.support.to(device), query=self.query.to(device))

    def rows(self, index: Tensor | slice) -> "TaskBatch":
        return TaskBatch(
            self.support.rows(index),
            self.query.rows(index),
            _picked(self.names, index),
            _picked(self.groups, index),
        )

    def within(self) -> "TaskBatch":
        """With all targets shifted and scaled by those of the support points alone."""
        offset, scale = scales_of(self.support.y)
        query = replace(self.query, y=(self.query.y - offset) / scale)
        return replace(self, support=self.support.within(), query=query)

    def points(self) -> Query:
        """All points of the tasks, support and query alike."""
        support, query = self.support, self.query
        shown = torch.ones(support.x.shape[:2], dtype=torch.bool, device=support.x.device)
        return Query(
            torch.cat([support.x, query.x], 1),
            torch.cat([support.y, query.y], 1),
            torch.cat([shown, query.mask], 1),
        )

    def by_width(self) -> Iterator[tuple[Int[Tensor, " some"], "TaskBatch"]]:
        """Tasks with equally many query points together and no padding, and which tasks they are.

        This is how to ask a transductive learner, which would take padding for query points.
        """
        count = self.query.mask.sum(1)
        for width in count.unique().tolist():
            tasks = (count == width).nonzero().flatten()
            batch = self.rows(tasks)
            yield tasks, replace(batch, query=batch.query.first(width))

    def showing(self, needs: frozenset[str]) -> "TaskBatch":
        """The same tasks with only the privileged fields in `needs` left."""
        shown = {n: v for n, v in self.support.privileged.items() if n in needs}
        return replace(self, support=replace(self.support, privileged=shown))

    def nameless(self) -> "TaskBatch":
        """The same tasks, of which nobody says which they are."""
        return replace(self, names=(), groups=())


def scales_of(
    y: Float[Tensor, "tasks points outputs"],
) -> tuple[Float[Tensor, "tasks 1 outputs"], Float[Tensor, "tasks 1 outputs"]]:
    """Mean and standard deviation of the targets of each task.

    Of those that spread by less than `LEAST_SPREAD` the latter is 1: single precision has too few
    digits left of them, and one target alone has no spread.
    """
    spread = y.std(1, keepdim=True, correction=0)
    return y.mean(1, keepdim=True), torch.where(spread >= LEAST_SPREAD, spread, 1.0)


def _picked(words: tuple[str, ...], index: Tensor | slice) -> tuple[str, ...]:
    if isinstance(index, slice) or not words:
        return words[index] if isinstance(index, slice) else ()
    return tuple(words[place] for place in torch.arange(len(words))[index.cpu()].tolist())


@dataclass(frozen=True)
class Problem:
    """What all tasks of a family have in common.

    In regression `outputs` are targets. In classification (`metric = "accuracy"`) they are the
    classes of a task, its ways: targets are one-hot, predictions are logits, k shots are k support
    points of each class, and which class has which number is drawn anew for every task.

    Where inputs are pictures, `image` is their shape and `features` the pixels, flattened in that
    order, from 0 (paper) to 1 (ink); `inputs` is then one name for them all.

    Tensors of a family may be standardised. `target_scale` and `target_offset` turn a standardised
    target back into its own units (`y * scale + offset`), as `input_scale` and `input_offset` do
    for the inputs; errors are reported in the target's own units. Those of a logarithm are of the
    logarithm: 0.1 is a factor of 1.26. `input_low` and `input_high` are
    the ends of what training tasks have, in the inputs' own units, where that is known.

    With several targets (`metric = "nmse"`: the mean of their normalised errors) each has its name,
    unit, scale and offset in `targets`, `units`, `target_scales` and `target_offsets`; these are
    empty where there is one.
    """

    features: int
    outputs: int
    metric: Literal["mse", "rmse", "nmse", "accuracy"] = "mse"
    unit: str = ""
    target: str = "y"
    target_scale: float = 1.0
    target_offset: float = 0.0
    inputs: tuple[str, ...] = ("x",)
    input_scale: tuple[float, ...] = (1.0,)
    input_offset: tuple[float, ...] = (0.0,)
    image: tuple[int, int, int] | None = None
    """Channels, height and width."""
    targets: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    target_scales: tuple[float, ...] = ()
    target_offsets: tuple[float, ...] = ()
    input_low: tuple[float, ...] = ()
    input_high: tuple[float, ...] = ()
    logs: tuple[str, ...] = ()
    """Inputs and targets that are decimal logarithms of what `own_name` names."""
    within_tasks: bool = False
    """Learners see targets shifted and scaled by the support points of their task."""

    @property
    def columns(self) -> tuple[tuple[str, float, float], ...]:
        """Name, scale and offset of each target."""
        if not self.targets:
            return ((self.target, self.target_scale, self.target_offset),)
        return tuple(zip(self.targets, self.target_scales, self.target_offsets, strict=True))

    def own_name(self, name: str) -> str:
        """What an input or a target is called in the data."""
        return name.removeprefix(LOG) if name in self.logs else name

    @property
    def own_targets(self) -> list[str]:
        """What the targets are called in the data."""
        return [self.own_name(name) for name, *_ in self.columns]

    @property
    def kind(self) -> Kind:
        return "classification" if self.metric == "accuracy" else "regression"

    def support_points(self, shots: int) -> int:
        """How many support points a task has at k = `shots`."""
        return shots * self.outputs if self.kind == "classification" else shots


@dataclass(frozen=True)
class Choice:
    """What a learner chose for each task out of options numbered from 0 to `options` - 1.

    Where a task never came to this decision, that is an option of its own.
    """

    values: Int[Tensor, " tasks"]
    options: int


@dataclass(frozen=True)
class Diagnosis:
    """What a learner decided for each task, and numbers that say how it got there.

    `choices` have names for people: "input layer", "hidden layer 1", ..., "output layer", "depth",
    "activation", "rate". `measures` are plain numbers ("policy_entropy").
    """

    choices: Mapping[str, Choice] = field(default_factory=dict)
    measures: Mapping[str, Float[Tensor, " tasks"]] = field(default_factory=dict)
