"""REML as a meta-learner, and its named presets."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

import torch
from annotated_types import Ge, Gt, Le
from jaxtyping import Int
from torch import Tensor, nn

from benchmarks.core import BudgetedSource, Predictor, State, Support, task_mse
from reml.composer import Composer, FixedComposer, RandomComposer, draw, task_noise
from reml.env import ComposeEnv
from reml.inner import ComposedNetwork, adapt, run
from reml.observation import Observation
from reml.policy_gradient import PolicyGradient, RecurrentComposer, roll_out
from reml.pool import LayerPool
from reml.reward import pool_loss

Count = Annotated[int, Ge(1)]
Several = Annotated[int, Ge(2)]
Rate = Annotated[float, Gt(0)]
Share = Annotated[float, Ge(0), Le(1)]
Weight = Annotated[float, Ge(0)]


@dataclass
class REML:
    """Reinforcement meta-learning (Stachyra, 2023), seeing nothing but the support set.

    A recurrent policy composes a network for each task out of a pool of layers. For the first
    `warm` of training the pool learns from the query loss of the networks as composed; after that,
    also through `train_steps` adaptation steps, with the learned adaptation rate of each layer.
    The policy learns all along, rewarded for low query losses.

    Deviations from the thesis: no privileged task information, fresh tasks in every rollout, a
    layer may stand in several places, no invalid choices, a direct policy gradient instead of PPO,
    the pool trained by meta-gradients instead of written back.

    Attributes:
        width: units of each hidden layer of a composed network.
        depth: layers of a composed network.
        pool: how many input, hidden and output layers the pool holds.
        composer: who composes: the learned policy, or one of the two controls.
        candidates: compositions tried at test; the one with the lowest support loss is kept.
        inner_lr: where the learned adaptation rates start.
        max_inner_norm: cap on the norm of a task's gradient in an adaptation step.
        train_steps: adaptation steps that the later part of training looks through.
        unadapted_weight: weight of the loss before adaptation; the later ones share the rest.
        warm: share of training without adaptation in the loop.
        train_shots: fewest and most support points of a training task; drawn anew each iteration.
        train_queries: query points of a training task.
        batch_tasks: tasks, and so episodes, in each iteration.
        lr: Adam's learning rate for pool and policy; falls linearly to 0 from `decay_from` on.
        decay_from: share of training after which the learning rate falls.
        policy_width: units of the policy's encoder and LSTM.
        task_entropy: weight of each task's own policy entropy; negative makes tasks certain.
        marginal_entropy: weight of the entropy of the policy averaged over tasks.
        entropy_floor: share of both that is left at the end.
        reading: weight of the encoder's own loss: predicting query points from its encoding.
    """

    width: Count = 40
    depth: Several = 5
    pool: tuple[Count, Count, Count] = (7, 21, 7)
    composer: Literal["policy", "random", "fixed"] = "policy"
    candidates: Count = 1
    inner_lr: Rate = 0.01
    max_inner_norm: Rate = 2.0
    train_steps: Annotated[int, Ge(0)] = 2
    unadapted_weight: Share = 0.4
    warm: Share = 0.4
    train_shots: tuple[Count, Count] = (5, 10)
    train_queries: Count = 50
    batch_tasks: Several = 32
    lr: Rate = 0.003
    decay_from: Share = 0.5
    policy_width: Several = 64
    task_entropy: float = -0.1
    marginal_entropy: Weight = 0.5
    entropy_floor: Share = 0.2
    reading: Weight = 1.0

    name: ClassVar[str] = "reml"
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

    def __post_init__(self) -> None:
        fewest, most = self.train_shots
        if fewest > most:
            raise ValueError(f"expected train_shots = [fewest, most], got {[fewest, most]}")

    def fit(self, source: BudgetedSource, generator: torch.Generator) -> None:
        """Draw a new pool and policy, then train both until the budget is spent."""
        self._build(source.problem.features, source.problem.outputs, generator)
        self._train(source, generator, fresh=True)

    def partial_fit(self, source: BudgetedSource, generator: torch.Generator) -> None:
        """Train further, through adaptation from the start; Adam's moments start anew."""
        self._train(source, generator, fresh=False)

    def _build(self, features: int, outputs: int, generator: torch.Generator) -> None:
        self.features_ = features
        self.outputs_ = outputs
        self.pool_ = LayerPool(
            features, outputs, self.width, self.pool, self.depth, self.inner_lr, generator
        )
        self.policy_: RecurrentComposer | None = None
        if self.composer == "policy":
            self.policy_ = RecurrentComposer(
                features, outputs, self.pool_.choices, self.policy_width, generator
            )

    def _composer(self) -> Composer:
        if self.policy_ is not None:
            return self.policy_
        control = RandomComposer if self.composer == "random" else FixedComposer
        return control(self.pool_.choices)

    def _train(self, source: BudgetedSource, generator: torch.Generator, *, fresh: bool) -> None:
        pool = self.pool_.to(source.device)
        pool_optimiser = torch.optim.Adam(pool.parameters(), self.lr)
        optimisers = [pool_optimiser]
        if self.policy_ is not None:
            policy = self.policy_.to(source.device)
            policy_optimiser = torch.optim.Adam(policy.parameters(), self.lr)
            optimisers.append(policy_optimiser)
        teacher = PolicyGradient(
            self.task_entropy, self.marginal_entropy, self.entropy_floor, self.reading
        )
        fewest, most = (source.train_shots(shots) for shots in self.train_shots)
        while not source.exhausted:
            progress = source.progress
            for optimiser in optimisers:
                optimiser.param_groups[0]["lr"] = self.lr * self._falling(progress)
            shots = int(torch.randint(fewest, most + 1, (), generator=generator))
            warming = fresh and progress < self.warm
            first = fresh and source.tasks == 0
            batch = source.sample(self.batch_tasks, shots=shots, queries=self.train_queries)
            if first and self.policy_ is not None:
                policy.encoder.standardise(torch.cat([batch.support.x, batch.support.y], 2))
            steps = 0 if warming else self.train_steps
            env = ComposeEnv(
                pool,
                steps=steps,
                unadapted_weight=self.unadapted_weight,
                max_norm=self.max_inner_norm,
                differentiable=True,
            )
            rollout = roll_out(env, self._composer(), batch, generator)
            if self.policy_ is not None:
                teacher.update(policy, policy_optimiser, rollout, batch, progress)
            loss = pool_loss(env.losses, env.variance, self.unadapted_weight)
            pool_optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(pool.parameters(), 10.0)
            pool_optimiser.step()
            source.count(
                inner_gradients=len(batch) * steps,
                outer_gradients=len(batch),
                environment_steps=len(batch) * len(env.choices),
            )
            source.log(
                query_loss=env.losses[-1].mean(),
                reward=rollout.reward.mean(),
                policy_entropy=rollout.entropy,
                marginal_entropy=rollout.marginal_entropy,
            )

    def _falling(self, progress: float) -> float:
        left = 1 - max(self.decay_from, progress)
        return 1.0 if self.decay_from == 1 else left / (1 - self.decay_from)

    def compose(self, support: Support) -> Int[Tensor, "tasks decisions"]:
        """The composition for each task: the policy's choice, or the best of `candidates`.

        The first candidate is the policy's most likely composition, the others are sampled with
        random numbers that depend on the task alone.
        """
        composer, choices = self._composer(), self.pool_.choices
        shape = (self.candidates, len(choices), max(choices))
        with torch.no_grad():
            noise = task_noise(support.x, support.y, shape).flatten(0, 1)
            if composer.greedy:
                noise.view(-1, *shape)[:, 0] = 0.5
            index = torch.arange(len(support), device=support.x.device)
            repeated = support.rows(index.repeat_interleave(self.candidates))
            points = torch.cat([repeated.x, repeated.y], 2)
            chosen = [torch.zeros(len(points), dtype=torch.long, device=points.device)]
            memory = None
            for decision, size in enumerate(choices):
                seen = Observation(points, decision, chosen[-1])
                logits, memory = composer.logits(seen, memory)
                chosen.append(draw(logits, noise[:, decision, :size]))
            composition = torch.stack(chosen[1:], 1)
            if self.candidates == 1:
                return composition
            loss = task_mse(run(self.pool_.gather(composition), repeated.x), repeated.y)
            best = loss.view(-1, self.candidates).argmin(1)
            return composition.view(len(support), self.candidates, -1)[index, best]

    def adapt(self, support: Support, steps: Sequence[int]) -> Iterator[Predictor]:
        """Yield a predictor after each number of gradient steps; see `MetaLearner.adapt`."""
        for module in (self.pool_, self.policy_):
            if module is not None:
                module.to(support.x.device)
        with torch.no_grad():
            network = self.pool_.gather(self.compose(support)).detach()
        taken = 0
        for wanted in steps:
            for _ in range(wanted - taken):
                network = adapt(
                    network,
                    support.x,
                    support.y,
                    max_norm=self.max_inner_norm,
                    differentiable=False,
                )
            taken = wanted
            yield _predictor(network)

    def explain(self, support: Support) -> list[str]:
        """The composition chosen for each task, in words."""
        return [
            f"input layer {first}, hidden layers {', '.join(map(str, hidden))}, output layer {last}"
            for first, last, *hidden in self.compose(support).tolist()
        ]

    def state(self) -> State:
        state = {
            "features": self.features_,
            "outputs": self.outputs_,
            "pool": self.pool_.state_dict(),
        }
        return state if self.policy_ is None else {**state, "policy": self.policy_.state_dict()}

    def load_state(self, state: State) -> None:
        self._build(state["features"], state["outputs"], torch.Generator())
        self.pool_.load_state_dict(state["pool"])
        if self.policy_ is not None:
            self.policy_.load_state_dict(state["policy"])


def _predictor(network: ComposedNetwork) -> Predictor:
    def predict(x: Tensor) -> Tensor:
        with torch.no_grad():
            return run(network, x)

    return predict
