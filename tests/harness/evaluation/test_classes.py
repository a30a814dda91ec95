"""What is kept of tasks of classes: confusion, and pictures with what was said of them."""

import io
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from PIL import Image

from benchmarks.core import (
    Query,
    Support,
    TaskBatch,
)
from benchmarks.core.errors import ContractError
from benchmarks.harness.disk.columns import CONFUSION_TYPES, EPISODE_TYPES
from benchmarks.harness.evaluation.confusion import add_confusion
from benchmarks.harness.evaluation.episodes import add_episodes
from benchmarks.harness.evaluation.evaluator import evaluate
from benchmarks.harness.evaluation.frames import Columns
from benchmarks.harness.plan.registry import Registry
from benchmarks.protocols.few_shot import FewShot
from benchmarks.tasks.digits import Digits
from benchmarks.testing.toy import ToyClasses

CLASSES = FewShot(kind="few_shot", shots=(1, 2), steps=(0, 3), tasks=12, queries=9)


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
