"""The pool: banks of layers that every composed network is made of."""

import math
from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from benchmarks.core import Kind, Support, TaskBatch
from reml.inner.bank import FASTER, Bank, Beliefs, Heads, RatesPer, absorb, rates_of, taken
from reml.inner.decisions import Adaptation, Decision, Menu
from reml.inner.head import Prior
from reml.inner.network import ComposedNetwork, Units, spread_of
from reml.inner.shape import WINDOW, BatchNorm, Head, Pooling, Shape, size_after
from reml.inner.task_view import Classes, Points, TaskView

PICTURES_AT_ONCE = {"stride": 32, "max": 8}
"""Tasks whose pictures are convolved together, at test: more would take memory and no less time."""
REACH = 3.0
"""Deviation of the inputs that networks which solve are given."""
LOGITS: Mapping[Head, float] = {"ridge": 10.0, "prototypes": 1.0}
"""What one-hot targets, or squared distances, are multiplied with to be logits, at first."""


class LayerPool(nn.Module):
    """Three banks: input layers, hidden layers and output layers.

    In classification the output layers are `Heads`, and the pool starts as copies of one network:
    all input layers are the same, and hidden layer i is a copy of layer i modulo `depth` - 2, and
    fits only there. So all routes are the same network at first, what any of them learns holds for
    all, and they part as they are trained. Deep features of layers that start apart and may stand
    in any place would first have to learn to work behind each other.

    Args:
        features: inputs of a task.
        outputs: outputs of a task.
        width: units of every hidden layer.
        sizes: how many input, hidden and output layers there are.
        depth: layers of a composed network, at least 2; the most there can be with `stop`.
        inner_lr: where the learned adaptation rates start.
        rates_per: whether layers have one for all weights, or each weight has its own.
        generator: for the initial weights.
        stop: whether a hidden decision may also end the network.
        activations: menu of activations; choosing one is a decision where there are several.
        rates: menu of factors on the adaptation rates; likewise.
        image: channels, height and width of the inputs, where input and hidden layers are to be
            convolutions; see `reml.inner.shape.Shape`.
        pooling: how those make pictures smaller; likewise.
        batch_norm: whether they are followed by batch normalisation, and whose statistics it takes.
        unit_features: whether only the direction of what the last layer reads counts.
        task_view: what the composer is shown of a task; says whether tasks are of classes.
        adaptation: how networks adapt: by `gradient`, or first of all they `solve` for their last
            layer (see `reml.inner.head`); which of the two is a decision where there are both.
        head: what the last layer of networks that solve for classes becomes.
        direct: whether there is a composition without any layer but the last, which then reads the
            inputs themselves; with `solve` alone.
    """

    x_offset: Tensor
    x_scale: Tensor
    y_offset: Tensor
    y_scale: Tensor

    def __init__(
        self,
        features: int,
        outputs: int,
        width: int,
        sizes: tuple[int, int, int],
        depth: int,
        inner_lr: float,
        generator: torch.Generator,
        *,
        stop: bool = False,
        activations: Sequence[str] = ("relu",),
        rates: Sequence[float] = (1.0,),
        image: tuple[int, int, int] | None = None,
        pooling: Pooling = "stride",
        batch_norm: BatchNorm = "off",
        unit_features: bool = False,
        task_view: TaskView | None = None,
        adaptation: tuple[Adaptation, ...] = ("gradient",),
        direct: bool = False,
        rates_per: RatesPer = "layer",
        head: Head = "ridge",
    ) -> None:
        super().__init__()
        n_input, n_hidden, n_output = sizes
        self.task_view = task_view or Points(features, outputs)
        first, between, last = features, width, width
        if image is not None:
            first, between = WINDOW * image[0], WINDOW * width
            last = width * math.prod(size_after(image, depth - 1, pooling))
        learned = generator, inner_lr, rates_per
        self.input = Bank(n_input, first, width, *learned)
        self.output: Bank | Heads
        if isinstance(self.task_view, Classes):
            self.hidden = Bank(n_hidden, between, width, *learned)
            self.output = Heads(n_output, last, outputs, inner_lr)
            self.input.repeat(1)
            self.hidden.repeat(max(1, depth - 2))
        else:
            self.input.spread_kinks(generator)
            self.hidden = Bank(n_hidden, between, width, *learned)
            self.output = Bank(n_output, last, outputs, *learned)
        self.adaptation = adaptation
        self.direct = direct
        if self.solves:
            classes = self.kind == "classification"
            self.beliefs = Beliefs(n_output, last, outputs, full=not classes, head=head)
            if direct:
                shape = n_output, features, outputs
                heads = Heads(*shape, inner_lr) if classes else Bank(*shape, generator, inner_lr)
                self.shortest: Bank | Heads = heads
                self.shortest_beliefs = Beliefs(n_output, features, outputs, full=False, head=head)
            if classes:
                self.log_logits = nn.Parameter(torch.tensor(math.log(LOGITS[head])))
            # classes have one for them all: there may be more of them in training
            for name, numbers in (("x", features), ("y", 1 if classes else outputs)):
                self.register_buffer(f"{name}_offset", torch.zeros(numbers))
                self.register_buffer(f"{name}_scale", torch.ones(numbers))
        self.image = image
        # the shape of a network of which nothing is decided
        blank = Shape(tuple(activations), image=image, pooling=pooling, kind=self.kind)
        self.blank = blank._replace(batch_norm=batch_norm, unit_features=unit_features, head=head)
        self.depth = depth
        self.stop = stop
        self.activations = tuple(activations)
        self.rates = tuple(rates)
        menus = self.activations, self.rates, adaptation
        self.menu = Menu(sizes, depth, stop, direct, *menus)

    @property
    def solves(self) -> bool:
        """Whether networks may solve for their last layer."""
        return "solve" in self.adaptation

    @property
    def shortest_first(self) -> bool:
        """Whether the shortest route is the one to begin with.

        It needs no training, where few classes are easily learned by heart.
        """
        return self.direct and self.kind == "classification"

    def standardise(self, batch: TaskBatch) -> None:
        """Take the units of inputs and targets from these tasks, where networks solve.

        Pictures stay as they are, and classes have no units.
        """
        if not self.solves:
            return
        points = batch.points()
        x, y = points.x[points.mask], points.y[points.mask]
        if self.image is None and self.task_view.image is None:
            self.x_offset.copy_(x.mean(0))
            self.x_scale.copy_(spread_of(x) / REACH)
        if self.kind == "regression":
            self.y_offset.copy_(y.mean(0))
            self.y_scale.copy_(spread_of(y))

    @property
    def units(self) -> Units | None:
        if not self.solves:
            return None
        scale = self.y_scale
        if self.kind == "classification":
            scale = scale * self.log_logits.exp()
        return Units(self.x_offset, self.x_scale, self.y_offset, scale)

    def parts(self, support: Support) -> list[Support]:
        """The tasks in one part, or in several where they are to be convolved."""
        size = len(support) if self.image is None else PICTURES_AT_ONCE[self.blank.pooling]
        return [support.rows(slice(at, at + size)) for at in range(0, len(support), size)]

    @property
    def kind(self) -> Kind:
        return "classification" if isinstance(self.task_view, Classes) else "regression"

    @property
    def decisions(self) -> tuple[Decision, ...]:
        return self.menu.decisions

    @property
    def choices(self) -> tuple[int, ...]:
        return self.menu.choices

    def order(self, composition: Int[Tensor, "tasks decisions"]) -> Int[Tensor, " tasks"] | None:
        """The order of tasks in which their networks run fastest; None where all are alike."""
        return composition[:, 0].argsort(stable=True) if len(self.activations) > 1 else None

    def fitting(self, place: int) -> Bool[Tensor, " options"] | None:
        """Which options of the decision on a hidden layer there are; None where all are."""
        hidden, between = len(self.hidden.weight), self.depth - 2
        option = torch.arange(hidden + self.stop, device=self.hidden.weight.device)
        if self.kind == "regression":
            return option >= 0 if self.stop else None
        return (option % between == place % hidden) | (option == hidden)

    def shape(self, composition: Int[Tensor, "tasks decisions"]) -> Shape:
        """The activations and the presence of hidden layers that the compositions name."""
        menus = len(self.decisions) - self.depth
        several = len(self.activations) > 1
        hidden = composition[:, menus + 2 :]
        return self.blank._replace(
            activation=composition[:, 0] if several else None,
            counts=self._counts(composition[:, 0]) if several else None,
            present=hidden < len(self.hidden.weight) if self.stop else None,
        )

    def _counts(self, activation: Int[Tensor, " tasks"]) -> tuple[int, ...] | None:
        """How many tasks have each activation; None where tasks are not in its order."""
        if (activation[1:] < activation[:-1]).any():
            return None
        return tuple(activation.bincount(minlength=len(self.activations)).tolist())

    def gather(
        self, composition: Int[Tensor, "tasks decisions"], ways: int | None = None
    ) -> ComposedNetwork:
        """The networks that the compositions name, one a task; gradients flow to the pool.

        `composition` is in decision order (see `decisions`), each entry an index into its bank or
        menu. A hidden layer that is absent is a copy of some layer that is never run. In
        classification, networks that solve may have other `ways` than the pool was made for.
        """
        weights: list[Float[Tensor, "tasks inputs outputs"]] = []
        rates: list[Float[Tensor, "tasks ..."]] = []
        factor = self._factor(composition)
        for bank, chosen in self._layers(composition):
            weights += taken(bank, chosen, ways)
            given = rates_of(bank, chosen)
            rates += given if factor is None else [rate * factor for rate in given]
        network = ComposedNetwork(weights, rates, self.shape(composition))
        if not self.solves:
            return network
        solves = None
        if len(self.adaptation) > 1:
            decided = composition[:, len(self.decisions) - self.depth - 1]
            solves = decided == self.adaptation.index("solve")
        prior = self._prior(composition, ways)
        return network._replace(prior=prior, solves=solves, units=self.units)

    def _prior(self, composition: Int[Tensor, "tasks decisions"], ways: int | None) -> Prior:
        first, last = composition.unbind(1)[len(self.decisions) - self.depth :][:2]
        prior = Prior(self.beliefs.root[last], self.beliefs.log_noise[last] * FASTER)
        if not self.direct:
            return prior
        gate = (first < len(self.input.weight)).view(-1, 1, 1)
        head, beliefs = self.shortest, self.shortest_beliefs
        return prior._replace(
            log_noise=torch.where(gate, prior.log_noise, beliefs.log_noise[last] * FASTER),
            gate=gate.to(head.weight.dtype),
            direct=(*taken(head, last, ways), beliefs.root[last]),
        )

    def absorb(
        self, composition: Int[Tensor, "tasks decisions"], adapted: ComposedNetwork, share: float
    ) -> None:
        """Move each layer by `share` of the way to the mean of its adapted copies.

        With a share of 1 the adapted layers are written back (Stachyra, 2023); with less this is
        Reptile's step (Nichol, Achiam & Schulman, 2018), taken layer by layer. `Heads` stay as they
        are.
        """
        present = adapted.shape.present
        copies: dict[Bank | Heads, list[tuple[Tensor, Tensor, Tensor]]] = {}
        for layer, (bank, chosen) in enumerate(self._layers(composition)):
            weight, bias = adapted.weights[2 * layer], adapted.weights[2 * layer + 1]
            if bank is self.hidden and present is not None:
                there = present[:, layer - 1]
                chosen, weight, bias = chosen[there], weight[there], bias[there]
            copies.setdefault(bank, []).append((chosen, weight, bias))
        for bank, parts in copies.items():
            if isinstance(bank, Heads):
                continue
            chosen, weight, bias = (torch.cat(column) for column in zip(*parts, strict=True))
            absorb(bank.weight, chosen, weight, share)
            absorb(bank.bias, chosen, bias, share)

    def _layers(
        self, composition: Int[Tensor, "tasks decisions"]
    ) -> list[tuple[Bank | Heads, Int[Tensor, " tasks"]]]:
        """The banks in forward order, each with the layer that every task takes from it."""
        first, last, *hidden = composition.unbind(1)[len(self.decisions) - self.depth :]
        most = len(self.hidden.weight) - 1
        between = [(self.hidden, chosen.clamp(max=most)) for chosen in hidden]
        return [
            (self.input, first.clamp(max=len(self.input.weight) - 1)),
            *between,
            (self.output, last),
        ]

    def _factor(
        self, composition: Int[Tensor, "tasks decisions"]
    ) -> Float[Tensor, "tasks 1 1"] | None:
        if len(self.rates) == 1:
            return None
        menu = torch.tensor(self.rates, device=composition.device)
        return menu[composition[:, int(len(self.activations) > 1)]].view(-1, 1, 1)
