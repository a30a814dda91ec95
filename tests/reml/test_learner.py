"""REML as a whole, at a size that trains in seconds."""

import math
from typing import Any

import pytest
import torch

from benchmarks.core import Budget, BudgetedSource, Kind, generator_of, task_mse
from benchmarks.tasks.sinusoid import Sinusoid
from benchmarks.testing import check_learner
from benchmarks.testing.cases import Case
from benchmarks.testing.learners import masked_rows_do_not_count
from reml.inner.network import run
from reml.inner.shape import BatchNorm
from reml.learner import REML

SMALL = {
    "adaptation": "gradient",
    "width": 16,
    "pool": (3, 4, 3),
    "policy_width": 16,
    "batch_tasks": 32,
    "depth": 4,
}


def _fitted(tasks: int, **fields: object) -> tuple[REML, BudgetedSource]:
    learner = REML(**{**SMALL, **fields})
    source = BudgetedSource(Sinusoid(), Budget(tasks=tasks), generator_of("train"))
    learner.fit(source, generator_of("learner"))
    return learner, source


@pytest.mark.parametrize("kind", ["regression", "classification"])
@pytest.mark.parametrize("batch_norm", ["transductive", "support"])
def test_padding_has_no_part_in_the_statistics(batch_norm: BatchNorm, kind: Kind) -> None:
    fields: dict[str, Any] = {
        **REML.test_fields,
        "adaptation": "gradient",
        "batch_norm": batch_norm,
    }
    masked_rows_do_not_count(Case(lambda: REML(**fields), kind))


def test_presets_are_the_controls() -> None:
    assert REML.presets["reml-random"] == {"composer": "random"}
    assert REML.presets["reml-fixed"] == {"composer": "fixed"}
    for composer in ("random", "fixed"):
        learner, _ = _fitted(64, composer=composer)
        assert "policy" not in learner.state()


def test_fixed_uses_one_composition_and_random_many() -> None:
    support = Sinusoid().sample(100, "test", generator_of("t"), shots=5, queries=1).support
    fixed, _ = _fitted(64, composer="fixed")
    assert len(fixed.compose(support).unique(dim=0)) == 1
    random, _ = _fitted(64, composer="random")
    assert len(random.compose(support).unique(dim=0)) > 40


def test_candidates_keep_the_lowest_support_loss() -> None:
    learner, _ = _fitted(320)
    support = Sinusoid().sample(40, "test", generator_of("t"), shots=5, queries=1).support

    def support_loss(candidates: int) -> torch.Tensor:
        learner.candidates = candidates
        network = learner.pool_.gather(learner.compose(support))
        return task_mse(run(network, support.x), support.y)

    one, many = support_loss(1), support_loss(8)
    assert (many <= one + 1e-6).all()
    assert many.mean() < one.mean()


def test_spending_is_counted() -> None:
    _, source = _fitted(320, warm=0.5, train_steps=2)
    assert source.tasks == 320
    assert source.counts["environment_steps"] == 320 * 4
    assert source.counts["outer_gradients"] == 320
    assert source.counts["inner_gradients"] == 160 * 2


def test_rates_are_learned_only_through_adaptation() -> None:
    """With no adaptation in the loop there is nothing to learn a rate from."""
    warm, _ = _fitted(160, warm=1.0)
    assert warm.pool_.hidden.log_rate.unique().numel() == 1
    adapted, _ = _fitted(160, warm=0.0)
    assert adapted.pool_.hidden.log_rate.unique().numel() > 1


def test_learning_rate_falls_to_zero() -> None:
    learner = REML(decay_from=0.5)
    assert [learner.falling(p) for p in (0.0, 0.5, 0.75, 1.0)] == [1.0, 1.0, 0.5, 0.0]
    assert REML(decay_from=1.0).falling(1.0) == 1.0


@pytest.mark.parametrize(
    ("composer", "share", "tasks"),
    [("policy", 0.8, 5_120), ("random", 0.95, 3_200), ("fixed", 0.8, 3_200)],
)
def test_training_beats_the_untrained_pool(composer: str, share: float, tasks: int) -> None:
    """A random composer leaves little to learn from; the others at least a fifth, this early."""
    batch = Sinusoid().sample(200, "validation", generator_of("v"), shots=10, queries=50)
    quick = {"depth": 3, "warm": 0.0, "train_steps": 1, "inner_lr": 0.1, "lr": 0.02}

    def error(budget: int) -> float:
        learner, _ = _fitted(budget, composer=composer, **quick)
        (predict,) = learner.adapt(batch.support, [5])
        return float(task_mse(predict(batch.query.x), batch.query.y).mean())

    assert error(tasks) < share * error(32)


DECISIONS = {"stop": True, "activations": ("relu", "tanh"), "rates": (0.3, 1.0, 3.0)}


@pytest.mark.parametrize(
    "fields",
    [
        {"pool_update": "first_order"},
        {"pool_update": "reptile"},
        {"pool_update": "write_back"},
        {"clip": 0.2, "epochs": 2},
        {"policy": "mlp"},
        {"optimiser": "recurrent_ppo", "clip": 0.2, "epochs": 2},
        {"optimiser": "ppo", "clip": 0.2, "stop": True},
        {"watch": False},
        {"depth": 2},
        *({key: value} for key, value in DECISIONS.items()),
        {**DECISIONS, "candidates": 4},
        {**DECISIONS, "composer": "random"},
        {**DECISIONS, "composer": "fixed"},
    ],
    ids=str,
)
def test_every_variant_trains_and_its_state_is_all_it_needs(fields: dict[str, object]) -> None:
    learner, source = _fitted(160, **fields)
    support = Sinusoid().sample(20, "test", generator_of("t"), shots=5, queries=1).support
    again = REML(**{**SMALL, **fields})
    again.load_state(learner.state())
    for got, want in zip(again.adapt(support, [0, 2]), learner.adapt(support, [0, 2]), strict=True):
        assert torch.equal(got(support.x), want(support.x))
    assert again.explain(support) == learner.explain(support)
    assert {row.metric for row in source.history} >= {"query_loss", "reward"}


