"""What can be set of REML."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Le, Lt, MinLen

from benchmarks.core import Problem
from benchmarks.core.budget import TrainShots, check_shots
from benchmarks.core.errors import MatrixError
from reml.inner.bank import RatesPer
from reml.inner.decisions import Adaptation
from reml.inner.shape import BatchNorm, Head, Pooling
from reml.reward import LIKELIHOODS, Loss

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
Combine = Literal["best", "mean"]
Search = Literal["sample", "anneal"]
Adaptations = Adaptation | tuple[Adaptation, ...]
BY_ADAPTATION: Any = None
"""Stands for a default that depends on how networks adapt, see `DEFAULTS`."""
DEFAULTS: Mapping[Adaptation, Mapping[str, Any]] = {
    "gradient": {
        "pool": (7, 21, 7),
        "activations": ("relu",),
        "watch": True,
        "candidates": 1,
        "combine": "best",
        "loss": "nmse",
        "episodes": 1,
        "winner": 0.0,
        "train_steps": 2,
        "unadapted_weight": 0.4,
        "warm": 0.4,
        "train_queries": 50,
    },
    "solve": {
        "pool": (4, 10, 4),
        "activations": ("tanh",),
        "watch": False,
        "candidates": 16,
        "combine": "mean",
        "loss": "auto",
        "episodes": 4,
        "winner": 3.0,
        "train_steps": 1,
        "unadapted_weight": 0.0,
        "warm": 0.0,
        "train_queries": 20,
    },
}
"""What fields are that nobody set; with both ways of adapting, those of the first."""


@dataclass
class Settings:
    """The fields of `reml.learner.REML`.

    Attributes:
        width: units of each hidden layer of a composed network, or channels.
        depth: layers of a composed network; the most it can have with `stop`.
        pool: how many input, hidden and output layers the pool holds.
        stop: whether the policy may end a network before `depth` layers.
        activations: what follows every layer but the last; the policy picks if there are several.
        rates: factors on a task's adaptation rates; the policy picks if there are several.
        composer: who composes: the learned policy, or one of the two controls.
        policy: what the learned policy remembers with; see `reml.policy.recurrent.PolicyComposer`.
        watch: whether the policy sees the partial network's predictions on the support set.
        pool_update: how the pool learns: from the query loss, through adaptation gradients
            (`second_order`) or around them (`first_order`); or by keeping what adaptation made of
            the layers (`write_back`), or going a part of the way (`reptile`).
        reptile_share: that part, at first; it falls as `lr` does.
        candidates: compositions tried at test; the one with the lowest support loss is kept.
        inner_lr: where the learned adaptation rates start.
        rates_per: whether each `layer` has an adaptation rate for all its weights and one for all
            its biases, or each `weight` and bias its own, as in Meta-SGD (Li et al., 2017).
        max_inner_norm: cap on the norm of a task's gradient in an adaptation step.
        train_steps: adaptation steps that the later part of training looks through.
        unadapted_weight: weight of the loss before adaptation; the later ones share the rest.
        warm: share of training without adaptation in the loop.
        train_shots: support points of a training task, or fewest and most of them; drawn anew each
            iteration. None is as in the test.
        train_queries: query points of a training task.
        train_ways: classes of a training task, where networks solve; None is as in the test. More
            of them are a harder lesson, as in Snell et al. (2017).
        batch_tasks: tasks in each iteration. Several of them keep the policy apart by
            `marginal_entropy`; with one it is that task's own entropy.
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
            (`conv`), for classes of pictures.
        pooling: how convolutions make pictures smaller: by their `stride` of 2, or by `max`-pooling
            before the activation, which takes several times as long.
        head: what a network that solves for classes has for a last layer: `ridge` regression on
            one-hot targets (R2-D2, Bertinetto et al., 2019), or distances from the classes' means,
            `prototypes` (Snell et al., 2017); `ridge` says what candidates weigh with both.
        unit_features: whether what the last layer reads is brought to unit length, so that only its
            direction counts, as in cosine similarity.
        most_steps: adaptation steps at test after which nothing changes any more; rates learned
            through `train_steps` steps may be too large for many more.
        batch_norm: whether they are batch-normalised, each task by itself: with the statistics of
            the points that are passed together (`transductive`: a prediction then depends on the
            other query points), or of the support points alone (`support`).
        adaptation: how a network adapts: by `gradient` steps; or its first step solves for the last
            layer exactly, and more change nothing (`solve`, see `reml.inner.head`); of both, the
            policy decides. It has its own defaults for much of the above (`DEFAULTS`).
        loss: what pool and policy learn from: a task's normalised squared error on query points,
            its logarithm, minus the log likelihood of all its points together (`joint`), of query
            points together given the support points (`conditional`), or of each alone
            (`predictive`); `auto` is `joint` as long as all points are new and `conditional` as far
            as they come again and could be learned by heart. In classification always the
            cross-entropy.
        episodes: compositions tried for each task of an iteration. With several the policy's reward
            is how much better one is than the others.
        winner: how much more the pool learns from the better ones: weights are softmax(`winner` ×
            reward) within a task.
        combine: what becomes of several `candidates`: the `best` answers, or the mean of all,
            weighted by their evidence (`mean`).
        search: where candidates come from: the policy is asked again (`sample`), or its answer is
            changed step by step towards more evidence (`anneal`).
        mixing: share of training, at its end, by whose tasks the output layers become a mixture of
            priors (`reml.inner.mixture`): each then stands behind one of the networks that the
            policy composes, and all that do answer, weighted by share and evidence. `lr` has not
            fallen all the way by then. In regression, where all networks solve.
        direct: whether a last layer alone, on the inputs themselves, is a composition, too; None is
            where networks solve for classes, and then it is the one to begin with.
    """

    width: Count = 40
    depth: Several = 5
    pool: tuple[Count, Count, Count] = BY_ADAPTATION
    stop: bool = False
    activations: Annotated[tuple[Activation, ...], MinLen(1)] = BY_ADAPTATION
    rates: Annotated[tuple[Rate, ...], MinLen(1)] = (1.0,)
    composer: Literal["policy", "random", "fixed"] = "policy"
    policy: Literal["lstm", "mlp"] = "lstm"
    watch: bool = BY_ADAPTATION
    pool_update: Literal["second_order", "first_order", "reptile", "write_back"] = "second_order"
    reptile_share: Annotated[float, Gt(0), Lt(1)] = 0.1
    candidates: Count = BY_ADAPTATION
    inner_lr: Rate = 0.01
    max_inner_norm: Rate = 2.0
    train_steps: Annotated[int, Ge(0)] = BY_ADAPTATION
    unadapted_weight: Share = BY_ADAPTATION
    warm: Share = BY_ADAPTATION
    train_shots: TrainShots = None
    train_queries: Count = BY_ADAPTATION
    batch_tasks: Count = 32
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
    pooling: Pooling = "stride"
    most_steps: Count | None = None
    train_ways: Several | None = None
    adaptation: Adaptations = "solve"
    loss: Loss = BY_ADAPTATION
    episodes: Count = BY_ADAPTATION
    winner: Weight = BY_ADAPTATION
    combine: Combine = BY_ADAPTATION
    search: Search = "sample"
    direct: bool | None = None
    rates_per: RatesPer = "layer"
    unit_features: bool = False
    head: Head = "ridge"
    mixing: Annotated[float, Ge(0), Lt(1)] = 0.0

    def __post_init__(self) -> None:
        for name, value in DEFAULTS[self.adaptations[0]].items():
            if getattr(self, name) is BY_ADAPTATION:
                setattr(self, name, value)
        check_shots(self.train_shots)
        if len(set(self.adaptations)) < len(self.adaptations):
            raise ValueError(f"expected each adaptation once, got {list(self.adaptations)}")
        if self.loss in LIKELIHOODS and "gradient" in self.adaptations:
            raise ValueError(f"expected adaptation = 'solve' with loss = {self.loss!r}")
        if self.direct and self.adaptations != ("solve",):
            raise ValueError("expected adaptation = 'solve' with direct = true")
        if self.mixing:
            import sklearn.cluster  # noqa: F401  # before its budget begins

            self._demand_mixable()
        if "solve" in self.adaptations and self.pool_update not in ("first_order", "second_order"):
            raise ValueError(
                f"expected adaptation = 'gradient' with pool_update = {self.pool_update!r}"
            )
        if self.epochs > 1 and self.clip is None:
            raise ValueError(f"expected clip to be set, as epochs = {self.epochs} is more than 1")
        if self.clip is None and self.optimiser != "policy_gradient":
            raise ValueError(f"expected clip to be set with optimiser = {self.optimiser!r}")
        if self.batch_tasks == 1 and self.episodes == 1 and self.composer == "policy":
            raise ValueError("expected batch_tasks >= 2 with episodes = 1: nothing to compare with")
        if self.episodes > 1 and self.optimiser != "policy_gradient":
            raise ValueError(f"expected episodes = 1 with optimiser = {self.optimiser!r}")
        if self.train_steps == 0 and self.pool_update in ("reptile", "write_back"):
            raise ValueError(f"expected train_steps >= 1 with pool_update = {self.pool_update!r}")
        if self.layers == "conv" and self.stop:
            raise ValueError("expected stop = false with layers = 'conv': each halves the picture")

    def _demand_mixable(self) -> None:
        wanted = {"adaptation": "solve", "search": "sample", "optimiser": "policy_gradient"}
        for name, value in wanted.items():
            if getattr(self, name) not in (value, (value,)):
                raise ValueError(f"expected {name} = {value!r} with mixing > 0")
        if self.direct:
            raise ValueError("expected direct = false with mixing > 0")
        if self.composer == "random":
            raise ValueError(
                "expected composer = 'policy' or 'fixed' with mixing > 0: "
                "composed at random, no network comes often enough"
            )

    @property
    def adaptations(self) -> tuple[Adaptation, ...]:
        """The ways of adapting, one or several."""
        given = self.adaptation
        return (given,) if isinstance(given, str) else given

    def idle(self, problem: Problem) -> frozenset[str]:
        """Fields that make no difference, given the others."""
        nothing = set() if self.composer == "policy" else OF_THE_POLICY
        if self.composer == "fixed":
            nothing = nothing | {"candidates"}
        if self.candidates == 1 or self.composer == "fixed":
            mixed = self.mixing and problem.kind == "regression"
            nothing = nothing | ({"search"} if mixed else {"combine", "search"})
        nothing = nothing | {"train_ways" if problem.kind == "regression" else "mixing"}
        if problem.kind == "regression" or "solve" not in self.adaptations:
            nothing = nothing | {"head"}
        if self.pool_update != "reptile":
            nothing = nothing | {"reptile_share"}
        return frozenset(nothing)

    def falling(self, progress: float) -> float:
        """What is left of the learning rate when `progress` of training is over."""
        left = 1 - max(self.decay_from, progress)
        return 1.0 if self.decay_from == 1 else left / (1 - self.decay_from)

    def demand_suitable(self, problem: Problem) -> None:
        """Check that the fields go together with the problem.

        Raises:
            MatrixError: they do not.
        """
        classes = problem.kind == "classification"
        if self.layers == "conv" and (not classes or problem.image is None):
            raise MatrixError("reml: layers = 'conv' is for classes of pictures; use 'linear'")
        if classes and self.train_ways is not None and self.adaptations != ("solve",):
            raise MatrixError("reml: expected adaptation = 'solve' with train_ways")
        if classes and self.optimiser != "policy_gradient":
            raise MatrixError(f"reml: optimiser = {self.optimiser!r} is for regression alone")
        if not classes and self.batch_norm != "off" and self.loss in LIKELIHOODS:
            raise MatrixError(f"reml: expected batch_norm = 'off' with loss = {self.loss!r}")
        if not classes and self.batch_norm != "off" and self.mixing:
            raise MatrixError("reml: expected batch_norm = 'off' with mixing > 0")
        if classes and self.train_steps == 0:
            raise MatrixError("reml: expected train_steps >= 1, as unadapted it knows no class")
