import io
import itertools
import json
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from baselines.mean import Mean
from benchmarks.core import (
    Choice,
    Diagnosis,
    Predictor,
    Problem,
    Query,
    Spread,
    Support,
    TaskBatch,
    generator_of,
)
from benchmarks.core.errors import ContractError
from benchmarks.harness.disk.columns import CONFUSION_TYPES, EPISODE_TYPES
from benchmarks.harness.evaluation.confusion import add_confusion
from benchmarks.harness.evaluation.diverging import diverged_in
from benchmarks.harness.evaluation.episodes import add_episodes
from benchmarks.harness.evaluation.evaluator import draw_test_tasks, evaluate, score
from benchmarks.harness.evaluation.fits import GRID
from benchmarks.harness.evaluation.frames import Columns
from benchmarks.harness.evaluation.predictions import AT_ONCE
from benchmarks.harness.plan.registry import Registry
from benchmarks.protocols.few_shot import FewShot
from benchmarks.tasks.digits import Digits
from benchmarks.tasks.sinusoid import Sinusoid
from benchmarks.testing.toy import ToyClasses

PROTOCOL = FewShot(kind="few_shot", shots=(2, 3), steps=(0, 4), tasks=5, queries=6)
CLASSES = FewShot(kind="few_shot", shots=(1, 2), steps=(0, 3), tasks=12, queries=9)


def column(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float32).reshape(1, -1, 1)


def test_metrics_are_those_worked_out_by_hand() -> None:
    support = Support(column(0, 0).expand(2, -1, -1), torch.cat([column(0, 4), column(1, 1)]))
    y = torch.cat([column(2, 6, 99), column(1, 1, 3)])
    mask = torch.tensor([[True, True, False], [True, True, True]])
    batch = TaskBatch(support, Query(torch.zeros(2, 3, 1), y, mask))
    prediction = torch.cat([column(1, 3, 0), column(1, 1, 0)])
    scores = score(prediction, batch, Problem(1, 1, target_scale=10.0))
    # task 0: squared errors 1 and 9, the masked point aside; its points 0, 4, 2, 6 vary by 5
    # task 1: squared errors 0, 0, 9; its points 1, 1, 1, 1, 3 vary by 0.64
    assert scores["mse"].tolist() == pytest.approx([500, 300])
    assert scores["rmse"].tolist() == pytest.approx([math.sqrt(500), math.sqrt(300)])
    assert scores["nmse"].tolist() == pytest.approx([5 / 5, 3 / 0.64])


def test_the_variance_floor_of_nmse_follows_the_other_tasks() -> None:
    support = Support(torch.zeros(2, 1, 1), torch.cat([column(0), column(7)]))
    query = Query(
        torch.zeros(2, 1, 1), torch.cat([column(4), column(7)]), torch.ones(2, 1, dtype=torch.bool)
    )
    scores = score(torch.cat([column(4), column(8)]), TaskBatch(support, query), Problem(1, 1))
    # task 0 varies by 4 and task 1 not at all: their mean, 2, stands in
    assert scores["nmse"].tolist() == pytest.approx([0, 1 / 2])


def test_tasks_that_are_all_constant_have_a_finite_nmse() -> None:
    support = Support(torch.zeros(2, 1, 1), torch.cat([column(3), column(7)]))
    query = Query(
        torch.zeros(2, 1, 1), torch.cat([column(3), column(7)]), torch.ones(2, 1, dtype=torch.bool)
    )
    scores = score(torch.cat([column(3), column(9)]), TaskBatch(support, query), Problem(1, 1))
    assert scores["nmse"].tolist() == [0, 4]


class Spy(Mean):
    """Predicts `value`, and remembers what it was shown."""

    def __init__(self, value: float = 0.0, needs: Iterable[str] = ()) -> None:
        self.value = value
        self.needs = frozenset(needs)
        self.seen_: list[Support] = []

    def adapt(self, support: Support, steps: Sequence[int]) -> Iterator[Predictor]:
        self.seen_.append(support)
        for step in steps:
            yield lambda x, step=step: torch.full((len(x), x.shape[1], 1), self.value + step)


