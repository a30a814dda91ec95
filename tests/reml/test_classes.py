"""REML on tasks of classes, whose numbers mean nothing."""

from typing import Any

import pytest
import torch
from torch import Tensor

from benchmarks.core import (
    Budget,
    BudgetedSource,
    Support,
    TaskBatch,
    generator_of,
    task_accuracy,
    task_cross_entropy,
)
from benchmarks.core.errors import MatrixError
from benchmarks.testing.toy import Toy, ToyClasses
from reml.candidates import compose
from reml.inner.network import adapt, run
from reml.inner.partial import PartialNetwork
from reml.inner.pool import LayerPool
from reml.inner.task_view import view_of
from reml.learner import REML
from reml.policy.composer import RandomComposer

IMAGE = (2, 9, 8)
FAMILY = ToyClasses(ways=4, image=IMAGE)
CONV: dict[str, Any] = {
    "adaptation": "gradient",
    "width": 6,
    "pool": (2, 3, 2),
    "depth": 4,
    "policy_width": 8,
    "batch_tasks": 16,
    "train_shots": (1, 3),
    "train_queries": 8,
    "inner_lr": 0.3,
    "lr": 0.01,
    "layers": "conv",
    "batch_norm": "transductive",
}


def _batch(tasks: int = 5, shots: int = 2) -> TaskBatch:
    return FAMILY.sample(tasks, "test", generator_of("classes"), shots=shots, queries=12)


def _pool() -> LayerPool:
    problem = FAMILY.problem
    return LayerPool(
        problem.features,
        problem.outputs,
        6,
        (2, 3, 2),
        4,
        0.3,
        generator_of("pool"),
        image=IMAGE,
        batch_norm="transductive",
        task_view=view_of(problem, 6),
    )


def _draw_apart(pool: LayerPool) -> None:
    """Layers that have been trained are no longer copies of each other."""
    generator = generator_of("apart")
    with torch.no_grad():
        for bank in (pool.input, pool.hidden):
            bank.weight.normal_(std=0.3, generator=generator)


def _compositions(pool: LayerPool, tasks: int) -> Tensor:
    generator = generator_of("compositions")
    return torch.stack([torch.randint(n, (tasks,), generator=generator) for n in pool.choices], 1)


def _renumbered(batch: TaskBatch) -> tuple[TaskBatch, Tensor]:
    """The same tasks with classes numbered otherwise, and the order that does it."""
    order = torch.tensor([2, 0, 3, 1])
    support, query = batch.support, batch.query
    query = type(query)(query.x, query.y[..., order], query.mask)
    return TaskBatch(Support(support.x, support.y[..., order]), query), order


def _fitted(tasks: int = 96, **fields: Any) -> REML:
    learner = REML(**{**CONV, **fields})
    source = BudgetedSource(FAMILY, Budget(tasks=tasks), generator_of("train"))
    learner.fit(source, generator_of("learner"))
    return learner


def test_only_transductive_predictions_depend_on_the_other_query_points() -> None:
    batch = _batch()
    for batch_norm in ("transductive", "support"):
        learner = _fitted(32, batch_norm=batch_norm)
        assert learner.transductive is (batch_norm == "transductive")
        (predict,) = learner.adapt(batch.support, [2])
        together = predict(batch.query.x)
        single = torch.cat([predict(x) for x in batch.query.x.split(1, 1)], 1)
        same = torch.allclose(single, together, atol=1e-4)
        assert same is (batch_norm == "support")


def test_tasks_in_parts_are_as_tasks_together() -> None:
    """Convolutions are run on 32 tasks at a time."""
    learner, batch = _fitted(32, batch_norm="support"), _batch(40)
    for together, first, last in zip(
        learner.adapt(batch.support, [0, 1]),
        learner.adapt(batch.support.rows(slice(0, 7)), [0, 1]),
        learner.adapt(batch.support.rows(slice(7, 40)), [0, 1]),
        strict=True,
    ):
        x = batch.query.x
        expected = torch.cat([first(x[:7]), last(x[7:])])
        torch.testing.assert_close(together(x), expected, atol=1e-4, rtol=1e-4)


