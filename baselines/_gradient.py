"""What the learners that adapt one network by gradient descent have in common."""

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from baselines._episodic import Cap, Count, Descends, Rate
from baselines._steps import Loss, sgd_predictors
from benchmarks.core import BudgetedSource, Kind, Predictor, Problem, State, Support, task_loss
from benchmarks.core.budget import check_shots
from benchmarks.core.errors import MatrixError
from benchmarks.networks import Network, cnn4, mlp


@dataclass
class GradientLearner(Descends):
    """Adapts a ReLU network by plain gradient steps on the support set, all weights at once.

    Attributes:
        hidden: widths of the hidden layers of an `mlp`.
        inner_lr: learning rate of the adaptation steps.
        network: `mlp` has the hidden layers of `hidden`; `cnn4` is for pictures, four blocks of
            3×3 convolutions with `filters` each, and ignores `hidden`.
        filters: of each convolution of a `cnn4`.
        pooling: how a `cnn4` gets smaller: by the `stride` of its convolutions, as in MAML's
            paper, or by `max`-pooling, as in ProtoNets.
        batch_norm: whether hidden layers are normalised, and by whose statistics when query points
            are predicted: those of the query points themselves, predicted together
            (`transductive`, what the code of the papers does), or those of the task's support
            points (`support`), where each prediction stands alone. Training does as test does.
            Either way there is no running average, and every task is normalised by itself.
        max_inner_norm: cap on the norm of a task's gradient in an adaptation step, in training and
            at test; 0 is none.
    """

    hidden: tuple[Count, ...] = (40, 40, 40, 40)
    inner_lr: Rate = 0.01
    network: Literal["mlp", "cnn4"] = "mlp"
    filters: Count = 64
    pooling: Literal["stride", "max"] = "stride"
    batch_norm: Literal["off", "transductive", "support"] = "off"
    max_inner_norm: Cap = 0.0

    name: ClassVar[str]
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    test_fields: ClassVar[Mapping[str, Any]] = {"hidden": (8, 8)}
    needs: ClassVar[frozenset[str]] = frozenset()
    kinds: ClassVar[frozenset[Kind]] = frozenset({"regression", "classification"})
    later: ClassVar[Mapping[str, Any]] = {
        "network": "mlp",
        "filters": 64,
        "pooling": "stride",
        "batch_norm": "off",
        "max_inner_norm": 0.0,
    }

    def __post_init__(self) -> None:
        check_shots(getattr(self, "train_shots", None))

    @property
    def transductive(self) -> bool:
        return self.batch_norm == "transductive"

    def idle(self, problem: Problem) -> frozenset[str]:
        """Fields that make no difference, given the others."""
        return frozenset({"filters", "pooling"} if self.network == "mlp" else {"hidden"})

    @property
    def adapted_parameters(self) -> int:
        """How many numbers adaptation may change for one task: all weights of the network."""
        return sum(weight.numel() for weight in self.network_.parameters())

    @abstractmethod
    def partial_fit(self, source: BudgetedSource, generator: torch.Generator) -> None: ...

    def fit(self, source: BudgetedSource, generator: torch.Generator) -> None:
        """Draw new weights, then train them with `partial_fit`.

        Raises:
            MatrixError: `network` is "cnn4" and inputs are no pictures.
        """
        self._build(source.problem, generator)
        self.partial_fit(source, generator)

    def adapt(self, support: Support, steps: Sequence[int]) -> Iterator[Predictor]:
        """Yield a predictor after each number of gradient steps; see `MetaLearner.adapt`."""
        return sgd_predictors(
            self.network_,
            support,
            steps,
            self.inner_lr,
            self._loss,
            self._answer,
            self.max_inner_norm,
        )

    @property
    def for_pictures(self) -> bool:
        return self.network == "cnn4"

    def state(self) -> State:
        return {
            "features": self.problem_.features,
            "outputs": self.problem_.outputs,
            "metric": self.problem_.metric,
            "image": self.problem_.image,
            "network": self.network_.state_dict(),
        }

    def load_state(self, state: State) -> None:
        # states of regressors from before there was classification have neither metric nor image
        problem = Problem(
            state["features"],
            state["outputs"],
            metric=state.get("metric", "mse"),
            image=state.get("image"),
        )
        self._build(problem, torch.Generator())
        self.network_.load_state_dict(state["network"])

    def _build(self, problem: Problem, generator: torch.Generator) -> None:
        self.problem_ = problem
        self.network_: Network = self._draw(problem, generator)

    def _draw(self, problem: Problem, generator: torch.Generator) -> Network:
        normalised = self.batch_norm != "off"
        if self.network == "mlp":
            hidden, outputs = self.hidden, problem.outputs
            return mlp(problem.features, hidden, outputs, generator, batch_norm=normalised)
        if problem.image is None:
            numbers = "1 plain number" if problem.features == 1 else f"{problem.features} numbers"
            raise MatrixError(
                f"{self.name}: the network 'cnn4' is for pictures, and an input of this family is "
                f"{numbers}; use network = 'mlp'"
            )
        return cnn4(
            problem.image,
            self.filters,
            problem.outputs,
            generator,
            pooling=self.pooling,
            batch_norm=normalised,
        )

    @property
    def _loss(self) -> Loss:
        return task_loss(self.problem_.kind)

    def _answer(
        self, network: nn.Module, support: Support, x: Tensor, real: Tensor | None = None
    ) -> Tensor:
        """What `network` says of points `x` of the tasks whose support points are given.

        `real` tells points from padding, if there is any.
        """
        if self.batch_norm == "off":
            return network(x)
        if self.batch_norm == "transductive":
            return network(x, real=real)
        known = support.points
        return network(torch.cat([support.x, x], 1), known)[:, known:]