def test_every_task_is_scored_after_every_number_of_steps() -> None:
    scores, curves, *_ = evaluate(Spy(1.0), Sinusoid(), "id", PROTOCOL)
    assert len(scores) == 2 * 2 * 5 * 3
    cell = scores.query("shots == 3 and steps == 4 and metric == 'mse'")
    y = draw_test_tasks(Sinusoid(), "id", PROTOCOL, 3).query.y.double()
    np.testing.assert_allclose(cell["value"], ((y - 5) ** 2).mean((1, 2)))
    assert cell["task"].tolist() == list(range(5))
    data = curves.query("shots == 2 and task == 1 and steps == -1")
    assert data["kind"].value_counts().to_dict() == {"query": 6, "support": 2}
    drawn = curves.query("shots == 2 and task == 1 and steps == 4")
    assert drawn["kind"].unique().tolist() == ["prediction"]
    assert drawn["y"].tolist() == [5.0] * GRID
    shown = curves.query("shots == 2 and steps == -1")["x"]  # of all tasks that are drawn
    np.testing.assert_allclose(drawn["x"], np.linspace(shown.min(), shown.max(), GRID), atol=1e-5)
    assert curves["task"].nunique() == 4


def test_a_problem_with_two_features_has_no_curves() -> None:
    class Plane(Sinusoid):
        @property
        def problem(self) -> Problem:
            return Problem(features=2, outputs=1)

    scores, curves, *_ = evaluate(Spy(), Plane(), "id", PROTOCOL)
    assert len(scores) > 0
    assert list(curves) == ["shots", "steps", "task", "kind", "x", "y", "output"]
    assert curves.empty


def test_each_target_is_drawn_in_its_own_units_with_what_is_unsure() -> None:
    class Two(Sinusoid):
        @property
        def problem(self) -> Problem:
            named = {"target_scales": (2.0, 3.0), "target_offsets": (10.0, 20.0)}
            return Problem(1, 2, metric="nmse", targets=("a", "b"), **named)

        def sample(self, *asked: Any, **more: Any) -> TaskBatch:
            one = super().sample(*asked, **more)
            both = (replace(it, y=it.y.expand(-1, -1, 2)) for it in (one.support, one.query))
            return TaskBatch(*both)

    class Unsure(Mean):
        def adapt(self, support: Support, steps: Sequence[int]) -> Iterator[Predictor]:
            for step in steps:
                flat = torch.full((len(support.x), 1, 2), float(step))
                flat[3] = float("inf") if step else 0.0  # one task diverges
                yield Spread(
                    lambda x, flat=flat: flat.expand(-1, x.shape[1], -1).clone(),
                    lambda x: torch.full((len(x), x.shape[1], 2), 0.5),
                )

    curves = evaluate(Unsure(), Two(), "id", PROTOCOL).curves
    made = curves[curves["steps"] == 4].groupby(["kind", "output"])["y"]
    assert made.unique().map(list).to_dict() == {
        ("prediction", 0): [18.0],
        ("prediction", 1): [32.0],
        ("std", 0): [1.0],
        ("std", 1): [1.5],
    }
    assert made.size().unique().tolist() == [2 * 3 * GRID]  # shots, tasks
    data = curves[curves["kind"] == "support"]
    first, second = (data.loc[data["output"] == it, "y"].to_numpy() for it in (0, 1))
    np.testing.assert_allclose((first - 10) / 2, (second - 20) / 3)


def test_the_error_on_the_support_points_is_kept_for_every_learner() -> None:
    class Scaled(Sinusoid):
        @property
        def problem(self) -> Problem:
            return Problem(1, 1, target_scale=10.0)

    kept = evaluate(Spy(1.0), Scaled(), "id", PROTOCOL).diagnostics
    kept = kept[kept["kind"] == "measure"]
    assert set(kept["name"]) == {"support_mse"}
    assert len(kept) == 2 * 2 * 5
    y = draw_test_tasks(Scaled(), "id", PROTOCOL, 3).support.y
    mine = kept.query("shots == 3 and steps == 4")
    assert mine["task"].tolist() == list(range(5))
    np.testing.assert_allclose(mine["value"], 100 * ((y - 5) ** 2).mean((1, 2)), rtol=1e-5)


