"""The thesis's learner as a whole, at a size that trains in seconds."""

import pytest
import torch

from benchmarks.core import Budget, BudgetedSource, generator_of, task_mse
from benchmarks.core.errors import DataError, MatrixError
from benchmarks.harness.plan.fields import build
from benchmarks.tasks.sinusoid import Sinusoid
from benchmarks.testing import Toy, check_learner
from reml.thesis.learner import Thesis

SMALL = {
    "width": 16,
    "pool": (3, 6, 3),
    "policy_width": 16,
    "rows": 32,
    "train_shots": 20,
    "lr": 0.005,
}
FAMILY = Sinusoid(train_tasks=6, grid=100)


def fitted(tasks=700, **fields):
    learner = Thesis(**{**SMALL, **fields})
    source = BudgetedSource(FAMILY, Budget(tasks=tasks), generator_of("t"), needs=learner.needs)
    learner.fit(source, generator_of("learner"))
    return learner, source


@pytest.fixture(scope="module")
def lstm():
    return fitted()


def held_out(tasks=60, shots=20):
    return FAMILY.sample(tasks, "validation", generator_of("v"), shots=shots, queries=50)


def test_the_mlp_policy_keeps_the_laws():
    """The kit runs on the default, the recurrent policy, elsewhere."""
    fields = {**Thesis.test_fields, "policy": "mlp"}
    checks = check_learner(lambda: Thesis(**fields))
    assert [check for check in checks if not check.passed] == []


def test_spending_is_counted(lstm):
    learner, source = lstm
    assert source.tasks == 700
    episodes = source.counts["environment_steps"] / learner.depth
    assert episodes > 500  # errors make an episode longer, and the last are not finished
    assert source.counts["inner_gradients"] % learner.inner_steps == 0


def test_what_is_logged(lstm):
    _, source = lstm
    assert {row.metric for row in source.history} == {
        "reward",
        "error_rate",
        "query_loss",
        "query_loss_before",
        "support_loss",
        "policy_loss",
        "value_loss",
        "policy_entropy",
        "explained_variance",
        "clip_fraction",
    }


@pytest.mark.parametrize("policy", ["lstm", "mlp"])
def test_the_policy_learns_what_fits(policy, lstm):
    """A choice at random fits in about one case of three."""
    _, source = lstm if policy == "lstm" else fitted(policy="mlp")
    errors = [row.value for row in source.history if row.metric == "error_rate"]
    assert errors[0] > 0.5
    assert sum(errors[-5:]) / 5 < errors[0] - 0.2


def test_it_transfers_to_held_out_tasks(lstm):
    """The trained pool beats the pool it started as, after few steps of Adam."""
    learner, _ = lstm
    batch = held_out()

    def errors(learner):
        predictors = learner.adapt(batch.support, [5, 10])
        return [float(task_mse(p(batch.query.x), batch.query.y).mean()) for p in predictors]

    untrained, _ = fitted(1)
    for trained, scratch in zip(errors(learner), errors(untrained), strict=True):
        assert trained < 0.9 * scratch


def test_compositions_fit(lstm):
    layers = lstm[0].compose(held_out().support).layers
    assert ((layers[:, 0] >= 0) & (layers[:, 0] < 3)).all()
    assert ((layers[:, 1] >= 3) & (layers[:, 1] < 6)).all()
    assert ((layers[:, 2:] >= 6) & (layers[:, 2:] < 12)).all()
    assert all(len(row.unique()) == 5 for row in layers)


def test_it_says_what_it_chose(lstm):
    learner, support = lstm[0], held_out(5).support
    diagnosis = learner.diagnose(support)
    assert list(diagnosis.choices) == [
        "input layer",
        "hidden layer 1",
        "hidden layer 2",
        "hidden layer 3",
        "output layer",
    ]
    assert [choice.options for choice in diagnosis.choices.values()] == [3, 6, 6, 6, 3]
    assert ((diagnosis.measures["error_rate"] >= 0) & (diagnosis.measures["error_rate"] <= 1)).all()
    first, *hidden, last = (int(choice.values[0]) for choice in diagnosis.choices.values())
    words = f"input layer {first}, hidden layers {', '.join(map(str, hidden))}, output layer {last}"
    assert learner.explain(support)[0] == words


def test_a_family_without_the_privileged_fields_is_an_error():
    learner = Thesis(**Thesis.test_fields)
    toy = Toy(reveals=("amplitude",))
    source = BudgetedSource(toy, Budget(tasks=20), generator_of("t"), needs=learner.needs)
    with pytest.raises(DataError, match=r"amplitude and phase of each task, and .* reveals a"):
        learner.fit(source, generator_of("f"))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"pool": [7, 2, 7]}, "at least depth - 2 hidden layers"),
        ({"longest": 4}, "longest >= depth"),
        ({"rows": 10, "minibatches": 4}, "multiple of minibatches"),
        ({"rows": 1, "horizon": 1}, "two decisions in each"),
    ],
)
def test_impossible_fields_are_one_sentence(fields, message):
    with pytest.raises(MatrixError, match=message):
        build(Thesis, {}, fields, "m.toml: learner 'reml-thesis'")


def test_learning_goes_on_where_it_stopped():
    """A policy in a state has to survive: `partial_fit` starts from it, not from a new one."""
    learner, _ = fitted(200)
    before = {name: value.clone() for name, value in learner.policy_.state_dict().items()}
    source = BudgetedSource(FAMILY, Budget(tasks=33), generator_of("u"), needs=learner.needs)
    learner.partial_fit(source, generator_of("w"))
    after = learner.policy_.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)  # too few for an update
    assert source.tasks == 33
