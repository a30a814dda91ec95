"""Conditional neural processes (Garnelo et al., 2018): a network reads the whole support set."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import torch
from annotated_types import MinLen
from jaxtyping import Float
from torch import Tensor, nn

from baselines._episodic import Count
from baselines._reading import Reader
from benchmarks.core import Support
from benchmarks.core.search import LogUniform, OneOf, Space, Whole
from benchmarks.networks import mlp


@dataclass
class CNP(Reader):
    """Embeds each support point, takes the mean, and predicts from that mean and the query input.

    Nothing is adapted: one pass through the network is all there is, and the number of steps
    changes nothing. The mean takes any number of support points, in any order.

    Deviations from the paper: the default loss is squared error, as that is what is scored; the
    learning rate falls along half a cosine; only query points are predicted in training, not the
    support points again.

    Attributes:
        encoder: widths of the layers that embed a support point, the last that of the mean.
        decoder: widths of the hidden layers that predict.
        loss: `mse`, or the paper's `gaussian`, whose network also predicts a standard deviation
            of at least 0.1 (in the units of the tensors) and descends the negative log likelihood.
        lr: Adam's learning rate, at first.
        train_shots: support points of a training task, or fewest and most of them; drawn anew each
            update. None is as in the test.
        train_queries: query points of a training task.
        batch_tasks: training tasks in each update.
    """

    encoder: Annotated[tuple[Count, ...], MinLen(1)] = (128, 128, 128)
    decoder: tuple[Count, ...] = (128, 128)

    name: ClassVar[str] = "cnp"
    effort: ClassVar[float] = 3e-4
    search: ClassVar[Space] = {
        "lr": LogUniform(3e-4, 1e-2),
        "batch_tasks": Whole(8, 64, log=True),
        "loss": OneOf(("mse", "gaussian")),
        "encoder": OneOf(((64, 64, 64), (128, 128, 128), (256, 256, 256))),
        "decoder": OneOf(((64, 64), (128, 128), (256, 256))),
    }
    test_fields: ClassVar[Mapping[str, Any]] = {"encoder": (8, 8), "decoder": (8,)}
    least_sigma: ClassVar[float] = 0.1  # of the paper's own code
    max_norm: ClassVar[float] = 0.0

    def _draw(
        self, features: int, outputs: int, numbers: int, generator: torch.Generator
    ) -> nn.ModuleDict:
        *hidden, code = self.encoder
        return nn.ModuleDict(
            {
                "encoder": mlp(features + outputs, hidden, code, generator),
                "decoder": mlp(features + code, self.decoder, numbers, generator),
            }
        )

    def _read(self, support: Support) -> Float[Tensor, "tasks 1 width"]:
        points = torch.cat([support.x, support.y], 2)
        return self.networks_["encoder"](points).mean(1, keepdim=True)

    def _say(
        self, kept: Float[Tensor, "tasks 1 width"], x: Float[Tensor, "tasks points features"]
    ) -> Float[Tensor, "tasks points numbers"]:
        inputs = torch.cat([x, kept.expand(-1, x.shape[1], -1)], 2)
        return self.networks_["decoder"](inputs)