def test_what_the_composer_sees_depends_on_no_numbers() -> None:
    """Renumbered classes are the same set of summaries, before and while a network is built."""
    pool, batch = _pool(), _batch()
    other, order = _renumbered(batch)
    one, two = PartialNetwork(pool, batch.support), PartialNetwork(pool, other.support)
    for choice in _compositions(pool, 5).unbind(1):
        for seen, again in zip(one.observation[::3], two.observation[::3], strict=False):
            torch.testing.assert_close(seen[:, order], again)
        one.add(choice)
        two.add(choice)
    assert float(one.observation.outputs.abs().sum()) > 0


@pytest.mark.parametrize("composer", ["policy", "random", "fixed"])
@pytest.mark.parametrize("candidates", [1, 3])
def test_renumbering_the_classes_renumbers_the_predictions(composer: str, candidates: int) -> None:
    learner, batch = _fitted(composer=composer, candidates=candidates), _batch(30)
    other, order = _renumbered(batch)
    assert torch.equal(learner.compose(other.support), learner.compose(batch.support))
    steps = [0, 1, 3]
    for a, b in zip(
        learner.adapt(batch.support, steps), learner.adapt(other.support, steps), strict=True
    ):
        x = batch.query.x
        torch.testing.assert_close(a(x)[..., order], b(x), atol=1e-3, rtol=1e-3)


def test_all_routes_start_as_the_same_network_and_then_part() -> None:
    pool, support = _pool(), _batch(12).support

    def predictions() -> Tensor:
        partial, generator = PartialNetwork(pool, support), generator_of("routes")
        while not partial.complete:
            options = pool.choices[partial.observation.decision]
            logits = torch.rand(len(support), options, generator=generator)
            if partial.observation.allowed is not None:
                logits = logits.masked_fill(~partial.observation.allowed, -1.0)
            partial.add(logits.argmax(1))
        assert len({tuple(row) for row in partial.composition.tolist()}) > 1
        network = pool.gather(partial.composition)
        network = adapt(network, support.x, support.y, max_norm=10.0, differentiable=False)
        same = pool.gather(torch.tensor([pool.menu.in_order]).expand(len(support), -1))
        same = adapt(same, support.x, support.y, max_norm=10.0, differentiable=False)
        return run(network, support.x) - run(same, support.x)

    assert float(predictions().abs().max()) == 0
    _draw_apart(pool)
    assert float(predictions().abs().max()) > 0.01


def test_a_hidden_layer_fits_in_one_place_only() -> None:
    pool = _pool()
    places, hidden = pool.depth - 2, len(pool.hidden.weight)
    fitting = [pool.fitting(place) for place in range(places)]
    table = torch.stack([options for options in fitting if options is not None])
    assert table.shape == (places, hidden)
    assert torch.equal(table.sum(0), torch.ones(hidden, dtype=torch.long))
    assert bool(table.any(1).all())


def test_candidates_keep_the_lowest_support_loss_after_a_step() -> None:
    pool, support = _pool(), _batch(20).support
    _draw_apart(pool)
    composer = RandomComposer(pool.choices)

    def loss(candidates: int) -> Tensor:
        composition = compose(pool, composer, support, candidates, 10.0).compositions[:, 0]
        network = adapt(
            pool.gather(composition), support.x, support.y, max_norm=10.0, differentiable=False
        )
        return task_cross_entropy(run(network, support.x), support.y)

    one, many = loss(1), loss(6)
    assert (many <= one + 1e-5).all()
    assert many.mean() < one.mean()


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"train_steps": 1, "warm": 0.5},
        {"pool_update": "first_order"},
        {"pool_update": "write_back"},
        {"composer": "random"},
        {"composer": "fixed", "batch_norm": "support"},
        {"watch": False, "policy": "mlp"},
        {"clip": 0.2, "epochs": 2},
        {"layers": "linear", "batch_norm": "off", "stop": True, "candidates": 3},
        {"layers": "linear", "batch_norm": "support"},
        {"activations": ("relu", "tanh"), "rates": (0.3, 1.0, 3.0)},
    ],
    ids=str,
)
def test_every_variant_trains_and_its_state_is_all_it_needs(fields: dict[str, Any]) -> None:
    learner = _fitted(64, **fields)
    batch = _batch(6)
    again = REML(**{**CONV, **fields})
    again.load_state(learner.state())
    steps = [0, 2]
    for got, want in zip(
        again.adapt(batch.support, steps), learner.adapt(batch.support, steps), strict=True
    ):
        assert torch.equal(got(batch.query.x), want(batch.query.x))
    assert again.explain(batch.support) == learner.explain(batch.support)
    diagnosis = learner.diagnose(batch.support)
    composition = learner.compose(batch.support)
    for decision, chosen in zip(learner.pool_.decisions, composition.unbind(1), strict=True):
        assert torch.equal(diagnosis.choices[decision.name].values, chosen)


