"""What a learner can never train on is said before anything is trained."""

from collections.abc import Callable

import pytest

from benchmarks.core.errors import DataError
from benchmarks.harness.plan.identity import TrialSpec

HEAD = """
name = "tiny"
seeds = 1

[budget]
tasks = 10

[[protocol]]
kind = "few_shot"
shots = [1]
steps = [0]
tasks = 5
queries = 5

[[family]]
name = "digits"
ways = 2
"""


def protonet(fields: str) -> str:
    return f'name = "protonet"\nnetwork = "mlp"\n{fields}'


@pytest.mark.parametrize(
    ("fields", "trouble", "helps"),
    [
        ("train_ways = 90", "90 ways need at least 90 classes", "'train_ways' (now 90) would do"),
        ("train_shots = [1, 500]", "500 shots need classes of at least 501", "(now [1, 500])"),
        ("train_shots = 500\ntrain_ways = 3", "500 shots", "'train_shots' (now 500) or 'train_w"),
    ],
)
def test_too_few_classes_or_pictures_to_train_on(
    trials_of: Callable[..., list[TrialSpec]], fields: str, trouble: str, helps: str
) -> None:
    with pytest.raises(DataError) as caught:
        trials_of(protonet(fields), head=HEAD)
    said = str(caught.value)
    assert "learner 'protonet' on family 'digits': " in said
    assert trouble in said
    assert helps in said


def test_what_can_be_drawn_is_let_through(trials_of: Callable[..., list[TrialSpec]]) -> None:
    fields = protonet("train_shots = [1, 5]\ntrain_ways = 3"), 'name = "nearest_centroid"'
    assert len(trials_of(*fields, head=HEAD)) == 2