@pytest.mark.parametrize("update", ["reptile", "write_back"])
def test_absorbed_layers_fit_the_support_sets_better(update: str) -> None:
    learner, _ = _fitted(1600, pool_update=update, composer="fixed", inner_lr=0.05)
    before, _ = _fitted(32, pool_update=update, composer="fixed", inner_lr=0.05)
    support = Sinusoid().sample(200, "test", generator_of("t"), shots=10, queries=1).support

    def error(learner: REML) -> float:
        (predict,) = learner.adapt(support, [0])
        return float(task_mse(predict(support.x), support.y).mean())

    assert error(learner) < error(before)


def test_a_diagnosis_names_every_decision() -> None:
    learner, _ = _fitted(320, **DECISIONS)
    support = Sinusoid().sample(30, "test", generator_of("t"), shots=5, queries=1).support
    diagnosis = learner.diagnose(support)
    layers = ["input layer", "output layer", "hidden layer 1", "hidden layer 2"]
    assert list(diagnosis.choices) == ["activation", "adaptation rate", *layers, "depth"]
    composition = torch.stack([diagnosis.choices[name].values for name in layers], 1)
    assert torch.equal(composition, learner.compose(support)[:, 2:])
    hidden = composition[:, 2:]
    assert torch.equal(diagnosis.choices["depth"].values, 2 + (hidden < 4).sum(1))
    entropy = diagnosis.measures["policy_entropy"]
    assert (entropy >= 0).all()
    assert float(entropy.max()) <= sum(math.log(n) for n in learner.pool_.choices) + 1e-4


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"epochs": 2}, "expected clip to be set"),
        ({"optimiser": "ppo"}, "expected clip to be set"),
        (
            {"adaptation": "gradient", "pool_update": "reptile", "train_steps": 0},
            "expected train_steps >= 1",
        ),
        ({"pool_update": "reptile"}, "expected adaptation = 'gradient'"),
        ({"adaptation": ("solve", "solve")}, "each adaptation once"),
        ({"adaptation": "gradient", "loss": "joint"}, "expected adaptation = 'solve'"),
        ({"adaptation": "gradient", "direct": True}, "expected adaptation = 'solve'"),
        ({"optimiser": "ppo", "clip": 0.2}, "expected episodes = 1"),
        ({"train_shots": (10, 5)}, "expected train_shots"),
        ({"batch_tasks": 1, "episodes": 1}, "expected batch_tasks >= 2"),
    ],
)
def test_fields_that_contradict_each_other_are_refused(
    fields: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        REML(**fields)


def test_it_stops_after_most_steps() -> None:
    learner, _ = _fitted(640)
    batch = Sinusoid().sample(6, "test", generator_of("t"), shots=5, queries=9)
    one, two, five = (p(batch.query.x) for p in learner.adapt(batch.support, [1, 2, 5]))
    assert not torch.equal(two, five)
    learner.most_steps = 2
    stopped = [p(batch.query.x) for p in learner.adapt(batch.support, [1, 2, 5])]
    for got, expected in zip(stopped, [one, two, two], strict=True):
        assert torch.equal(got, expected)


@pytest.mark.parametrize(
    "fields",
    [
        {"adaptation": ("gradient", "solve"), "candidates": 3, "combine": "mean"},
        {"loss": "conditional", "direct": True, "activations": ("relu", "tanh"), "watch": True},
        {"mixing": 0.3, "stop": True},
    ],
    ids=["the policy decides how to adapt", "the policy decides on all else", "mixed priors"],
)
def test_decisions_break_no_law(fields: dict[str, Any]) -> None:
    checks = check_learner(lambda: REML(**{**REML.test_fields, **fields}))
    assert [check for check in checks if not check.passed] == []


def test_defaults_follow_the_way_of_adapting() -> None:
    exact, gradient = REML(), REML(adaptation="gradient")
    assert exact.adaptation == "solve"
    assert (gradient.pool, gradient.watch, gradient.episodes) == ((7, 21, 7), True, 1)
    assert REML(adaptation="gradient", pool=(1, 1, 1)).pool == (1, 1, 1)
    assert REML(adaptation=("gradient", "solve")).pool == gradient.pool


@pytest.mark.parametrize("loss", ["nmse", "log_nmse", "joint", "predictive", "conditional", "auto"])
def test_every_loss_teaches_an_exact_head(loss: str) -> None:
    batch = Sinusoid().sample(60, "test", generator_of("t"), shots=5, queries=50)
    errors = []
    for tasks in (32, 1280):
        fields = {"loss": loss, "composer": "fixed", "watch": False, "lr": 0.02}
        learner, _ = _fitted(tasks, adaptation="solve", activations=("tanh",), **fields)
        (predict,) = learner.adapt(batch.support, [1])
        errors.append(float(task_mse(predict(batch.query.x), batch.query.y).mean()))
    assert errors[1] < 0.3 * errors[0]
