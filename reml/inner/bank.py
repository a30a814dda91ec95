"""Layers of one shape, side by side: how they start, and how they take in adapted copies."""

import math
from typing import Any, Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from reml.inner.shape import Head


def glorot(
    layers: int, inputs: int, outputs: int, generator: torch.Generator
) -> Float[Tensor, "layers inputs outputs"]:
    """Weights of so many layers, Glorot uniform (Glorot & Bengio, 2010)."""
    bound = math.sqrt(6 / (inputs + outputs))
    return (torch.rand(layers, inputs, outputs, generator=generator) * 2 - 1) * bound


RatesPer = Literal["layer", "weight"]
SIGNAL = 40.0
LOG_NOISE = -2.0
FASTER = 5.0
"""How much faster than the weights the logarithm of the noise may move: it has far to go."""


class Bank(nn.Module):
    """`layers` linear layers of one shape: Glorot uniform weights, zero biases.

    With `inner_lr` they are parameters, each layer with learning rates of its own for adaptation,
    which start there: one for its weights and one for its biases, or one for each number in it (Li
    et al., "Meta-SGD", 2017). Without, they are only moved by what becomes of their copies, see
    `absorb`.
    """

    weight: Tensor
    bias: Tensor
    log_rate: Tensor

    def __init__(
        self,
        layers: int,
        inputs: int,
        outputs: int,
        generator: torch.Generator,
        inner_lr: float | None = None,
        rates_per: RatesPer = "layer",
    ) -> None:
        super().__init__()
        weight, bias = glorot(layers, inputs, outputs, generator), torch.zeros(layers, 1, outputs)
        if inner_lr is None:
            self.register_buffer("weight", weight)
            self.register_buffer("bias", bias)
        else:
            self.weight, self.bias = nn.Parameter(weight), nn.Parameter(bias)
            each = (2,) if rates_per == "layer" else (inputs + 1, outputs)
            self.log_rate = nn.Parameter(torch.full((layers, *each), math.log(inner_lr)))

    def spread_kinks(self, generator: torch.Generator) -> None:
        """Draw biases from N(0, 1): the kinks of ReLUs that read inputs spread over their range."""
        with torch.no_grad():
            self.bias.normal_(generator=generator)

    def repeat(self, period: int) -> None:
        """Make every layer after the first `period` a copy of the one so many before it."""
        with torch.no_grad():
            self.weight.copy_(self.weight[torch.arange(len(self.weight)) % period])


class Heads(nn.Module):
    """Output layers for classes that are numbered at random: they are 0 until they are adapted.

    Whatever a head knew of number 3 before it saw the support set would be of no use, as number 3
    is another class in every task. It can but have the same column for every class, and then the
    column cancels in the softmax: such heads all do what zeros do (Ye & Chao, "How to train your
    MAML to excel in few-shot classification", 2022, get there from the other side). What sets one
    head apart from another is how fast it learns from each of its inputs: those rates are learned.
    The first step turns a column into its class's mean features less those of all classes, each
    times its rate.
    """

    weight: Tensor
    bias: Tensor

    def __init__(self, layers: int, inputs: int, outputs: int, inner_lr: float) -> None:
        super().__init__()
        self.register_buffer("weight", torch.zeros(layers, inputs, outputs), persistent=False)
        self.register_buffer("bias", torch.zeros(layers, 1, outputs), persistent=False)
        self.log_rate = nn.Parameter(torch.full((layers, inputs + 1), math.log(inner_lr)))


class Beliefs(nn.Module):
    """What heads believe before they see a point, one prior for each; see `reml.inner.head`.

    Prior deviations start equal, so that features of size 1 explain `SIGNAL` times what noise does,
    or at 1, where `prototypes` are compared by their distance.

    Args:
        heads: how many there are.
        inputs: what each reads.
        outputs: what each predicts.
        full: whether there are covariances between the weights.
        head: what is made of them, in classification.
    """

    log_share: Tensor | None
    """Of a mixture of priors (`reml.mixing`): how many of a network's tasks have each head."""
    owner: Tensor | None
    """And behind which composition, its head's number being 0, each stands."""

    def __init__(
        self, heads: int, inputs: int, outputs: int, *, full: bool, head: Head = "ridge"
    ) -> None:
        super().__init__()
        start = torch.eye(inputs + 1)
        if head == "ridge":
            start *= (SIGNAL / inputs) ** 0.5
        root = start if full else start.diagonal().unsqueeze(0)
        self.root = nn.Parameter(root.repeat(heads, 1, 1))
        self.log_noise = nn.Parameter(torch.full((heads, 1, outputs), LOG_NOISE / FASTER))
        self.register_buffer("log_share", None)
        self.register_buffer("owner", None)

    def _load_from_state_dict(self, state: dict[str, Any], prefix: str, *rest: Any) -> None:
        self.log_share = state.get(f"{prefix}log_share")
        self.owner = state.get(f"{prefix}owner")
        super()._load_from_state_dict(state, prefix, *rest)


def taken(
    bank: Bank | Heads, chosen: Int[Tensor, " tasks"], ways: int | None = None
) -> tuple[Tensor, Tensor]:
    """Weights and biases of the chosen layers; of `Heads`, which are 0, for so many `ways`."""
    weight, bias = bank.weight[chosen], bank.bias[chosen]
    if ways is None or not isinstance(bank, Heads):
        return weight, bias
    return weight[..., :1].expand(-1, -1, ways), bias[..., :1].expand(-1, -1, ways)


def rates_of(bank: Bank | Heads, chosen: Int[Tensor, " tasks"]) -> tuple[Tensor, Tensor]:
    """Adaptation rates of the weights and of the biases of the chosen layers, three-dimensional."""
    rate = bank.log_rate[chosen].exp()
    rate = rate.unsqueeze(2) if rate.dim() == 2 else rate
    return rate[:, :-1], rate[:, -1:]


@torch.no_grad()
def absorb(
    kept: Float[Tensor, "layers inputs outputs"],
    chosen: Int[Tensor, " copies"],
    copies: Float[Tensor, "copies inputs outputs"],
    share: float,
) -> None:
    """Move each layer in `chosen` by `share` of the way to the mean of its copies; others stay.

    Args:
        kept: changed in place.
        chosen: which layer each copy is of.
        copies: what became of them.
        share: 1 puts the mean in the layer's place.
    """
    count = torch.bincount(chosen, minlength=len(kept)).view(-1, 1, 1)
    total = torch.zeros_like(kept).index_add_(0, chosen, copies)
    kept.lerp_(torch.where(count > 0, total / count.clamp_min(1), kept), share)


def network_size(first: Bank | Heads, between: Bank | Heads, last: Bank | Heads, depth: int) -> int:
    """How many weights and biases a network has that is composed of `depth` layers of these."""
    sizes = [bank.weight[0].numel() + bank.bias[0].numel() for bank in (first, between, last)]
    return sizes[0] + (depth - 2) * sizes[1] + sizes[2]
