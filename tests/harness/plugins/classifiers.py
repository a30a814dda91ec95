"""Cheap learners for families of classes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch

from benchmarks.core import BudgetedSource, Kind, Predictor, State, Support


@dataclass
class Nearest:
    """The class whose mean is nearest; every adaptation step makes it look at more pixels."""

    name: ClassVar[str] = "nearest"
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    test_fields: ClassVar[Mapping[str, Any]] = {}
    kinds: ClassVar[frozenset[Kind]] = frozenset({"classification"})
    needs: ClassVar[frozenset[str]] = frozenset()

    def fit(self, source: BudgetedSource, generator: torch.Generator) -> None:
        self.partial_fit(source, generator)

    def partial_fit(self, source: BudgetedSource, generator: torch.Generator) -> None:
        while not source.exhausted:
            batch = source.sample(4, shots=1, queries=1)
            source.log(query_loss=batch.query.x.mean())

    def adapt(self, support: Support, steps: Sequence[int]) -> Iterator[Predictor]:
        counts = support.y.sum(1).unsqueeze(2)
        means = support.y.transpose(1, 2) @ support.x / counts
        for step in steps:
            pixels = support.x.shape[2] * (step + 1) // (step + 2)
            yield lambda x, pixels=pixels: self._logits(x[..., :pixels], means[..., :pixels])

    def _logits(self, x: torch.Tensor, means: torch.Tensor) -> torch.Tensor:
        return -torch.cdist(x, means)

    def state(self) -> State:
        return {}

    def load_state(self, state: State) -> None:
        pass


@dataclass
class Centring(Nearest):
    """Looks at all points it is asked about before it says anything about one."""

    name: ClassVar[str] = "centring"
    transductive: ClassVar[bool] = True

    def _logits(self, x: torch.Tensor, means: torch.Tensor) -> torch.Tensor:
        return super()._logits(x - x.mean(1, keepdim=True), means - means.mean(1, keepdim=True))