@pytest.mark.parametrize("composer", ["policy", "fixed"])
def test_training_beats_the_untrained_pool(composer: str) -> None:
    batch = FAMILY.sample(100, "validation", generator_of("v"), shots=1, queries=40)

    def accuracy(tasks: int) -> float:
        learner = _fitted(tasks, composer=composer, width=12, train_shots=(1, 1), lr=0.02)
        (predict,) = learner.adapt(batch.support, [1])
        return float(task_accuracy(predict(batch.query.x), batch.query.y).mean())

    assert accuracy(400) > accuracy(16) + 0.05


@pytest.mark.parametrize(
    ("family", "fields", "message"),
    [
        (Toy(), {"layers": "conv"}, "is for classes of pictures"),
        (ToyClasses(image=None), {"layers": "conv"}, "is for classes of pictures"),
        (FAMILY, {"optimiser": "ppo", "clip": 0.2, "episodes": 1}, "is for regression alone"),
        (FAMILY, {"train_steps": 0}, "knows no class"),
    ],
)
def test_fields_that_do_not_suit_the_problem_are_refused(
    family: Any, fields: dict[str, Any], message: str
) -> None:
    source = BudgetedSource(family, Budget(tasks=8), generator_of("train"))
    with pytest.raises(MatrixError, match=message):
        REML(**fields).fit(source, generator_of("learner"))
    assert source.tasks == 0


def test_convolutions_cannot_be_stopped() -> None:
    with pytest.raises(ValueError, match="expected stop = false"):
        REML(layers="conv", stop=True)


def test_exact_heads_may_be_taught_more_classes_than_are_tested() -> None:
    fields: dict[str, Any] = {**REML.test_fields, "train_ways": 5, "train_queries": 10}
    learner, seen = REML(**fields), []
    family = ToyClasses()
    source = BudgetedSource(family, Budget(tasks=40), generator_of("train"))
    sample = source.sample

    def watched(*given: Any, **wanted: Any) -> Any:
        batch = sample(*given, **wanted)
        seen.append(batch.support.y.shape[2])
        return batch

    source.sample = watched  # type: ignore[method-assign]
    learner.fit(source, generator_of("learner"))
    assert set(seen) == {5}
    batch = family.sample(5, "test", generator_of("t"), shots=2, queries=6)
    (predict,) = learner.adapt(batch.support, [1])
    assert predict(batch.query.x).shape == batch.query.y.shape
    with pytest.raises(MatrixError, match="with train_ways"):
        REML(adaptation="gradient", train_ways=3).fit(source, generator_of("learner"))


def test_training_for_classes_begins_with_the_shortest_route() -> None:
    learner = REML(**REML.test_fields)
    learner.fit(BudgetedSource(FAMILY, Budget(tasks=1), generator_of("t")), generator_of("l"))
    support = FAMILY.sample(30, "test", generator_of("t"), shots=1, queries=3).support
    assert set(learner.explain(support)[0].split(", ")) >= {"input layer none"}
    assert learner.diagnose(support).choices["input layer"].values.eq(2).all()
