"""What a composed network is beside its weights, and how its layers are run."""

from collections.abc import Callable
from typing import Literal, NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional

from benchmarks.core import Kind
from benchmarks.networks import convolve, normalise, pool

BatchNorm = Literal["off", "transductive", "support"]
Pooling = Literal["stride", "max"]
Head = Literal["ridge", "prototypes"]
STRIDE = 2
WINDOW = 9
"""Pixels that a convolution sees at once."""

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": torch.relu_,
    "tanh": torch.tanh_,
    "silu": functional.silu,
}
"""By name; each may overwrite what it is given."""
KEEPING = {**ACTIVATIONS, "relu": torch.relu, "tanh": torch.tanh}
"""The same, for what must not be overwritten."""


class Shape(NamedTuple):
    """What a composed network is beside its weights.

    Attributes:
        activations: the menu of activations.
        activation: the task's own, as an index into the menu; None where the menu has but one.
        counts: how many tasks have each activation, where tasks are in the order of `activation`:
            then each is computed for the tasks that have it, and not for all. None elsewhere.
        present: which hidden layers are there; None where all are. The others pass their input on.
        image: channels, height and width of the inputs, where all layers but the last are
            convolutions: 3×3 windows, each times the layer's matrix.
        pooling: of those, every second is taken (`stride`), or what is largest of four (`max`).
        batch_norm: whether all layers but the last are batch-normalised, each task by itself, and
            then with whose statistics; see `run`. The bias is added after it, as its shift; a scale
            would say nothing that the matrix of the next layer cannot.
        kind: which loss adaptation descends.
        head: what a last layer that solves for classes becomes; see `reml.inner.head`.
        unit_features: whether what the last layer reads has unit length (times the root of how many
            numbers it is): only its direction counts, as in cosine similarity.
    """

    activations: tuple[str, ...] = ("relu",)
    activation: Int[Tensor, " tasks"] | None = None
    counts: tuple[int, ...] | None = None
    present: Bool[Tensor, "tasks layers"] | None = None
    image: tuple[int, int, int] | None = None
    pooling: Pooling = "stride"
    batch_norm: BatchNorm = "off"
    kind: Kind = "regression"
    unit_features: bool = False
    head: Head = "ridge"

    def begin(self, x: Float[Tensor, "tasks points features"]) -> Float[Tensor, "tasks points ..."]:
        """The inputs as the first layer takes them: pictures have their channels last."""
        if self.image is None:
            return x
        return x.unflatten(2, self.image).movedim(2, -1)

    def layer(
        self,
        x: Float[Tensor, "tasks points ..."],
        weight: Float[Tensor, "tasks inputs outputs"],
        bias: Float[Tensor, "tasks 1 outputs"],
        reference: int = 0,
        real: Bool[Tensor, "tasks points"] | None = None,
    ) -> Float[Tensor, "tasks points ..."]:
        """What comes out of a layer that is not the last, activation included.

        With batch normalisation, statistics are those of the first `reference` points, where that
        is 0 of all that are `real`.
        """
        if self.image is None and self.batch_norm == "off":
            return self.activate(affine(x, weight, bias))
        largest = self.image is not None and self.pooling == "max"
        stride = 1 if largest else STRIDE
        z = torch.bmm(x, weight) if self.image is None else convolve(x, weight, stride)
        if self.batch_norm != "off":
            z = normalise(z, z.new_ones(1, z.shape[-1]), bias, reference, real)
        else:
            z = z + bias.view(len(bias), *[1] * (z.dim() - 2), -1)
        return self.activate(pool(z) if largest else z)

    def features(
        self, x: Float[Tensor, "tasks points ..."]
    ) -> Float[Tensor, "tasks points features"]:
        """What comes out of all layers but the last, as the last takes it."""
        x = x.flatten(2)
        return functional.normalize(x, dim=2) * x.shape[2] ** 0.5 if self.unit_features else x

    def activate(self, z: Float[Tensor, "tasks points ..."]) -> Float[Tensor, "tasks points ..."]:
        """Each task's own activation of `z`, which may be overwritten."""
        if self.activation is None:
            return ACTIVATIONS[self.activations[0]](z)
        if self.counts is not None:
            parts = zip(self.activations, z.split(self.counts), strict=True)
            return torch.cat([KEEPING[name](part) for name, part in parts])
        chosen = self.activation.view(-1, *[1] * (z.dim() - 1))
        first, *others = self.activations
        result = KEEPING[first](z)
        for index, name in enumerate(others, 1):
            result = torch.where(chosen == index, KEEPING[name](z), result)
        return result


def affine(
    x: Float[Tensor, "tasks points inputs"],
    weight: Float[Tensor, "tasks inputs outputs"],
    bias: Float[Tensor, "tasks 1 outputs"],
) -> Float[Tensor, "tasks points outputs"]:
    """Each task's x · weight + bias; the result is fresh and may be overwritten."""
    return torch.bmm(x, weight).add_(bias)


def size_after(image: tuple[int, int, int], times: int, pooling: Pooling) -> tuple[int, int]:
    """How high and wide a picture is after so many convolutions."""
    _, height, width = image
    for _ in range(times):
        if pooling == "stride":
            height, width = -(-height // STRIDE), -(-width // STRIDE)
        elif min(height, width) > 1:
            height, width = height // 2, width // 2
    return height, width
