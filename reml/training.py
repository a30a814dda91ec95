"""Meta-training: the policy and the pool learn from the same episodes."""

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from benchmarks.core import BudgetedSource, Problem, TaskBatch
from benchmarks.core.errors import MatrixError
from reml.env import ComposeEnv
from reml.policy import PolicyComposer
from reml.policy_gradient import PolicyGradient, entropy_share, roll_out
from reml.reward import pool_loss

if TYPE_CHECKING:
    from reml.learner import REML
    from reml.sb3_policy import Sb3Composer

SB3_BATCHES = 4
"""Batches that stable-baselines3 collects for an update, and minibatches it makes of them."""
MAX_POOL_NORM = 10.0


def demand_suitable(learner: "REML", problem: Problem) -> None:
    """Check that the learner's fields go together with the problem.

    Raises:
        MatrixError: they do not.
    """
    classes = problem.kind == "classification"
    if learner.layers == "conv" and (not classes or problem.image is None):
        raise MatrixError("reml: layers = 'conv' is for classes of pictures; use 'linear'")
    if classes and learner.optimiser != "policy_gradient":
        raise MatrixError(f"reml: optimiser = {learner.optimiser!r} is for regression alone")
    if classes and learner.train_steps == 0:
        raise MatrixError("reml: expected train_steps >= 1, as unadapted it knows no class")


class Training:
    """One call of `fit` or `partial_fit`: batches come in, finished episodes teach the pool.

    Where the pool learns by meta-gradients, the first `warm` of a fresh training goes without
    adaptation in the loop, or in classification with a single step, as there is no loss to learn
    from before it. The other update rules have nothing to learn from without adaptation.
    """

    def __init__(
        self,
        learner: "REML",
        source: BudgetedSource,
        generator: torch.Generator,
        *,
        fresh: bool,
    ) -> None:
        self.learner = learner
        self.source = source
        self.pool = learner.pool_.to(source.device)
        update = learner.pool_update
        gradients = update if update == "first_order" or update == "second_order" else "none"
        self.env = ComposeEnv(
            self.pool,
            steps=learner.train_steps,
            unadapted_weight=learner.unadapted_weight,
            max_norm=learner.max_inner_norm,
            gradients=gradients,
        )
        self._by_gradient = gradients != "none"
        self._fewest_steps = 1 if self.pool.kind == "classification" else 0
        self._generator = generator
        self._fresh = fresh
        self._pool_optimiser = torch.optim.Adam(self.pool.parameters(), learner.lr, fused=True)
        self._optimisers = [self._pool_optimiser]
        self._shots = source.shot_range(learner.train_shots)

    def next_batch(self) -> TaskBatch:
        """Fresh tasks, all with the same number of shots; schedules move on.

        Raises:
            BudgetSpent: nothing is left.
        """
        learner, source = self.learner, self.source
        progress = source.progress
        for optimiser in self._optimisers:
            optimiser.param_groups[0]["lr"] = learner.lr * learner.falling(progress)
        fewest, most = self._shots
        shots = int(torch.randint(fewest, most + 1, (), generator=self._generator))
        first = source.tasks == 0
        batch = source.sample(learner.batch_tasks, shots=shots, queries=learner.train_queries)
        if first and self._fresh and learner.policy_ is not None:
            learner.policy_.standardise(batch.support)
        if self._by_gradient:
            warming = self._fresh and progress < learner.warm
            self.env.steps = self._fewest_steps if warming else learner.train_steps
        return batch

    def finish(self, **told: Tensor) -> None:
        """Let the pool learn from the episode that has just ended; count and log."""
        env, source, tasks = self.env, self.source, len(self.env.composition)
        if self._by_gradient:
            loss = pool_loss(env.losses, env.variance, env.unadapted_weight)
            self._pool_optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(self.pool.parameters(), MAX_POOL_NORM)
            self._pool_optimiser.step()
        else:
            share = 1.0 if self.learner.pool_update == "write_back" else self.learner.reptile_share
            share *= self.learner.falling(source.progress) if share < 1.0 else 1.0
            env.absorb(share)
        source.count(
            inner_gradients=tasks * env.steps,
            outer_gradients=tasks * self._by_gradient,
            environment_steps=tasks * len(env.choices),
        )
        source.log(query_loss=env.losses[-1].mean(), **told)

    def run(self) -> None:
        """Train until the budget is spent."""
        policy = self.learner.policy_
        if policy is not None:
            policy.to(self.source.device)
        if policy is None or isinstance(policy, PolicyComposer):
            self._run(policy)
        else:
            self._run_sb3(policy)

    def _run(self, policy: PolicyComposer | None) -> None:
        learner = self.learner
        teacher = PolicyGradient(
            learner.task_entropy,
            learner.marginal_entropy,
            learner.entropy_floor,
            learner.reading,
            learner.clip,
            learner.epochs,
        )
        if policy is not None:
            optimiser = torch.optim.Adam(policy.parameters(), learner.lr, fused=True)
            self._optimisers.append(optimiser)
        while not self.source.exhausted:
            progress = self.source.progress
            batch = self.next_batch()
            rollout = roll_out(self.env, learner.composer_(), batch, self._generator)
            told: dict[str, Tensor] = {}
            if policy is not None:
                told = teacher.update(policy, optimiser, rollout, batch, progress)
            self.finish(
                reward=rollout.reward.mean(),
                policy_entropy=rollout.scores.entropy,
                marginal_entropy=rollout.scores.marginal_entropy,
                **told,
            )

    def _run_sb3(self, policy: "Sb3Composer") -> None:
        from reml.sb3_env import ComposeVecEnv
        from reml.sb3_learn import train_with_sb3

        learner, source = self.learner, self.source
        assert learner.clip is not None
        if source.exhausted:
            return
        vec_env = ComposeVecEnv(
            self.env,
            policy,
            self.next_batch(),
            lambda: None if source.exhausted else self.next_batch(),
            lambda batch, reward: self.finish(reward=reward.mean()),
            rarity=lambda: (
                entropy_share(source.progress, learner.entropy_floor) * learner.marginal_entropy
            ),
        )
        train_with_sb3(
            policy,
            vec_env,
            lr=lambda: learner.lr * learner.falling(source.progress),
            clip=learner.clip,
            epochs=learner.epochs,
            minibatches=SB3_BATCHES,
            rollouts_per_update=SB3_BATCHES,
            entropy=learner.task_entropy,
            generator=self._generator,
            log=source.log,
        )
