"""What settings come to on a family: the shots of the test, keys without effect, rows twice."""

from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.core.errors import MatrixError
from benchmarks.harness.plan.expand import expand
from benchmarks.harness.plan.identity import TrialSpec
from benchmarks.harness.plan.matrix import load_matrix
from benchmarks.harness.plan.registry import Registry

SEVERAL = """
name = "several"
seeds = 1

[budget]
tasks = 100

[[protocol]]
kind = "few_shot"
label = "few"
shots = [2, 5]
steps = [0, 1]

[[protocol]]
kind = "few_shot"
label = "five"
shots = [5]
steps = [0, 1]
"""
SINUSOID = f'{SEVERAL}\n[[family]]\nname = "sinusoid"\n'
TABLE = f"""{SEVERAL}
[[family]]
name = "table"
path = "small.csv"
task = ["task"]
x = ["x"]
y = "y"
split_by = "task"
"""
Expand = Callable[..., list[TrialSpec]]


@pytest.fixture
def expanded(write_matrix: Callable[..., Path], registry: Registry, tmp_path: Path) -> Expand:
    rows = [f"{task},{i},{(task * i) % 7}" for task in range(20) for i in range(12)]
    (tmp_path / "small.csv").write_text("\n".join(["task,x,y", *rows]) + "\n")

    def make(*learners: str, head: str = TABLE, say: Callable[[str], object] = str) -> object:
        return expand(load_matrix(str(write_matrix(*learners, head=head))), registry, say)

    return make


@pytest.mark.parametrize("name", ["maml", "anil", "meta_sgd", "reptile", "fine_tuning", "reml"])
def test_training_follows_the_shots_of_the_test_unless_told_otherwise(
    expanded: Expand, name: str
) -> None:
    few, five = expanded(name, head=SINUSOID)
    assert few.training != five.training
    told = f'name = "{name}"\ntrain_shots = [2, 5]'
    few, five = expanded(told, head=SINUSOID)
    assert few.training == five.training


@pytest.mark.parametrize(
    ("learner", "key"),
    [
        ('name = "gp-prior"\ntrain_shots = 3', "train_shots"),
        ('name = "fine_tuning"\ntrain_shots = 3', "train_shots"),
        ('name = "reptile"\ntrain_shots = 3', "train_shots"),
        ('name = "maml"\nfilters = 8', "filters"),
        ('name = "fine_tuning"\nhead_steps = 2', "head_steps"),
        ('name = "reml-fixed"\nwatch = false', "watch"),
        ('name = "oracle"\nform = "line"\nfrequency = 2.0', "frequency"),
    ],
)
def test_a_key_without_effect_is_said_to_be_one(expanded: Expand, learner: str, key: str) -> None:
    said: list[str] = []
    expanded(learner, say=said.append)
    assert [note for note in said if "no effect" in note] == [
        f"{learner.split(chr(34))[1]} on table: the key {key!r} has no effect"
    ]


def test_a_key_with_an_effect_is_not(expanded: Expand) -> None:
    said: list[str] = []
    learners = ('name = "maml"\ntrain_shots = 3\nhidden = [8]', 'name = "reml"\nwatch = false')
    expanded(*learners, say=said.append)
    # where not all points are drawn, how many of them are shown does make a difference
    expanded('name = "gp-prior"\ntrain_shots = 3', head=SINUSOID, say=said.append)
    assert not [note for note in said if "no effect" in note]


@pytest.mark.parametrize(
    ("one", "other", "keys"),
    [
        ('name = "gp-prior"', "train_shots = 3", "'train_shots' makes"),
        ('name = "fine_tuning"', "train_shots = 4\nhead_steps = 9", "'train_shots' and 'head_"),
        ('name = "maml"\ntrain_shots = 15', "train_shots = 20", "'train_shots' makes"),
        ('name = "maml"', "train_queries = 100", "'train_queries' makes"),
        ('name = "maml"\ntrain_shots = [2, 5]', "", "'train_shots' makes"),
        ('name = "scratch"', "filters = 5", "'filters' makes"),
    ],
)
def test_rows_that_come_to_the_same_are_no_comparison(
    expanded: Expand, one: str, other: str, keys: str
) -> None:
    name = one.splitlines()[0]
    with pytest.raises(MatrixError, match=rf"are the same learner on family 'table', as {keys}"):
        expanded(one, f'{name}\nlabel = "again"\n{other}')


def test_a_grid_over_nothing_is_refused(expanded: Expand) -> None:
    with pytest.raises(MatrixError, match="'train_shots' makes no difference there; remove one"):
        expanded('name = "gp-prior"\ngrid = { train_shots = [2, 3] }')
