"""Transformer neural processes (Nguyen & Grover, 2022), the diagonal one, TNP-D."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from baselines._episodic import Count, Rate
from baselines._reading import Reader
from benchmarks.core import Support
from benchmarks.core.search import LogUniform, OneOf, Space, Whole
from benchmarks.networks import Linear, mlp

Keys = list[tuple[Tensor, Tensor]]
"""Keys and values of the support points, for each layer."""


@dataclass
class TNP(Reader):
    """A transformer whose support points look at each other, and query points at them.

    Sizes and loss are the paper's for curves (appendix, and the authors' configuration `gp/tnpd`):
    64 numbers a token, 4 heads, 6 layers, 128 between, an embedding of 4 layers. Query points see
    neither each other nor themselves, so each prediction stands alone.

    Deviations: 8 tasks in each update (the paper: 16; small budgets would be few updates), a cap on
    the gradient's norm, and a deviation of softplus (the paper's: exp), which is at least 0.01:
    where there is no noise, the likelihood has no bound.

    Attributes:
        width: numbers that stand for a point.
        between: width of the layer between two attentions.
        heads: of each attention; they share `width`.
        layers: of attention.
        embedding: layers that embed a point.
        loss: the paper's `gaussian` likelihood, or `mse`.
        lr: Adam's learning rate, at first.
        train_shots: support points of a training task, or fewest and most of them; drawn anew each
            update. None is as in the test.
        train_queries: query points of a training task.
        batch_tasks: training tasks in each update.
    """

    width: Count = 64
    between: Count = 128
    heads: Count = 4
    layers: Count = 6
    embedding: Count = 4
    loss: Literal["mse", "gaussian"] = "gaussian"
    lr: Rate = 5e-4
    batch_tasks: Count = 8

    name: ClassVar[str] = "tnp"
    effort: ClassVar[float] = 3.5e-3
    search: ClassVar[Space] = {
        "lr": LogUniform(1e-4, 3e-3),
        "batch_tasks": Whole(4, 32, log=True),
        "loss": OneOf(("mse", "gaussian")),
        "width": OneOf((32, 64, 128)),
        "between": OneOf((64, 128, 256)),
        "layers": Whole(2, 6),
    }
    test_fields: ClassVar[Mapping[str, Any]] = {
        **{"width": 8, "between": 8, "heads": 2, "layers": 2, "embedding": 2},
        "batch_tasks": 12,
    }
    least_sigma: ClassVar[float] = 0.01

    def __post_init__(self) -> None:
        """Check that heads can share the width.

        Raises:
            ValueError: they cannot.
        """
        super().__post_init__()
        if self.width % self.heads:
            raise ValueError(f"expected a width that {self.heads} heads share, got {self.width}")

    def _draw(
        self, features: int, outputs: int, numbers: int, generator: torch.Generator
    ) -> nn.ModuleDict:
        hidden = [self.width] * (self.embedding - 1)
        sizes = self.width, self.between, self.heads
        return nn.ModuleDict(
            {
                "embed": mlp(features + outputs, hidden, self.width, generator),
                "layers": nn.ModuleList(Layer(*sizes, generator) for _ in range(self.layers)),
                "head": mlp(self.width, [self.between], numbers, generator),
            }
        )

    @property
    def _layers(self) -> Any:
        return self.networks_["layers"]

    def _read(self, support: Support) -> Keys:
        tokens = self.networks_["embed"](torch.cat([support.x, support.y], 2))
        keys: Keys = []
        for layer in self._layers:
            keys.append(layer.keys(tokens))
            tokens = layer(tokens, keys[-1])
        return keys

    def _say(
        self, kept: Keys, x: Float[Tensor, "tasks points features"]
    ) -> Float[Tensor, "tasks points numbers"]:
        untold = x.new_zeros(*x.shape[:2], self.outputs_)
        tokens = self.networks_["embed"](torch.cat([x, untold], 2))
        for layer, keys in zip(self._layers, kept, strict=True):
            tokens = layer(tokens, keys)
        return self.networks_["head"](tokens)


class Layer(nn.Module):
    """Attention and two linear layers, each added to what went in, then normalised."""

    def __init__(self, width: int, between: int, heads: int, generator: torch.Generator) -> None:
        super().__init__()
        self.heads = heads
        self.asks = Linear(width, width, generator)
        self.tells = Linear(width, 2 * width, generator)
        self.joins = Linear(width, width, generator)
        self.thinks = mlp(width, [between], width, generator)
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(2))

    def keys(self, tokens: Float[Tensor, "tasks points width"]) -> tuple[Tensor, Tensor]:
        """Keys and values of the points that others look at."""
        key, value = self.tells(tokens).chunk(2, 2)
        return self._parted(key), self._parted(value)

    def forward(
        self, tokens: Float[Tensor, "tasks points width"], keys: tuple[Tensor, Tensor]
    ) -> Float[Tensor, "tasks points width"]:
        seen = functional.scaled_dot_product_attention(self._parted(self.asks(tokens)), *keys)
        tokens = self.norms[0](tokens + self.joins(seen.transpose(1, 2).flatten(2)))
        return self.norms[1](tokens + self.thinks(tokens))

    def _parted(
        self, tokens: Float[Tensor, "tasks points width"]
    ) -> Float[Tensor, "tasks heads points part"]:
        return tokens.unflatten(2, (self.heads, -1)).transpose(1, 2)
