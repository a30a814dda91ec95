"""Meta-training: the policy and the pool learn from the same episodes."""

from collections import deque
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from benchmarks.core import BudgetedSource, State, TaskBatch
from benchmarks.core.errors import BudgetSpent
from reml.env import ComposeEnv
from reml.inner.pool import LayerPool
from reml.mixing import MOST, mix
from reml.policy.composer import Composer
from reml.policy.gradient import PolicyGradient, entropy_share, roll_out
from reml.policy.recurrent import PolicyComposer
from reml.recurrence import Recurrence
from reml.reward import winner_weights
from reml.settings import Settings

if TYPE_CHECKING:
    from reml.sb3.policy import Sb3Composer

SB3_BATCHES = 4
"""Batches that stable-baselines3 collects for an update, and minibatches it makes of them."""
MAX_POOL_NORM = 10.0


class Training:
    """One call of `fit` or `partial_fit`: batches come in, finished episodes teach the pool.

    Where the pool learns by meta-gradients, the first `warm` of a fresh training goes without
    adaptation in the loop, or in classification with a single step, as there is no loss to learn
    from before it. The other update rules have nothing to learn from without adaptation.
    """

    def __init__(
        self,
        settings: Settings,
        pool: LayerPool,
        composer: Composer,
        policy: "PolicyComposer | Sb3Composer | None",
        source: BudgetedSource,
        generator: torch.Generator,
        start: State,
    ) -> None:
        """`start` is what `state` was where a training goes on, else whether it is `fresh`."""
        self.settings = settings
        self.policy = policy
        self._composer = composer
        self.source = source
        self.pool = pool.to(source.device)
        update = settings.pool_update
        gradients = update if update == "first_order" or update == "second_order" else "none"
        self.env = ComposeEnv(
            self.pool,
            steps=settings.train_steps,
            unadapted_weight=settings.unadapted_weight,
            max_norm=settings.max_inner_norm,
            gradients=gradients,
            loss=settings.loss,
            episodes=settings.episodes,
            watched=composer.watches,
        )
        self._by_gradient = gradients != "none"
        self._recurrence = Recurrence()
        self._fewest_steps = 1 if self.pool.kind == "classification" else 0
        self._generator = generator
        self._fresh = start["fresh"]
        self._pool_optimiser = torch.optim.Adam(self.pool.parameters(), settings.lr, fused=True)
        self._optimisers = [self._pool_optimiser]
        if policy is not None:
            policy.to(source.device)
        if isinstance(policy, PolicyComposer):
            optimiser = torch.optim.Adam(policy.parameters(), settings.lr, fused=True)
            self._optimisers.append(optimiser)
        if "optimisers" in start:
            for optimiser, kept in zip(self._optimisers, start["optimisers"], strict=True):
                optimiser.load_state_dict(kept)
            self._recurrence.load_state(start["seen"])
        self._shots = source.shot_range(settings.train_shots)

    def state(self) -> State | None:
        """What is to go on beside pool and policy; None where stable-baselines3 has more."""
        if not (self.policy is None or isinstance(self.policy, PolicyComposer)):
            return None
        return {
            "fresh": self._fresh,
            "optimisers": [it.state_dict() for it in self._optimisers],
            "seen": self._recurrence.state(),
        }

    def next_batch(self) -> TaskBatch:
        """Fresh tasks, all with the same number of shots; schedules move on.

        Raises:
            BudgetSpent: nothing is left.
        """
        settings, source = self.settings, self.source
        progress = source.progress
        for optimiser in self._optimisers:
            optimiser.param_groups[0]["lr"] = settings.lr * settings.falling(progress)
        fewest, most = self._shots
        shots = int(torch.randint(fewest, most + 1, (), generator=self._generator))
        first = source.tasks == 0
        batch = source.sample(
            settings.batch_tasks,
            shots=shots,
            queries=settings.train_queries,
            ways=settings.train_ways if self.pool.kind == "classification" else None,
        )
        if settings.loss == "auto" and self.pool.kind == "regression":
            self.env.recurring = self._recurrence.share(batch)
        if first and self._fresh:
            self.pool.standardise(batch)
            if self.policy is not None:
                self.policy.standardise(batch.support)
        if self._by_gradient:
            warming = self._fresh and progress < settings.warm
            self.env.steps = self._fewest_steps if warming else settings.train_steps
        return batch

    def finish(self, reward: Tensor, **told: Tensor) -> None:
        """Let the pool learn from the episodes that have just ended; count and log."""
        env, source, tasks = self.env, self.source, len(self.env.composition)
        if self._by_gradient:
            loss = env.descended
            if self.settings.episodes > 1 and self.settings.winner:
                loss = loss * winner_weights(reward, self.settings.episodes, self.settings.winner)
            loss = loss.mean()
            self._pool_optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(self.pool.parameters(), MAX_POOL_NORM)
            self._pool_optimiser.step()
        else:
            settings = self.settings
            share = 1.0 if settings.pool_update == "write_back" else settings.reptile_share
            share *= settings.falling(source.progress) if share < 1.0 else 1.0
            env.absorb(share)
        source.count(
            inner_gradients=tasks * env.steps * ("gradient" in self.pool.adaptation),
            outer_gradients=tasks * self._by_gradient,
            environment_steps=tasks * len(env.choices),
        )
        source.log(
            query_loss=env.losses[-1].mean(),
            unexplained=env.unexplained,
            reward=reward.mean(),
            **told,
        )

    def run(self) -> None:
        """Train until the budget is spent."""
        policy = self.policy
        if policy is None or isinstance(policy, PolicyComposer):
            self._run(policy)
        else:
            self._run_sb3(policy)

    def _run(self, policy: PolicyComposer | None) -> None:
        settings = self.settings
        teacher = PolicyGradient(
            settings.task_entropy,
            settings.marginal_entropy,
            settings.entropy_floor,
            settings.reading,
            settings.clip,
            settings.epochs,
            episodes=settings.episodes,
        )
        mixing = settings.mixing if self.pool.kind == "regression" else 0.0
        while self.source.progress < 1 - mixing and not self.source.exhausted:
            progress = self.source.progress
            batch = self.next_batch()
            rollout = roll_out(self.env, self._composer, batch, self._generator)
            told: dict[str, Tensor] = {}
            if policy is not None:
                told = teacher.update(policy, self._optimisers[1], rollout, batch, progress)
            self.finish(
                rollout.reward,
                policy_entropy=rollout.scores.entropy,
                marginal_entropy=rollout.scores.marginal_entropy,
                **told,
            )
        if mixing:
            self._mix()

    def _mix(self) -> None:
        """What is left of the budget goes to the mixture of priors."""
        batches: deque[TaskBatch] = deque(maxlen=MOST // self.settings.batch_tasks + 1)
        while self.source.progress < 1:
            try:
                batches.append(self.next_batch())
            except BudgetSpent:  # of seconds, since it was asked
                break
        if batches:
            norm = self.settings.max_inner_norm
            priors = mix(self.pool, self._composer, batches, norm, self._generator)
            self.source.log(priors=priors)

    def _run_sb3(self, policy: "Sb3Composer") -> None:
        from reml.sb3.env import ComposeVecEnv
        from reml.sb3.learn import train_with_sb3

        settings, source = self.settings, self.source
        assert settings.clip is not None
        if source.exhausted:
            return
        vec_env = ComposeVecEnv(
            self.env,
            policy,
            self.next_batch(),
            lambda: None if source.exhausted else self.next_batch(),
            lambda batch, reward: self.finish(reward),
            rarity=lambda: (
                entropy_share(source.progress, settings.entropy_floor) * settings.marginal_entropy
            ),
        )
        train_with_sb3(
            policy,
            vec_env,
            lr=lambda: settings.lr * settings.falling(source.progress),
            clip=settings.clip,
            epochs=settings.epochs,
            minibatches=SB3_BATCHES,
            rollouts_per_update=SB3_BATCHES,
            entropy=settings.task_entropy,
            generator=self._generator,
            log=source.log,
        )