def test_traits_are_kept_though_the_learner_sees_none() -> None:
    spy = Spy()
    kept = evaluate(spy, Sinusoid(), "id", PROTOCOL).diagnostics.query("kind == 'trait'")
    assert all(not support.privileged for support in spy.seen_)
    assert set(kept["name"]) == {"amplitude", "phase"}
    amplitude = draw_test_tasks(Sinusoid(), "id", PROTOCOL, 2).support.privileged["amplitude"]
    mine = kept.query("name == 'amplitude' and shots == 2")
    assert mine["value"].tolist() == amplitude[:, 0].tolist()
    assert set(kept["steps"]) == {-1}
    assert set(kept["options"]) == {0}


def test_traits_that_are_no_scalars_are_left_out() -> None:
    class Marked(Sinusoid):
        def sample(self, n_tasks: int, *arguments: object, **more: int) -> TaskBatch:
            batch = super().sample(n_tasks, *arguments, **more)
            marks = {"pair": torch.zeros(n_tasks, 2), "flat": torch.arange(float(n_tasks))}
            return replace(batch, support=replace(batch.support, privileged=marks))

    kept = evaluate(Spy(), Marked(), "id", PROTOCOL).diagnostics.query("kind == 'trait'")
    assert set(kept["name"]) == {"flat"}
    assert kept.query("shots == 3")["value"].tolist() == [0, 1, 2, 3, 4]


class Decided(Spy):
    """Chooses option 1 where the first target is positive, and knows its privileged fields."""

    diagnosis: Diagnosis | None = None

    def diagnose(self, support: Support) -> Diagnosis:
        self.told_ = set(support.privileged)
        chosen = (support.y[:, 0, 0] > 0).long()
        return self.diagnosis or Diagnosis(
            {"input layer": Choice(chosen, 7)}, {"policy_entropy": support.y[:, 0, 0]}
        )


def test_what_a_learner_decides_is_kept_for_every_task() -> None:
    learner = Decided()
    kept = evaluate(learner, Sinusoid(), "id", PROTOCOL).diagnostics
    assert learner.told_ == set()
    first = draw_test_tasks(Sinusoid(), "id", PROTOCOL, 3).support.y[:, 0, 0]
    choice = kept.query("kind == 'choice' and shots == 3")
    assert choice["value"].tolist() == (first > 0).double().tolist()
    assert set(choice["name"]) == {"input layer"}
    assert set(choice["options"]) == {7}
    assert choice["task"].tolist() == list(range(5))
    measure = kept.query("name == 'policy_entropy' and shots == 3")
    assert measure["value"].tolist() == first.tolist()
    assert set(measure["steps"]) == {-1}


@pytest.mark.parametrize(
    ("diagnosis", "said"),
    [
        (Diagnosis({"a": Choice(torch.tensor([0, 1, 2, 3, 4]), 4)}), "from 0 to 3, got 0 to 4"),
        (Diagnosis({"a": Choice(torch.tensor([0, -1, 2, 3, 4]), 9)}), "from 0 to 8, got -1 to 4"),
        (Diagnosis({"a": Choice(torch.tensor([0, 1]), 4)}), r"'a' of shape \(5,\), got \(2,\)"),
        (Diagnosis(measures={"b": torch.zeros(3)}), r"'b' of shape \(5,\), got \(3,\)"),
    ],
)
def test_a_diagnosis_that_fits_no_task_is_refused(diagnosis: Diagnosis, said: str) -> None:
    learner = Decided()
    learner.diagnosis = diagnosis
    with pytest.raises(ContractError, match=said):
        evaluate(learner, Sinusoid(), "id", PROTOCOL)


