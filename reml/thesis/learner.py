"""REML as the thesis describes it: privileged, with write-back, under RecurrentPPO or PPO."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import torch
from annotated_types import Ge, Gt, Le
from jaxtyping import Float
from stable_baselines3.ppo import MlpPolicy
from torch import Tensor

from benchmarks.core import BudgetedSource, Choice, Diagnosis, Predictor, State, Support
from benchmarks.core.errors import DataError
from reml.inner.bank import network_size
from reml.sb3.shared import StopWhen, forwarding_logger, private_randomness
from reml.space import THESIS
from reml.thesis.building import Building, task_information
from reml.thesis.env import Normaliser, Rules, ThesisEnv
from reml.thesis.policy import (
    ALGORITHMS,
    POLICIES,
    Composed,
    PolicyName,
    compose,
    new_policy,
    policy_fields,
)
from reml.thesis.pool import AdamTraining, ThesisPool, Weights, run
from reml.thesis.reward import COMPOSITIONS, RewardScale, calibrate

Count = Annotated[int, Ge(1)]
Several = Annotated[int, Ge(2)]
Rate = Annotated[float, Gt(0)]
Share = Annotated[float, Ge(0), Le(1)]


@dataclass
class Thesis:
    """Reinforcement meta-learning as published (Stachyra, MSc thesis, Tufts University, 2023).

    A policy that is told each task's amplitude and phase composes a network out of a pool of
    layers: input layer, output layer, then hidden layers, no layer twice. Adam trains the network,
    its layers go back to the pool, and the policy is paid for how good the network was (see
    `reml.thesis.reward`). A choice that does not fit costs a reward of −1.

    Deviations from the thesis:

    - `rows` episodes run at once, and each policy update follows `horizon` decisions of each. A
      layer that several networks composed at the same moment becomes the mean of their copies.
    - An episode ends after `longest` decisions, complete or not.
    - The network trains on a task's support points and is rewarded, as it is scored, on others.
    - The extremes that scale a task's reward come from random compositions of the untrained pool;
      a task that calibration has not seen is scaled as the nearest that it has.
    - The credit is the same scale applied to the loss before Adam, as a factor of at least 0; the
      thesis gives no formula. A reward is paid at the end of an episode only.
    - Before there is an output layer the network predicts 0.
    - The LSTM policy's value comes from the observation alone, not from an LSTM of its own: the
      observation says all there is to know, and a second LSTM costs as much as the first.
    - An entropy bonus, as without one the policy soon composes one network for all.
    - At test the policy takes its most likely choice among those that fit, and the pool stays as it
      is: what is learned from one test task is not there for the next.

    Attributes:
        policy: `lstm` is sb3-contrib's RecurrentPPO, `mlp` stable-baselines3's PPO.
        width: units of each hidden layer of a composed network.
        depth: layers of a composed network.
        pool: how many input, hidden and output layers the pool holds.
        inner_lr: Adam's learning rate on composed networks, in training and at test.
        inner_steps: Adam's steps at the end of an episode.
        train_shots: support points of a training task.
        train_queries: query points of a training task.
        calibration: tasks that the calibration pass draws.
        rows: episodes at once.
        horizon: decisions of each row between two updates of the policy.
        lr: learning rate of the policy.
        clip: PPO's clip range.
        epochs: passes over the decisions at each update.
        minibatches: parts of each pass; `rows` is a multiple of it.
        gamma: discount of later rewards.
        gae_lambda: how far advantages look ahead.
        entropy: weight of the entropy bonus.
        policy_width: units of the policy's layers.
        longest: decisions after which an episode ends whatever was chosen.
    """

    policy: PolicyName = "lstm"
    width: Count = 40
    depth: Several = 5
    pool: tuple[Count, Count, Count] = (7, 21, 7)
    inner_lr: Rate = 0.005
    inner_steps: Count = 10
    train_shots: Count = 30
    train_queries: Count = 30
    calibration: Count = 60
    rows: Count = 256
    horizon: Count = 10
    lr: Rate = 0.001
    clip: Rate = 0.2
    epochs: Count = 2
    minibatches: Count = 8
    gamma: Share = 0.99
    gae_lambda: Share = 0.95
    entropy: Annotated[float, Ge(0)] = 0.01
    policy_width: Count = 64
    longest: Count = 50

    name: ClassVar[str] = "reml-thesis"
    effort: ClassVar[float] = 2e-3
    search: ClassVar = THESIS
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    test_fields: ClassVar[Mapping[str, Any]] = {
        "width": 8,
        "depth": 3,
        "pool": (2, 2, 2),
        "policy_width": 8,
        "inner_steps": 2,
        "calibration": 4,
        "rows": 16,
        "minibatches": 2,
        "horizon": 4,
        "train_shots": 5,
        "train_queries": 5,
    }
    needs: ClassVar[frozenset[str]] = frozenset({"amplitude", "phase"})

    def __post_init__(self) -> None:
        if self.depth - 2 > self.pool[1]:
            raise ValueError(
                f"expected a pool of at least depth - 2 hidden layers, as none is used twice, got "
                f"depth = {self.depth} and {self.pool[1]} hidden layers"
            )
        if self.longest < self.depth:
            raise ValueError(f"expected longest >= depth, got {self.longest} and {self.depth}")
        if self.rows % self.minibatches or self.rows // self.minibatches * self.horizon < 2:
            raise ValueError(
                "expected rows to be a multiple of minibatches, and two decisions in each, got "
                f"{self.rows} rows × {self.horizon} decisions in {self.minibatches} minibatches"
            )

    def fit(self, source: BudgetedSource, generator: torch.Generator) -> None:
        """Draw a new pool and policy, calibrate the reward, then train until the budget is spent.

        Raises:
            DataError: the family does not say what amplitude and phase its tasks have.
        """
        shots = source.train_shots(self.train_shots)
        batch = source.sample(self.calibration, shots=shots, queries=self.train_queries)
        if not self.needs <= batch.support.privileged.keys():
            raise DataError(
                f"reml-thesis must be told {' and '.join(sorted(self.needs))} of each task, and "
                f"this family reveals {', '.join(batch.support.privileged) or 'nothing'}"
            )
        information = self._information(batch.support)
        self.features_, self.outputs_ = source.problem.features, source.problem.outputs
        self.information_ = information.shape[1]
        pool = ThesisPool(
            self.features_, self.outputs_, self.width, self.pool, self.depth, generator
        ).to(source.device)
        self.pool_ = pool
        self.scale_ = calibrate(
            pool, batch, information, self.inner_lr, self.inner_steps, generator
        )
        source.count(inner_gradients=COMPOSITIONS * len(batch) * self.inner_steps)
        self._build_policy(generator, source.device)
        self.partial_fit(source, generator)

    def partial_fit(self, source: BudgetedSource, generator: torch.Generator) -> None:
        """Train further, with the reward's scale as it is; the policy's Adam starts anew."""
        if source.exhausted:
            return
        device = source.device
        shots = source.train_shots(self.train_shots)
        rules = Rules(shots, self.train_queries, self.inner_lr, self.inner_steps, self.longest)
        self.pool_.to(device)
        env = ThesisEnv(
            self.pool_,
            source,
            RewardScale(*(part.to(device) for part in self.scale_)),
            self.normaliser_,
            sorted(self.needs),
            self.rows,
            rules,
        )
        with private_randomness(generator, device):
            model = ALGORITHMS[self.policy](
                POLICIES[self.policy],
                env,
                learning_rate=self.lr,
                n_steps=self.horizon,
                batch_size=self.rows // self.minibatches * self.horizon,
                n_epochs=self.epochs,
                gamma=self.gamma,
                gae_lambda=self.gae_lambda,
                clip_range=self.clip,
                ent_coef=self.entropy,
                policy_kwargs=policy_fields(self.policy, self.policy_width),
                device=device,
            )
            model.policy.load_state_dict(self.policy_.state_dict())
            model.set_logger(forwarding_logger(source.log))
            model.learn(sys.maxsize, StopWhen(lambda: env.spent))
        self.policy_: MlpPolicy = model.policy

    def _information(self, support: Support) -> Float[Tensor, "tasks values"]:
        return task_information(support, sorted(self.needs))

    def _build_policy(self, generator: torch.Generator, device: torch.device) -> None:
        """A new policy, and a normaliser that has seen nothing."""
        size = Building.observation_size(self.pool_, self.information_)
        self.normaliser_ = Normaliser(size)
        self.policy_ = new_policy(
            self.policy, self.policy_width, size, len(self.pool_), generator, device
        )

    def compose(self, support: Support) -> Composed:
        """The policy's most likely composition for each task out of layers that fit."""
        device = support.x.device
        building = Building(self.pool_.to(device), support, self._information(support))
        return compose(self.policy_.to(device), self.normaliser_, building)

    @property
    def adapted_parameters(self) -> int:
        """How many numbers adaptation may change for one task: those of a composed network."""
        pool = self.pool_
        return network_size(pool.input, pool.hidden, pool.output, self.pool_.depth)

    def adapt(self, support: Support, steps: Sequence[int]) -> Iterator[Predictor]:
        """Yield a predictor after each number of Adam steps; see `MetaLearner.adapt`."""
        layers = self.compose(support).layers
        training = AdamTraining(self.pool_.gather(layers), self.inner_lr)
        taken = 0
        for wanted in steps:
            training.train(support.x, support.y, wanted - taken)
            taken = wanted
            yield _predictor(training.snapshot())

    def diagnose(self, support: Support) -> Diagnosis:
        """The layers chosen, and how sure the policy was of its decisions.

        `policy_entropy` is the policy's entropy over all choices, summed over decisions, and
        `error_rate` the mean probability that it gave to choices that do not fit.
        """
        composed = self.compose(support)
        n_input, n_hidden, n_output = self.pool
        index = composed.layers.T - torch.tensor(
            [[first] for first in self._first_layers()], device=composed.layers.device
        )
        choices = {"input layer": Choice(index[0], n_input)}
        for number, chosen in enumerate(index[2:], start=1):
            choices[f"hidden layer {number}"] = Choice(chosen, n_hidden)
        choices["output layer"] = Choice(index[1], n_output)
        measures = {"policy_entropy": composed.entropy, "error_rate": composed.errors}
        return Diagnosis(choices, measures)

    def _first_layers(self) -> list[int]:
        """For each decision, the number of the first layer of the bank that it chooses from."""
        first_input, first_output, first_hidden = self.pool_.first
        return [first_input, first_output, *[first_hidden] * (self.depth - 2)]

    def explain(self, support: Support) -> list[str]:
        """The composition chosen for each task, in words."""
        index = self.compose(support).layers.cpu() - torch.tensor(self._first_layers())
        return [
            f"input layer {first}, hidden layers {', '.join(map(str, hidden))}, output layer {last}"
            for first, last, *hidden in index.tolist()
        ]

    def state(self) -> State:
        return {
            "features": self.features_,
            "outputs": self.outputs_,
            "information": self.information_,
            "pool": self.pool_.state_dict(),
            "policy": self.policy_.state_dict(),
            "normaliser": self.normaliser_.state(),
            "scale": self.scale_._asdict(),
        }

    def load_state(self, state: State) -> None:
        self.features_, self.outputs_ = state["features"], state["outputs"]
        self.information_ = state["information"]
        generator = torch.Generator()
        self.pool_ = ThesisPool(
            self.features_, self.outputs_, self.width, self.pool, self.depth, generator
        )
        self._build_policy(generator, torch.device("cpu"))
        self.pool_.load_state_dict(state["pool"])
        self.policy_.load_state_dict(state["policy"])
        self.normaliser_.load_state(state["normaliser"])
        self.scale_ = RewardScale(**state["scale"])


def _predictor(weights: Weights) -> Predictor:
    def predict(x: Tensor) -> Tensor:
        with torch.no_grad():
            return run(weights, x)

    return predict
