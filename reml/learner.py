"""REML as a meta-learner, and its named presets."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import torch
from annotated_types import Ge, Gt, Le, Lt, MinLen
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
from benchmarks.core.budget import USUAL_SHOTS, TrainShots, check_shots, shot_range
from reml.bank import network_size
from reml.candidates import Composed, compose
from reml.composer import Composer, FixedComposer, RandomComposer
from reml.inner import BatchNorm
from reml.policy import PolicyComposer
from reml.pool import LayerPool
from reml.predictors import predictors
from reml.sight import sight_of
from reml.training import Training, demand_suitable

if TYPE_CHECKING:
    from reml.sb3_policy import Sb3Composer

Count = Annotated[int, Ge(1)]
Several = Annotated[int, Ge(2)]
Rate = Annotated[float, Gt(0)]
Share = Annotated[float, Ge(0), Le(1)]
Weight = Annotated[float, Ge(0)]
OF_THE_POLICY = frozenset(
    {
        *("policy", "watch", "optimiser", "clip", "epochs", "policy_width"),
        *("task_entropy", "marginal_entropy", "entropy_floor", "reading"),
    }
)
Activation = Literal["relu", "tanh", "silu"]


@dataclass
class REML:
    """Reinforcement meta-learning (Stachyra, 2023), seeing nothing but the support set.

    A recurrent policy composes a network for each task out of a pool of layers. It reads the
    support set, in any order and of any size, the choices so far and what the partial network
    predicts on the support set. For the first `warm` of training the pool learns from the query
    loss of the networks as composed; after that, also through `train_steps` adaptation steps, with
    the learned adaptation rate of each layer. The policy learns all along, rewarded for low query
    losses. `stop`, `activations` and `rates` make hyper-parameters decisions of the policy, too.

    In classification the support set is seen as a set of classes, whatever their numbers
    (`reml.sight`); output layers start at 0 (`reml.pool.Heads`), so `warm` is trained through one
    adaptation step; and losses are cross-entropies.

    Deviations from the thesis (see `reml.thesis` for that): no privileged task information, fresh
    tasks in every rollout, a layer may stand in several places, no invalid choices, a direct policy
    gradient instead of PPO, the pool trained by meta-gradients instead of written back.

    Attributes:
        width: units of each hidden layer of a composed network, or channels.
        depth: layers of a composed network; the most it can have with `stop`.
        pool: how many input, hidden and output layers the pool holds.
        stop: whether the policy may end a network before `depth` layers.
        activations: what follows every layer but the last; the policy picks if there are several.
        rates: factors on a task's adaptation rates; the policy picks if there are several.
        composer: who composes: the learned policy, or one of the two controls.
        policy: what the learned policy remembers with; see `reml.policy.PolicyComposer`.
        watch: whether the policy sees the partial network's predictions on the support set.
        pool_update: how the pool learns: from the query loss, through adaptation gradients
            (`second_order`) or around them (`first_order`); or by keeping what adaptation made of
            the layers (`write_back`), or going a part of the way (`reptile`).
        reptile_share: that part, at first; it falls as `lr` does.
        candidates: compositions tried at test; the one with the lowest support loss is kept.
        inner_lr: where the learned adaptation rates start.
        max_inner_norm: cap on the norm of a task's gradient in an adaptation step.
        train_steps: adaptation steps that the later part of training looks through.
        unadapted_weight: weight of the loss before adaptation; the later ones share the rest.
        warm: share of training without adaptation in the loop.
        train_shots: support points of a training task, or fewest and most of them; drawn anew each
            iteration. None is as in the test.
        train_queries: query points of a training task.
        batch_tasks: tasks, and so episodes, in each iteration.
        optimiser: who trains the policy: the batched policy gradient, or `recurrent_ppo` of
            sb3-contrib or `ppo` of stable-baselines3, which bring policies of their own.
        clip: PPO's clip range; None is the plain policy gradient.
        epochs: steps of the policy on each batch, more than one only with `clip`.
        lr: Adam's learning rate for pool and policy; falls linearly to 0 from `decay_from` on.
        decay_from: share of training after which the learning rate falls.
        policy_width: units of the policy's encoder and LSTM.
        task_entropy: weight of each task's own policy entropy; negative makes tasks certain.
        marginal_entropy: weight of the entropy of the policy averaged over tasks.
        entropy_floor: share of both that is left at the end.
        reading: weight of the encoder's own loss: predicting query points from its encoding.
        layers: what the pool's layers are: `linear`, or all but the output layers 3×3 convolutions
            of stride 2 (`conv`), for classes of pictures.
        most_steps: adaptation steps at test after which nothing changes any more; rates learned
            through `train_steps` steps may be too large for many more.
        batch_norm: whether they are batch-normalised, each task by itself: with the statistics of
            the points that are passed together (`transductive`: a prediction then depends on the
            other query points), or of the support points alone (`support`).
    """

    width: Count = 40
    depth: Several = 5
    pool: tuple[Count, Count, Count] = (7, 21, 7)
    stop: bool = False
    activations: Annotated[tuple[Activation, ...], MinLen(1)] = ("relu",)
    rates: Annotated[tuple[Rate, ...], MinLen(1)] = (1.0,)
    composer: Literal["policy", "random", "fixed"] = "policy"
    policy: Literal["lstm", "mlp"] = "lstm"
    watch: bool = True
    pool_update: Literal["second_order", "first_order", "reptile", "write_back"] = "second_order"
    reptile_share: Annotated[float, Gt(0), Lt(1)] = 0.1
    candidates: Count = 1
    inner_lr: Rate = 0.01
    max_inner_norm: Rate = 2.0
    train_steps: Annotated[int, Ge(0)] = 2
    unadapted_weight: Share = 0.4
    warm: Share = 0.4
    train_shots: TrainShots = None
    train_queries: Count = 50
    batch_tasks: Several = 32
    optimiser: Literal["policy_gradient", "recurrent_ppo", "ppo"] = "policy_gradient"
    clip: Annotated[float, Gt(0), Lt(1)] | None = None
    epochs: Count = 1
    lr: Rate = 0.003
    decay_from: Share = 0.5
    policy_width: Several = 64
    task_entropy: float = -0.1
    marginal_entropy: Weight = 0.5
    entropy_floor: Share = 0.2
    reading: Weight = 1.0
    layers: Literal["linear", "conv"] = "linear"
    batch_norm: BatchNorm = "off"
    most_steps: Count | None = None

    name: ClassVar[str] = "reml"
    effort: ClassVar[float] = 2e-3
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "reml-random": {"composer": "random"},
        "reml-fixed": {"composer": "fixed"},
    }
    test_fields: ClassVar[Mapping[str, Any]] = {
        "width": 8,
        "pool": (2, 3, 2),
        "policy_width": 8,
        "batch_tasks": 8,
        "train_queries": 8,
    }
    needs: ClassVar[frozenset[str]] = frozenset()
    kinds: ClassVar[frozenset[Kind]] = frozenset({"regression", "classification"})
    later: ClassVar[Mapping[str, Any]] = {
        "layers": "linear",
        "batch_norm": "off",
        "most_steps": None,
    }
    only_at_test: ClassVar[frozenset[str]] = frozenset({"candidates", "most_steps"})

    def __post_init__(self) -> None:
        check_shots(self.train_shots)
        if self.epochs > 1 and self.clip is None:
            raise ValueError(f"expected clip to be set, as epochs = {self.epochs} is more than 1")
        if self.clip is None and self.optimiser != "policy_gradient":
            raise ValueError(f"expected clip to be set with optimiser = {self.optimiser!r}")
        if self.train_steps == 0 and self.pool_update in ("reptile", "write_back"):
            raise ValueError(f"expected train_steps >= 1 with pool_update = {self.pool_update!r}")
        if self.layers == "conv" and self.stop:
            raise ValueError("expected stop = false with layers = 'conv': each halves the picture")

    @property
    def transductive(self) -> bool:
        return self.batch_norm == "transductive"

    def idle(self, problem: Problem) -> frozenset[str]:
        """Fields that make no difference, given the others."""
        nothing = set() if self.composer == "policy" else OF_THE_POLICY
        if self.composer == "fixed":
            nothing = nothing | {"candidates"}
        if self.pool_update != "reptile":
            nothing = nothing | {"reptile_share"}
        return frozenset(nothing)

    def fit(self, source: BudgetedSource, generator: torch.Generator) -> None:
        """Draw a new pool and policy, then train both until the budget is spent.

        Raises:
            MatrixError: the fields do not suit the problem.
        """
        demand_suitable(self, source.problem)
        self.most_shots_ = shot_range(self.train_shots, source.shots)[1]
        self._build(source.problem, generator)
        Training(self, source, generator, fresh=True).run()

    def partial_fit(self, source: BudgetedSource, generator: torch.Generator) -> None:
        """Train further, through adaptation from the start; Adam's moments start anew."""
        Training(self, source, generator, fresh=False).run()

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
            batch_norm=self.batch_norm,
            sight=sight_of(problem, self.width),
        )
        self.policy_ = self._policy(generator) if self.composer == "policy" else None

    def _policy(self, generator: torch.Generator) -> "PolicyComposer | Sb3Composer":
        problem = self.problem_
        sizes = problem.features, problem.outputs, self.pool_.choices, self.policy_width
        if self.optimiser == "policy_gradient":
            sight = self.pool_.sight
            return PolicyComposer(
                *sizes, generator, memory=self.policy, watch=self.watch, sight=sight
            )
        # imported here because it takes seconds, and few want it
        from reml.sb3_policy import Sb3Composer

        return Sb3Composer(self.optimiser, *sizes, self.most_shots_, generator)

    def composer_(self) -> Composer:
        """Who composes: the learned policy, or the control in its place."""
        if self.policy_ is not None:
            return self.policy_
        if self.composer == "random":
            return RandomComposer(self.pool_.choices)
        return FixedComposer(self.pool_.choices, self.pool_.in_order)

    def falling(self, progress: float) -> float:
        """What is left of the learning rate when `progress` of training is over."""
        left = 1 - max(self.decay_from, progress)
        return 1.0 if self.decay_from == 1 else left / (1 - self.decay_from)

    def compose(self, support: Support) -> Int[Tensor, "tasks decisions"]:
        """The composition for each task: the policy's choice, or the best of `candidates`."""
        return self._compose(support).composition

    def _compose(self, support: Support) -> Composed:
        pool, composer = self.pool_, self.composer_()
        return compose(pool, composer, support, self.candidates, self.max_inner_norm)

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
        return predictors(self.pool_, self.compose(support), support, steps, self.max_inner_norm)

    def explain(self, support: Support) -> list[str]:
        """The composition chosen for each task, in words."""
        decisions = self.pool_.decisions
        return [
            ", ".join(
                f"{decision.name} {self.pool_.word(decision, option)}"
                for decision, option in zip(decisions, options, strict=True)
            )
            for options in self.compose(support).tolist()
        ]

    def diagnose(self, support: Support) -> Diagnosis:
        """The option chosen in each decision, and the entropy of the policy on the way there."""
        self._to(support.x.device)
        composition, entropy = self._compose(support)
        choices = {
            decision.name: Choice(options, decision.options)
            for decision, options in zip(self.pool_.decisions, composition.unbind(1), strict=True)
        }
        if self.stop:
            present = self.pool_.shape(composition).present
            assert present is not None
            choices["depth"] = Choice(2 + present.sum(1), self.depth + 1)
        return Diagnosis(choices, {"policy_entropy": entropy})

    def _to(self, device: torch.device) -> None:
        for module in (self.pool_, self.policy_):
            if module is not None:
                module.to(device)

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