def test_privileged_fields_are_shown_to_who_needs_them_alone() -> None:
    common, told = Spy(), Spy(needs=["phase"])
    for spy in (common, told):
        evaluate(spy, Sinusoid(), "id", PROTOCOL)
    assert [set(support.privileged) for support in common.seen_] == [set()] * 4
    assert [set(support.privileged) for support in told.seen_] == [{"phase"}] * 4


def test_all_learners_meet_the_same_tasks() -> None:
    first, second = Spy(1.0), Spy(2.0)
    evaluate(first, Sinusoid(), "id", PROTOCOL)
    torch.manual_seed(99)
    evaluate(second, Sinusoid(), "id", PROTOCOL)
    for one, other in zip(first.seen_, second.seen_, strict=True):
        assert torch.equal(one.x, other.x)
        assert torch.equal(one.y, other.y)


def test_test_tasks_depend_on_the_family_and_the_split() -> None:
    batch = draw_test_tasks(Sinusoid(), "id", PROTOCOL, 3)
    generator = generator_of("test", "id", "few_shot")
    by_hand = Sinusoid().sample(5, "test", generator, shots=3, queries=6)
    assert torch.equal(batch.query.y, by_hand.query.y)
    for other in (
        draw_test_tasks(Sinusoid(), "another", PROTOCOL, 3),
        draw_test_tasks(Sinusoid(), "id", PROTOCOL.model_copy(update={"split": "validation"}), 3),
    ):
        assert not torch.equal(batch.query.y, other.query.y)


def test_a_finite_split_is_not_asked_for_more_than_it_has() -> None:
    class Three(Sinusoid):
        def size(self, split: str, shots: int) -> int:
            return 3

    assert len(draw_test_tasks(Three(), "id", PROTOCOL, 2)) == 3


class Strays(Mean):
    """Predicts 0, and of the second task after the first step something `wild`."""

    def __init__(self, wild: float, dtype: torch.dtype = torch.float64) -> None:
        self.wild, self.dtype = wild, dtype

    def adapt(self, support: Support, steps: Sequence[int]) -> Iterator[Predictor]:
        for step in steps:
            wild = torch.zeros(len(support), 1, 1, dtype=self.dtype)
            wild[1] = self.wild if step else 0.0
            yield lambda x, wild=wild: wild.expand(-1, x.shape[1], -1)


@pytest.mark.parametrize("wild", [math.nan, math.inf, -math.inf, 1e200, 3e38, 1e4])
def test_a_task_that_diverges_counts_as_the_limit_and_harms_no_other(wild: float) -> None:
    scores, curves, diagnostics, *_ = evaluate(Strays(wild), Sinusoid(), "id", PROTOCOL)
    calm = evaluate(Strays(0.0), Sinusoid(), "id", PROTOCOL).scores
    gone = (scores["task"] == 1) & (scores["steps"] == 4)
    assert scores["diverged"].tolist() == gone.tolist()
    assert scores[~gone].equals(calm[~gone])
    batch = draw_test_tasks(Sinusoid(), "id", PROTOCOL, 3)
    most = 1000 * float(batch.query.y.double().var(correction=0))
    mine = scores[gone & (scores["shots"] == 3)].set_index("metric")["value"]
    assert mine["mse"] == pytest.approx(most)
    assert mine["rmse"] == pytest.approx(math.sqrt(most))
    assert mine["nmse"] == pytest.approx(
        most
        * calm.query("metric == 'nmse' and task == 1 and shots == 3")["value"].iloc[0]
        / calm.query("metric == 'mse' and task == 1 and shots == 3")["value"].iloc[0]
    )
    assert np.isfinite(curves["y"]).all()
    assert np.isfinite(diagnostics["value"]).all()


def test_what_is_predicted_for_padding_never_diverges() -> None:
    support = Support(column(0, 0), column(0, 4))
    query = Query(torch.zeros(1, 3, 1), column(2, 6, 99), torch.tensor([[True, True, False]]))
    batch = TaskBatch(support, query)
    assert score(column(2, 6, math.nan), batch, Problem(1, 1))["mse"].tolist() == [0.0]
    assert not diverged_in(column(2, 6, math.inf), batch, Problem(1, 1)).any()


