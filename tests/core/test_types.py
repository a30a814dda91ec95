import dataclasses

import pytest
import torch
from jaxtyping import TypeCheckError

from benchmarks.core import Choice, Diagnosis, Query, Support, generator_of
from benchmarks.testing import Toy


def batch(n_tasks=4):
    return Toy(reveals=("a", "b")).sample(n_tasks, "train", generator_of("types"), shots=3)


def test_len_and_shots():
    b = batch()
    assert len(b) == len(b.support) == 4
    assert b.support.points == 3


def test_rows_are_the_tasks_named():
    b = batch()
    picked = b.rows(torch.tensor([2, 0]))
    assert torch.equal(picked.support.x, b.support.x[[2, 0]])
    assert torch.equal(picked.query.mask, b.query.mask[[2, 0]])
    assert torch.equal(picked.support.privileged["a"], b.support.privileged["a"][[2, 0]])


def test_names_and_groups_go_where_the_tasks_go():
    b = dataclasses.replace(batch(), names=tuple("abcd"), groups=tuple("xxyy"))
    for same in (b.showing(frozenset()), b.to("meta")):
        assert (same.names, same.groups) == (b.names, b.groups)
    last = torch.tensor([False, False, False, True])
    for index, names in ((torch.tensor([2, 0]), "ca"), (slice(1, 3), "bc"), (last, "d")):
        assert b.rows(index).names == tuple(names)
    assert b.rows(torch.tensor([3, 3])).groups == ("y", "y")
    assert batch().rows(slice(2)).names == batch().rows(torch.tensor([1])).groups == ()
    assert (b.nameless().names, b.nameless().groups) == ((), ())


def test_showing_leaves_the_rest_and_the_original_alone():
    b = batch()
    shown = b.showing(frozenset({"a", "unknown"}))
    assert set(shown.support.privileged) == {"a"}
    assert set(b.support.privileged) == {"a", "b"}
    assert shown.query is b.query


def test_to_moves_everything():
    moved = batch().to("meta")
    support, query = moved.support, moved.query
    tensors = [support.x, support.y, *support.privileged.values(), query.x, query.y, query.mask]
    assert {t.device.type for t in tensors} == {"meta"}


def test_batches_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        batch().query = None


@pytest.mark.parametrize(
    "make",
    [
        lambda: Support(torch.zeros(4, 3, 1), torch.zeros(5, 3, 1)),
        lambda: Support(torch.zeros(4, 3), torch.zeros(4, 3)),
        lambda: Query(torch.zeros(4, 3, 1), torch.zeros(4, 3, 1), torch.ones(4, 2, dtype=bool)),
        lambda: Query(torch.zeros(4, 3, 1), torch.zeros(4, 3, 1), torch.ones(4, 3)),
        lambda: Choice(torch.zeros(4), 3),
        lambda: Diagnosis(measures={"policy_entropy": torch.zeros(4, 1)}),
    ],
    ids=[
        "tasks differ",
        "an axis is missing",
        "points differ",
        "the mask is no bool",
        "a choice is no integer",
        "a measure is no number a task",
    ],
)
def test_shapes_that_do_not_fit_are_refused(make):
    with pytest.raises(TypeCheckError):
        make()
