"""Conditional neural processes (Garnelo et al., 2018): a network reads the whole support set."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

import torch
from annotated_types import Ge, Gt, MinLen
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.core import (
    BudgetedSource,
    Predictor,
    Spread,
    State,
    Support,
    TaskBatch,
    task_mse,
)
from benchmarks.core.budget import TrainShots, check_shots, drawn
from benchmarks.networks import mlp

Count = Annotated[int, Ge(1)]
Rate = Annotated[float, Gt(0)]
LEAST_SIGMA = 0.1  # of the paper's own code, which has sigma = 0.1 + 0.9 softplus


@dataclass
class CNP:
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
    loss: Literal["mse", "gaussian"] = "mse"
    lr: Rate = 0.003
    train_shots: TrainShots = None
    train_queries: Count = 50
    batch_tasks: Count = 25

    name: ClassVar[str] = "cnp"
    effort: ClassVar[float] = 3e-4
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    test_fields: ClassVar[Mapping[str, Any]] = {"encoder": (8, 8), "decoder": (8,)}
    needs: ClassVar[frozenset[str]] = frozenset()

    def __post_init__(self) -> None:
        check_shots(self.train_shots)

    def fit(self, source: BudgetedSource, generator: torch.Generator) -> None:
        """Draw new weights, then train them with `partial_fit`."""
        self._build(source.problem.features, source.problem.outputs, generator)
        self.partial_fit(source, generator)

    def partial_fit(self, source: BudgetedSource, generator: torch.Generator) -> None:
        """Train further; Adam's moments and the fall of the learning rate start anew."""
        networks = self.networks_.to(source.device)
        optimiser = torch.optim.Adam(networks.parameters(), self.lr)
        span = source.shot_range(self.train_shots)
        while not source.exhausted:
            falling = (1 + math.cos(math.pi * source.progress)) / 2
            optimiser.param_groups[0]["lr"] = self.lr * falling
            shots = drawn(span, generator)
            batch = source.sample(self.batch_tasks, shots=shots, queries=self.train_queries)
            loss = self._query_loss(batch).mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            source.count(outer_gradients=len(batch))
            source.log(query_loss=loss)

    def adapt(self, support: Support, steps: Sequence[int]) -> Iterator[Predictor]:
        """Yield the same predictor for each number of steps; see `MetaLearner.adapt`."""
        self.networks_.to(support.x.device)
        with torch.no_grad():
            code = self._encode(support)

        @torch.no_grad()
        def predict(x: Tensor) -> Tensor:
            return self._decode(code, x)[..., : self.outputs_]

        @torch.no_grad()
        def std(x: Tensor) -> Tensor:
            return _sigma(self._decode(code, x)[..., self.outputs_ :])

        for _ in steps:
            yield predict if self.loss == "mse" else Spread(predict, std)

    def state(self) -> State:
        return {
            "features": self.features_,
            "outputs": self.outputs_,
            "networks": self.networks_.state_dict(),
        }

    def load_state(self, state: State) -> None:
        self._build(state["features"], state["outputs"], torch.Generator())
        self.networks_.load_state_dict(state["networks"])

    def _build(self, features: int, outputs: int, generator: torch.Generator) -> None:
        self.features_, self.outputs_ = features, outputs
        *hidden, code = self.encoder
        numbers = outputs if self.loss == "mse" else 2 * outputs
        self.networks_ = nn.ModuleDict(
            {
                "encoder": mlp(features + outputs, hidden, code, generator),
                "decoder": mlp(features + code, self.decoder, numbers, generator),
            }
        )

    def _encode(self, support: Support) -> Float[Tensor, "tasks 1 width"]:
        points = torch.cat([support.x, support.y], 2)
        return self.networks_["encoder"](points).mean(1, keepdim=True)

    def _decode(
        self, code: Float[Tensor, "tasks 1 width"], x: Float[Tensor, "tasks points features"]
    ) -> Float[Tensor, "tasks points numbers"]:
        inputs = torch.cat([x, code.expand(-1, x.shape[1], -1)], 2)
        return self.networks_["decoder"](inputs)

    def _query_loss(self, batch: TaskBatch) -> Float[Tensor, " tasks"]:
        query = batch.query
        decoded = self._decode(self._encode(batch.support), query.x)
        if self.loss == "mse":
            return task_mse(decoded, query.y, query.mask)
        mean, raw = decoded.split(self.outputs_, 2)
        sigma = _sigma(raw)
        surprise = ((query.y - mean) / sigma) ** 2 / 2 + sigma.log() + math.log(2 * math.pi) / 2
        weight = query.mask.to(surprise.dtype)
        return (surprise.mean(2) * weight).sum(1) / weight.sum(1)


def _sigma(raw: Tensor) -> Tensor:
    return LEAST_SIGMA + (1 - LEAST_SIGMA) * functional.softplus(raw)