def test_targets_that_are_all_the_same_leave_room_for_errors() -> None:
    same = Support(column(0, 0), column(5, 5))
    query = Query(torch.zeros(1, 2, 1), column(5, 5), torch.ones(1, 2, dtype=torch.bool))
    batch = TaskBatch(same, query)
    assert not diverged_in(column(6, 6), batch, Problem(1, 1)).any()
    assert diverged_in(column(500, 500), batch, Problem(1, 1)).all()


def test_logits_that_are_not_finite_are_wrong() -> None:
    class Lost(Mean):
        kinds = frozenset({"classification"})

        def adapt(self, support: Support, steps: Sequence[int]) -> Iterator[Predictor]:
            for step in steps:
                logits = torch.zeros(len(support), 1, support.y.shape[2])
                logits[0] = math.nan if step else 0.0
                yield lambda x, logits=logits: logits.expand(-1, x.shape[1], -1)

    found = evaluate(Lost(), Digits(), "id", CLASSES)
    gone = (found.scores["task"] == 0) & (found.scores["steps"] == 3)
    assert found.scores["diverged"].tolist() == gone.tolist()
    assert (found.scores.loc[gone, "value"] == 0).all()
    assert found.scores.loc[~gone, "value"].to_numpy() == pytest.approx(1 / 3)
    assert set(found.confusion.groupby("shots")["count"].sum()) == {11 * 9}


class Answers(Mean):
    """Says `answer` of its predictions, or yields `predictors`."""

    def __init__(self, answer: Callable[[torch.Tensor], object], predictors: object = None) -> None:
        self.answer, self.predictors = answer, predictors

    def adapt(self, support: Support, steps: Sequence[int]) -> Any:
        if self.predictors is not None:
            return self.predictors
        return ((lambda x: self.answer(x * 0)) for _ in steps)


@pytest.mark.parametrize(
    ("learner", "said"),
    [
        (Answers(lambda y: y + 5j), r"predictions are complex \(torch.complex64\)"),
        (Answers(lambda y: y.numpy()), "returned an object of type ndarray, where a tensor"),
        (Answers(lambda y: None), "returned an object of type NoneType, where a tensor"),
        (Answers(lambda y: y.to_sparse()), "without plain numbers"),
        (Answers(lambda y: y.to("meta")), "without plain numbers"),
        (Answers(abs, 5), "returned an object of type int, where an iterator"),
        (Answers(abs, [None, None]), "yielded an object of type NoneType, where a predictor"),
        (Answers(abs, itertools.repeat(torch.zeros_like)), "adapt yields more than 2 predictors"),
    ],
)
def test_what_is_no_prediction_is_named(learner: Answers, said: str) -> None:
    with pytest.raises(ContractError, match=said):
        evaluate(learner, Sinusoid(), "id", PROTOCOL)


def test_a_support_set_is_the_harness_s_own() -> None:
    class Spoils(Mean):
        def adapt(self, support: Support, steps: Sequence[int]) -> Iterator[Predictor]:
            support.y.zero_()
            yield from super().adapt(support, steps)

    with pytest.raises(ContractError, match="adapt changed the support set"):
        evaluate(Spoils(), Sinusoid(), "id", PROTOCOL)


def test_support_points_are_predicted_only_where_that_is_kept() -> None:
    class Counts(Mean):
        def __init__(self, *, again: bool) -> None:
            self.asked, self.again = 0, again

        def adapt(self, support: Support, steps: Sequence[int]) -> Iterator[Predictor]:
            def predict(x: torch.Tensor) -> torch.Tensor:
                self.asked += 1
                return torch.zeros(len(x), x.shape[1], 1)

            for _ in steps:
                yield (lambda x: predict(x)) if self.again else predict

    asked = {}
    for again in (True, False):
        for only in (True, False):
            learner = Counts(again=again)
            found = evaluate(learner, Sinusoid(), "id", PROTOCOL, scores_only=only)
            assert found.diagnostics.empty == found.curves.empty == only
            asked[again, only] = learner.asked
    shots, steps = 2, 2
    assert asked == {
        (True, False): shots * steps * 3,  # query, support, a grid
        (True, True): shots * steps,
        (False, False): shots * 3,
        (False, True): shots,
    }


