"""Running and adapting a batch of composed networks, one a task."""

from typing import Any, NamedTuple, TypeVar

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from benchmarks.core import task_loss
from reml.inner.head import Posterior, Prior, coordinates, prototypes, solved, spread
from reml.inner.shape import Shape, affine


class Units(NamedTuple):
    """Offsets and scales of inputs and targets: networks know standardised ones alone."""

    x_offset: Float[Tensor, " features"]
    x_scale: Float[Tensor, " features"]
    y_offset: Float[Tensor, " outputs"]
    y_scale: Float[Tensor, " outputs"]


def spread_of(values: Float[Tensor, "points numbers"]) -> Float[Tensor, " numbers"]:
    """How far each number spreads; 1 where it does not."""
    deviation = values.std(0, correction=0)
    return torch.where(deviation > 1e-6 * values.abs().mean(0), deviation, 1.0)


class ComposedNetwork(NamedTuple):
    """One network a task: weight and bias of each layer in forward order, and their rates.

    Attributes:
        weights: alternately (tasks, in, out) and (tasks, 1, out).
        rates: (tasks, 1, 1) for each, (tasks, in, 1) where each input has its own, or as weights.
        shape: what it is beside its weights.
        prior: what its last layer believes of itself, where it can be solved for.
        posterior: what it believes after that, once it is.
        solves: which tasks solve for their last layer; None where all do, or none can. The others
            take gradient steps.
        units: of what it is given and says; None where those are its own.
    """

    weights: list[Tensor]
    rates: list[Tensor]
    shape: Shape = Shape()
    prior: Prior | None = None
    posterior: Posterior | None = None
    solves: Bool[Tensor, " tasks"] | None = None
    units: Units | None = None

    def detach(self) -> "ComposedNetwork":
        return self._replace(
            weights=[w.detach() for w in self.weights],
            rates=[r.detach() for r in self.rates],
            prior=None if self.prior is None else _detached(self.prior),
            posterior=None if self.posterior is None else _detached(self.posterior),
        )


Held = TypeVar("Held", Prior, Posterior)


