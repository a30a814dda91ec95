"""A learner that keeps every law: the smallest to start from, and to break."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from benchmarks.core import BudgetedSource, Predictor, State, Support, TaskBatch, task_mse


@dataclass
class ToyLearner:
    """A linear model that is meta-trained by gradient descent and adapts its weights."""

    rate: float = 0.1
    name: ClassVar[str] = "toy"
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    test_fields: ClassVar[Mapping[str, Any]] = {}
    needs: ClassVar[frozenset[str]] = frozenset()

    def fit(self, source: BudgetedSource, generator: torch.Generator) -> None:
        shape = source.problem.features, source.problem.outputs
        self.weight_ = torch.randn(shape, generator=generator)
        self.partial_fit(source, generator)

    def partial_fit(self, source: BudgetedSource, generator: torch.Generator) -> None:
        while not source.exhausted:
            self.learn(source.sample(8, shots=4, queries=5))

    def learn(self, batch: TaskBatch) -> None:
        weight = self.weight_.clone().requires_grad_()
        query = batch.query
        loss = self.loss(query.x @ weight, query.y, query.mask).mean()
        self.weight_ = self.weight_ - self.rate * torch.autograd.grad(loss, weight)[0]

    def loss(self, prediction: Tensor, y: Tensor, mask: Tensor) -> Tensor:
        return task_mse(prediction, y, mask)

    def adapt(self, support: Support, steps: Sequence[int]) -> Iterator[Predictor]:
        weight = self.weight_.expand(len(support), -1, -1)
        bias = torch.zeros_like(support.y[:, :1])
        done = 0
        for step in steps:
            for _ in range(step - done):
                error = support.x @ weight + bias - support.y
                weight = weight - self.rate * (support.x.mT @ error / support.points)
                bias = bias - self.rate * error.mean(1, keepdim=True)
            done = step
            yield self.predictor(weight, bias)

    def predictor(self, weight: Tensor, bias: Tensor) -> Predictor:
        return lambda x: x @ weight + bias

    def state(self) -> State:
        return {"weight": self.weight_}

    def load_state(self, state: State) -> None:
        self.weight_ = state["weight"]