def test_predictors_must_be_as_many_and_as_large_as_asked(registry: Registry) -> None:
    stingy = registry.find("learner", "stingy").cls()
    stingy.load_state({"weight": torch.ones(1)})
    with pytest.raises(ContractError, match="1 predictors for steps"):
        evaluate(stingy, Sinusoid(), "id", PROTOCOL)

    class Wide(Spy):
        def adapt(self, support: Support, steps: Sequence[int]) -> Iterator[Predictor]:
            for _ in steps:
                yield lambda x: torch.zeros(len(x), x.shape[1], 2)

    with pytest.raises(ContractError, match=r"expected predictions of shape \(5, 6, 1\)"):
        evaluate(Wide(), Sinusoid(), "id", PROTOCOL)


def test_the_protocol_sorts_what_it_scores() -> None:
    protocol = FewShot.model_validate_json(
        json.dumps({"kind": "few_shot", "shots": [5, 2, 5], "steps": [10, 0]})
    )
    assert (protocol.shots, protocol.steps) == ((2, 5), (0, 10))
    assert (protocol.tasks, protocol.queries, protocol.split) == (600, 100, "test")


def one_task(y: Sequence[int], classes: Sequence[int], mask: Sequence[bool]) -> TaskBatch:
    """A task of three classes with one support picture of each, 2 pixels wide and 1 high."""
    one_hot = torch.eye(3)
    support = Support(torch.zeros(1, 3, 2), one_hot[None], {"class": torch.tensor([classes])})
    x = torch.tensor([[0.0, 1.0], [0.5, 0.0], [0.0, 0.2], [1.0, 1.0]])[None, : len(y)]
    return TaskBatch(support, Query(x, one_hot[list(y)][None], torch.tensor([list(mask)])))


def test_confusion_by_hand() -> None:
    table = Columns(CONFUSION_TYPES)
    batch = one_task([0, 1, 1, 2], [3, 0, 2], [True, True, True, False])
    guessed = torch.eye(3)[[0, 2, 1, 0]][None]
    add_confusion(table, guessed, batch, "abcd", 1, 5)
    assert table.frame().to_dict("split")["data"] == [
        [1, 5, "a", "a", 1, 2],
        [1, 5, "a", "c", 1, 2],
        [1, 5, "d", "d", 1, 1],
    ]
    with pytest.raises(ContractError, match="3 names of classes, but a class 3"):
        add_confusion(table, guessed, batch, "abc", 1, 5)


def test_confusion_counts_only_tasks_that_had_both_classes() -> None:
    table = Columns(CONFUSION_TYPES)
    first = one_task([0, 0], [0, 1, 2], [True, True])
    second = one_task([0, 1], [0, 3, 4], [True, True])
    both = TaskBatch(
        Support(
            torch.cat([first.support.x, second.support.x]),
            torch.cat([first.support.y, second.support.y]),
            {"class": torch.tensor([[0, 1, 2], [0, 3, 4]])},
        ),
        Query(
            torch.cat([first.query.x, second.query.x]),
            torch.cat([first.query.y, second.query.y]),
            torch.ones(2, 2, dtype=torch.bool),
        ),
    )
    add_confusion(table, torch.eye(3)[torch.tensor([[1, 0], [0, 1]])], both, "abcde", 1, 0)
    kept = table.frame().set_index(["true", "predicted"])[["count", "queries"]]
    assert kept.loc[("a", "b")].tolist() == [1, 2]  # class b was in the first task alone
    assert kept.loc[("a", "a")].tolist() == [2, 3]