def _detached(held: Held) -> Held:
    def detached(value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(map(detached, value))
        return value.detach() if isinstance(value, Tensor) else value

    return type(held)(*map(detached, held))


def run(
    network: ComposedNetwork,
    x: Float[Tensor, "tasks points features"],
    support: Float[Tensor, "tasks shown features"] | None = None,
    real: Bool[Tensor, "tasks points"] | None = None,
) -> Float[Tensor, "tasks points outputs"]:
    """Predictions of each task's network: activations between layers, identity at the output.

    Batch normalisation takes its statistics from `x`, or, where it is "support" and `support` is
    given, from that: then what is predicted at a point does not depend on the others. `real` tells
    points from padding, if there is any.
    """
    x, given = _standard(network, x), None if support is None else _standard(network, support)
    hidden = _hidden(network, x, given, real)
    y = affine(hidden, *network.weights[-2:])
    if network.prior is not None:
        y, psi = _believed(network.prior, x, hidden, y)
        if network.posterior is not None:
            y = y + network.posterior.answer(psi)
    return y if network.units is None else y * network.units.y_scale + network.units.y_offset


def _standard(
    network: ComposedNetwork, x: Float[Tensor, "tasks points features"]
) -> Float[Tensor, "tasks points features"]:
    units = network.units
    return x if units is None else (x - units.x_offset) / units.x_scale


def _hidden(
    network: ComposedNetwork,
    x: Float[Tensor, "tasks points features"],
    support: Float[Tensor, "tasks shown features"] | None,
    real: Bool[Tensor, "tasks points"] | None,
) -> Float[Tensor, "tasks points units"]:
    """What comes out of all layers but the last, as the last takes it."""
    weights, shape = network.weights, network.shape
    shown = 0
    if support is not None and shape.batch_norm == "support":
        shown, real = support.shape[1], None
        x = torch.cat([support, x], 1)
    x = shape.begin(x)
    for layer in range(len(weights) // 2 - 1):
        h = shape.layer(x, weights[2 * layer], weights[2 * layer + 1], shown, real)
        if layer and shape.present is not None:
            h = torch.where(shape.present[:, layer - 1, None, None], h, x)
        x = h
    return shape.features(x[:, shown:] if shown else x)


def _believed(
    prior: Prior,
    x: Float[Tensor, "tasks points features"],
    hidden: Float[Tensor, "tasks points inputs"],
    y: Float[Tensor, "tasks points outputs"],
) -> tuple[Float[Tensor, "tasks points outputs"], Float[Tensor, "tasks points rank"]]:
    """The prior mean, and the points in the coordinates of the last layer (see `reml.inner.head`).

    A head that reads the inputs has coordinates of its own, beside those of the others; each task
    is at 0 in those that are not its own.
    """
    psi = coordinates(hidden, prior.root)
    if prior.direct is None:
        return y, psi
    assert prior.gate is not None
    weight, bias, root = prior.direct
    y = prior.gate * y + (1 - prior.gate) * affine(x, weight, bias)
    return y, torch.cat([prior.gate * psi, (1 - prior.gate) * coordinates(x, root)], 2)


def features(
    network: ComposedNetwork, x: Float[Tensor, "tasks points features"]
) -> Float[Tensor, "tasks points units"]:
    """What the last layer of each task's network reads at these points."""
    return _hidden(network, _standard(network, x), None, None)


def believed(
    network: ComposedNetwork,
    x: Float[Tensor, "tasks points features"],
    support: Float[Tensor, "tasks shown features"] | None = None,
) -> tuple[Float[Tensor, "tasks points outputs"], Float[Tensor, "tasks points rank"]]:
    """Prior mean, standardised, and coordinates of these points; see `reml.inner.head`."""
    assert network.prior is not None
    x, given = _standard(network, x), None if support is None else _standard(network, support)
    hidden = _hidden(network, x, given, None)
    return _believed(network.prior, x, hidden, affine(hidden, *network.weights[-2:]))


def standard_targets(
    network: ComposedNetwork, y: Float[Tensor, "tasks points outputs"]
) -> Float[Tensor, "tasks points outputs"]:
    """Targets as the last layer is to explain them: standardised; of classes, less their mean."""
    if network.shape.kind == "classification":
        return y - 1 / y.shape[2]
    return y if network.units is None else (y - network.units.y_offset) / network.units.y_scale


def surely(
    network: ComposedNetwork,
    x: Float[Tensor, "tasks points features"],
    support: Float[Tensor, "tasks shown features"],
) -> tuple[Float[Tensor, "tasks points outputs"], Float[Tensor, "tasks points outputs"]]:
    """What `run` predicts, and how far new observations may lie from it, in the targets' units."""
    assert network.prior is not None
    y, psi = believed(network, x, support)
    if network.posterior is not None:
        y = y + network.posterior.answer(psi)
    std = (spread(network.posterior, psi) * network.prior.noise).sqrt().to(x.dtype)
    if network.units is None:
        return y, std
    return y * network.units.y_scale + network.units.y_offset, std * network.units.y_scale


def adapt(
    network: ComposedNetwork,
    x: Float[Tensor, "tasks points features"],
    y: Float[Tensor, "tasks points outputs"],
    *,
    max_norm: float,
    differentiable: bool,
    second_order: bool = True,
) -> ComposedNetwork:
    """One adaptation step of every task's network on its own support points.

    That is solving for the last layer, which is done once: more steps change nothing; or a gradient
    step, for networks that have no prior, or tasks that do not solve. The gradient is that of the
    **sum** of per-task losses, so each task takes its own exact step; its norm is capped at
    `max_norm` task by task. `differentiable` keeps the graph, for the meta-gradient, through the
    gradient itself only where `second_order` is set; without it the result is detached.
    """
    if network.prior is not None:
        if network.posterior is None:
            network = _solve(network, x, y, differentiable)
        if network.solves is None:
            return network
    weights = network.weights
    # a layer that starts at 0 for every task is no parameter; it may still be adapted
    weights = [
        weight if differentiable and weight.requires_grad else weight.detach().requires_grad_()
        for weight in weights
    ]
    with torch.enable_grad():
        predicted = run(network._replace(weights=weights), x)
        loss = task_loss(network.shape.kind)(predicted, y).sum()
        gradients = torch.autograd.grad(
            loss, weights, create_graph=differentiable and second_order, retain_graph=differentiable
        )
    square = torch.cat([(g * g).sum((1, 2), keepdim=True) for g in gradients], 2)
    square = square.sum(2, keepdim=True)
    cap = (max_norm / (square + 1e-12).sqrt()).clamp(max=1.0)
    if network.solves is not None:
        cap = cap * ~network.solves.view(-1, 1, 1)
    stepped = [
        torch.addcmul(w, rate * cap, g, value=-1)
        for w, rate, g in zip(weights, network.rates, gradients, strict=True)
    ]
    adapted = network._replace(weights=stepped)
    return adapted if differentiable else adapted.detach()


def _solve(
    network: ComposedNetwork,
    x: Float[Tensor, "tasks points features"],
    y: Float[Tensor, "tasks points outputs"],
    differentiable: bool,
) -> ComposedNetwork:
    with torch.set_grad_enabled(differentiable):
        mean, psi = believed(network, x)
        if network.solves is not None:
            psi = psi * network.solves.view(-1, 1, 1)
        if network.shape.head == "prototypes":
            return network._replace(posterior=prototypes(psi, y))
        return network._replace(posterior=solved(psi, standard_targets(network, y) - mean))
