"""REML as a meta-learner, and its named presets."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from jaxtyping import Int
from torch import Tensor

from benchmarks.core import (
    BudgetedSource,
    Choice,
    Diagnosis,
    Kind,
    Predictor,
    Problem,
    State,
    Support,
)
from benchmarks.core.budget import USUAL_SHOTS, shot_range
from benchmarks.core.search import Depending
from reml.candidates import Composed, Memo, compose, digest
from reml.inner.bank import network_size
from reml.inner.cost import cost_of
from reml.inner.pool import LayerPool
from reml.inner.predictors import predictors
from reml.inner.task_view import view_of
from reml.policy.composer import Composer, FixedComposer, RandomComposer
from reml.policy.recurrent import PolicyComposer
from reml.settings import Settings
from reml.space import space_of
from reml.training import Training

if TYPE_CHECKING:
    from reml.sb3.policy import Sb3Composer

LEANING = 3.0
"""Logarithm of the odds with which a policy starts to prefer the shortest route, for classes."""


@dataclass
class REML(Settings):
    """Reinforcement meta-learning (Stachyra, 2023), seeing nothing but the support set.

    A recurrent policy composes a network for each task out of a pool of layers. It reads the
    support set, in any order and of any size, the choices so far and what the partial network
    predicts on the support set. For the first `warm` of training the pool learns from the query
    loss of the networks as composed; after that, also through `train_steps` adaptation steps, with
    the learned adaptation rate of each layer. The policy learns all along, rewarded for low query
    losses. `stop`, `activations` and `rates` make hyper-parameters decisions of the policy, too.

    In classification the support set is seen as a set of classes, whatever their numbers
    (`reml.inner.task_view`); output layers start at 0 (`reml.inner.bank.Heads`), so `warm` is
    trained through one adaptation step; and losses are cross-entropies.

    Deviations from the thesis (see `reml.thesis` for that): no privileged task information, fresh
    tasks in every rollout, a layer may stand in several places, no invalid choices, a direct policy
    gradient instead of PPO, the pool trained by meta-gradients instead of written back.

    What can be set is in `reml.settings.Settings`.
    """

    name: ClassVar[str] = "reml"
    effort: ClassVar[float] = 2e-3
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "reml-random": {"composer": "random"},
        "reml-fixed": {"composer": "fixed"},
    }
    test_fields: ClassVar[Mapping[str, Any]] = {
        **{"width": 8, "depth": 4, "pool": (2, 3, 2), "policy_width": 8},
        "batch_tasks": 12,
        "train_queries": 8,
    }
    needs: ClassVar[frozenset[str]] = frozenset()
    kinds: ClassVar[frozenset[Kind]] = frozenset({"regression", "classification"})
    later: ClassVar[Mapping[str, Any]] = {
        "layers": "linear",
        "batch_norm": "off",
        "most_steps": None,
        "train_ways": None,
        "adaptation": "gradient",
        "loss": "nmse",
        "episodes": 1,
        "winner": 0.0,
        "combine": "best",
        "direct": None,
        "pooling": "stride",
        "search": "sample",
        "rates_per": "layer",
        "unit_features": False,
        "mixing": 0.0,
        "head": "ridge",
    }
    only_at_test: ClassVar[frozenset[str]] = frozenset(
        {"candidates", "combine", "search", "most_steps"}
    )
    search_space: ClassVar = Depending(space_of)

    def __post_init__(self) -> None:
        super().__post_init__()
        self._memo = Memo()
        self._training: Training | None = None

    @property
    def transductive(self) -> bool:
        return self.batch_norm == "transductive"

    def fit(self, source: BudgetedSource, generator: torch.Generator) -> None:
        """Draw a new pool and policy, then train both until the budget is spent.

        Raises:
            MatrixError: the fields do not suit the problem.
        """
        self.demand_suitable(source.problem)
        self.most_shots_ = shot_range(self.train_shots, source.shots)[1]
        self._build(source.problem, generator)
        self._train(source, generator, {"fresh": True})

    def partial_fit(self, source: BudgetedSource, generator: torch.Generator) -> None:
        """Train further, through adaptation from the start; Adam's moments start anew."""
        self._train(source, generator, {"fresh": False})

    def checkpoint(self) -> State | None:
        """See `core.Resumes`; stable-baselines3's learners cannot go on."""
        training = None if self._training is None else self._training.state()
        return None if training is None else {"learner": self.state(), "training": training}

    def resume(self, state: State, source: BudgetedSource, generator: torch.Generator) -> None:
        """See `core.Resumes`."""
        self.load_state(state["learner"])
        self._train(source, generator, state["training"])

    def _train(self, source: BudgetedSource, generator: torch.Generator, start: State) -> None:
        parts = self.pool_, self.composer_(), self.policy_
        self._training = Training(self, *parts, source, generator, start)
        try:
            self._training.run()
        finally:
            self._training = None

    def _build(self, problem: Problem, generator: torch.Generator) -> None:
        self.problem_ = problem
        self.pool_ = LayerPool(
            problem.features,
            problem.outputs,
            self.width,
            self.pool,
            self.depth,
            self.inner_lr,
            generator,
            stop=self.stop,
            activations=self.activations,
            rates=self.rates,
            image=problem.image if self.layers == "conv" else None,
            pooling=self.pooling,
            batch_norm=self.batch_norm,
            task_view=view_of(problem, self.width),
            adaptation=self.adaptations,
            direct=self._direct(problem),
            rates_per=self.rates_per,
            unit_features=self.unit_features,
            head=self.head if problem.kind == "classification" else "ridge",
        )
        self.policy_ = self._policy(generator) if self.composer == "policy" else None

    def _direct(self, problem: Problem) -> bool:
        if self.direct is None:
            return self.adaptations == ("solve",) and problem.kind == "classification"
        return self.direct

    def _policy(self, generator: torch.Generator) -> "PolicyComposer | Sb3Composer":
        problem = self.problem_
        sizes = problem.features, problem.outputs, self.pool_.choices, self.policy_width
        if self.optimiser == "policy_gradient":
            task_view = self.pool_.task_view
            policy = PolicyComposer(
                *sizes, generator, memory=self.policy, watch=self.watch, task_view=task_view
            )
            if self.pool_.shortest_first:
                decision = [it.kind for it in self.pool_.decisions].index("input")
                policy.lean(decision, self.pool_.choices[decision] - 1, LEANING)
            return policy
        # imported here because it takes seconds, and few want it
        from reml.sb3.policy import Sb3Composer

        return Sb3Composer(self.optimiser, *sizes, self.most_shots_, generator)

    def composer_(self) -> Composer:
        """Who composes: the learned policy, or the control in its place."""
        if self.policy_ is not None:
            return self.policy_
        if self.composer == "random":
            return RandomComposer(self.pool_.choices)
        return FixedComposer(self.pool_.choices, self.pool_.menu.in_order)

    def compose(self, support: Support) -> Int[Tensor, "tasks decisions"]:
        """The composition for each task: the policy's choice, or the best of `candidates`."""
        return self._compose(support).compositions[:, 0]

    def _compose(self, support: Support) -> Composed:
        pool, composer = self.pool_, self.composer_()
        candidates = 1 if self.composer == "fixed" else self.candidates
        how = candidates, self.max_inner_norm, self.combine, self.search
        held = [pool, *([] if self.policy_ is None else [self.policy_])]
        tensors = [tensor for module in held for tensor in module.state_dict().values()]
        device = support.x.device
        rows = self._memo.rows(support, (self.composer, how, device, digest(tensors)))
        if rows.unknown:
            asked = torch.tensor(rows.unknown, device=device)
            rows.learn(compose(pool, composer, support.rows(asked), *how))
        return rows.all()

    @property
    def adapted_parameters(self) -> int:
        """How many numbers adaptation may change for one task: those of the deepest network."""
        pool = self.pool_
        return network_size(pool.input, pool.hidden, pool.output, self.depth)

    def adapt(self, support: Support, steps: Sequence[int]) -> Iterator[Predictor]:
        """Yield a predictor after each number of gradient steps; see `MetaLearner.adapt`."""
        self._to(support.x.device)
        if self.most_steps is not None:
            steps = [min(wanted, self.most_steps) for wanted in steps]
        composed = self._compose(support)
        return predictors(
            self.pool_,
            composed.compositions,
            composed.weight,
            support,
            steps,
            self.max_inner_norm,
        )

    def explain(self, support: Support) -> list[str]:
        """The composition chosen for each task, in words."""
        decisions = self.pool_.decisions
        return [
            ", ".join(
                f"{decision.name} {self.pool_.menu.word(decision, option)}"
                for decision, option in zip(decisions, options, strict=True)
            )
            for options in self.compose(support).tolist()
        ]

    def diagnose(self, support: Support) -> Diagnosis:
        """The option chosen in each decision, the entropy of the policy on the way, and the cost.

        Options are those of the network that counts most; `networks`, `parameters` and `flops` are
        of all that answer, see `reml.inner.cost.Cost`.
        """
        self._to(support.x.device)
        composed = self._compose(support)
        composition, entropy = composed.compositions[:, 0], composed.entropy
        choices = {
            decision.name: Choice(options, decision.options)
            for decision, options in zip(self.pool_.decisions, composition.unbind(1), strict=True)
        }
        if self.stop:
            present = self.pool_.shape(composition).present
            assert present is not None
            choices["depth"] = Choice(2 + present.sum(1), self.depth + 1)
        measures = cost_of(self.pool_, composed.compositions)._asdict()
        return Diagnosis(choices, {"policy_entropy": entropy, **measures})

    def _to(self, device: torch.device) -> None:
        for module in (self.pool_, self.policy_):
            if module is not None and next(module.parameters()).device != device:
                module.to(device)  # which looks at every one of its parts

    @property
    def for_pictures(self) -> bool:
        return self.layers == "conv"

    def state(self) -> State:
        problem, policy = self.problem_, self.policy_
        state: State = {"features": problem.features, "outputs": problem.outputs}
        if problem.kind == "classification":
            state |= {"kind": problem.kind, "image": problem.image}
        if self.optimiser != "policy_gradient" and self.train_shots is None:
            state["most_shots"] = self.most_shots_
        state["pool"] = self.pool_.state_dict()
        return state if policy is None else {**state, "policy": policy.state_dict()}

    def load_state(self, state: State) -> None:
        classes = state.get("kind") == "classification"
        problem = Problem(
            state["features"],
            state["outputs"],
            metric="accuracy" if classes else "mse",
            image=state.get("image"),
        )
        usual = shot_range(self.train_shots, USUAL_SHOTS)[1]
        self.most_shots_ = state.get("most_shots", usual)
        self._build(problem, torch.Generator())
        self.pool_.load_state_dict(state["pool"])
        if self.policy_ is not None:
            self.policy_.load_state_dict(state["policy"])