def test_pictures_are_as_on_paper_with_what_was_said_of_them() -> None:
    table = Columns(EPISODE_TYPES)
    batch = one_task([2, 0, 1], [3, 0, 2], [True, False, True])
    add_episodes(table, torch.eye(3)[[1, 1, 1]][None], batch, (1, 1, 2), "abcd", 1, 5)
    kept = table.frame()
    assert kept["kind"].tolist() == ["support"] * 3 + ["query"] * 2
    query = kept[kept["kind"] == "query"]
    assert query[["point", "label", "predicted"]].values.tolist() == [[0, 2, 1], [2, 1, 1]]
    assert query["name"].tolist() == ["c", "a"]
    assert kept.loc[kept["kind"] == "support", "predicted"].tolist() == [-1] * 3
    pixels = np.asarray(Image.open(io.BytesIO(query["picture"].iloc[0])))
    assert pixels.tolist() == [[255, 0]]


def test_large_pictures_are_kept_small_and_in_colour() -> None:
    table = Columns(EPISODE_TYPES)
    x = torch.ones(1, 1, 3, 96, 192)
    x[:, :, 0] = 0.2
    support = Support(x.flatten(2), torch.ones(1, 1, 1))
    batch = TaskBatch(support, Query(support.x, support.y, torch.ones(1, 1, dtype=torch.bool)))
    add_episodes(table, torch.ones(1, 1, 1), batch, (3, 96, 192), None, 1, 5)
    picture = Image.open(io.BytesIO(table.frame()["picture"].iloc[0]))
    assert (picture.mode, picture.size) == ("RGB", (48, 24))
    assert picture.getpixel((0, 0)) == (51, 255, 255)


def test_classification_keeps_confusion_and_episodes(registry: Registry) -> None:
    learner = registry.find("learner", "nearest").cls()
    found = evaluate(learner, Digits(), "id", CLASSES)
    assert set(found.scores["metric"]) == {"accuracy"}
    assert found.curves.empty
    names = Digits().classes["test"]
    assert set(found.confusion["true"]) == set(names)
    assert set(found.confusion["steps"]) == {3}
    counts = found.confusion.groupby("shots")["count"].sum()
    assert counts.to_dict() == {1: 12 * 9, 2: 12 * 9}
    right = found.confusion.query("shots == 2 and true == predicted")["count"].sum()
    last = found.scores.query("shots == 2 and steps == 3")["value"].mean()
    assert right / (12 * 9) == pytest.approx(last)
    assert set(found.episodes["shots"]) == {1}
    assert found.episodes.groupby(["task", "kind"]).size().tolist() == [7, 3] * 3
    on_support = found.diagnostics.query("name == 'support_accuracy' and steps == 3 and shots == 1")
    assert on_support["value"].tolist() == [1.0] * 12


def test_classes_without_names_have_no_confusion(registry: Registry) -> None:
    learner = registry.find("learner", "nearest").cls()
    found = evaluate(learner, ToyClasses(), "id", CLASSES)
    assert found.confusion.empty
    assert set(found.episodes["name"]) == {""}
    plain = evaluate(learner, ToyClasses(image=None), "id", CLASSES)
    assert plain.episodes.empty


def test_tasks_are_adapted_to_in_portions_that_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    def kept(at_once: int) -> tuple[Decided, list[object]]:
        monkeypatch.setattr("benchmarks.harness.evaluation.predictions.AT_ONCE", at_once)
        learner = Decided()
        return learner, list(evaluate(learner, Sinusoid(), "id", PROTOCOL))

    whole, portions = kept(AT_ONCE), kept(2 * (3 + 6))
    assert [len(support) for support in whole[0].seen_] == [5, 4, 5, 4]  # four are drawn
    assert [len(support) for support in portions[0].seen_] == [2, 2, 1, 4, 2, 2, 1, 4]
    order = ["shots", "steps", "kind", "name", "task"]
    for one, other in zip(whole[1], portions[1], strict=True):
        if {"name", "steps"} <= {*one}:
            one, other = (it.sort_values(order, ignore_index=True) for it in (one, other))
        pd.testing.assert_frame_equal(one, other)
