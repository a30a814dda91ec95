"""What the protocols read from a matrix file, and what trials they make."""

from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.core import Budget
from benchmarks.core.errors import MatrixError
from benchmarks.core.landmarks import LANDMARKS, landmarks
from benchmarks.harness.plan.expand import describe, expand
from benchmarks.harness.plan.identity import TrialSpec
from benchmarks.harness.plan.matrix import load_matrix
from benchmarks.harness.plan.registry import Registry

Trials = Callable[..., list[TrialSpec]]
Write = Callable[..., Path]

HEAD = """
name = "tiny"
seeds = 1

[budget]
tasks = 10

[[protocol]]
kind = "few_shot"
shots = [2]
steps = [0, 1]
families = ["low"]

[[protocol]]
kind = "transfer"
families = ["low"]

[[protocol]]
kind = "unrelated"
on = ["low", "high", "far"]
shots = [2]
steps = [0, 1]

[[protocol]]
kind = "retention"
then = "high"
shots = [2]
steps = [0, 1]
families = ["low"]
budget = {tasks = 3}

[[family]]
name = "sinusoid"
label = "low"

[[family]]
name = "sinusoid"
label = "high"
amplitude_low = 4.0

[[family]]
name = "sinusoid"
label = "far"
x_range = 9.0
"""


def test_each_family_to_be_tested_on_is_a_protocol(trials_of: Trials) -> None:
    trials = trials_of("guess", head=HEAD)
    assert [(t.family.label, t.protocol.label, t.other and t.other.label) for t in trials] == [
        ("low", "few_shot", None),
        ("low", "transfer", None),
        ("low", "unrelated: high", "high"),
        ("low", "unrelated: far", "far"),
        ("low", "retention: high", "high"),
        ("high", "unrelated: low", "low"),
        ("high", "unrelated: far", "far"),
        ("far", "unrelated: low", "low"),
        ("far", "unrelated: high", "high"),
    ]
    assert len({trial.id for trial in trials}) == 9
    trained_on_low = {trial.training for trial in trials if trial.family.label == "low"}
    assert len(trained_on_low) == 1


def test_what_is_left_out_has_its_value(trials_of: Trials) -> None:
    trials = trials_of("guess", head=HEAD)
    transfer, retention = trials[1].protocol, trials[4]
    assert (transfer.shots, transfer.queries, transfer.tasks) == ((50,), 50, 200)
    assert transfer.steps == tuple(range(101))
    assert transfer.drawn == (0, 1, 2, 5, 10, 20, 50, 100)
    assert trials[1].reference is not None
    assert trials[1].reference.name == "scratch"
    assert (trials[0].reference, trials[0].then) == (None, None)
    assert (retention.budget, retention.then) == (Budget(10), Budget(3))
    as_much = HEAD.replace("budget = {tasks = 3}", "")
    assert trials_of("guess", head=as_much)[4].then == Budget(10)


def test_an_id_follows_all_that_takes_part(trials_of: Trials) -> None:
    before = {t.protocol.label: t for t in trials_of("guess", head=HEAD) if t.family.label == "low"}
    for old, new, changed in (
        ("x_range = 9.0", "x_range = 8.0", {"unrelated: far"}),
        ("tasks = 3}", "tasks = 4}", {"retention: high"}),
        ("amplitude_low = 4.0", "amplitude_low = 3.0", {"unrelated: high", "retention: high"}),
        (
            'kind = "transfer"',
            'kind = "transfer"\nreference = {name = "scratch", inner_lr = 0.1}',
            {"transfer"},
        ),
        ('kind = "transfer"', 'kind = "transfer"\nreference = {name = "scratch"}', set()),
        ("seeds = 1", "seeds = [7]", set(before)),
    ):
        text = HEAD.replace(old, new)
        after = {
            t.protocol.label: t for t in trials_of("guess", head=text) if t.family.label == "low"
        }
        assert {label for label, t in after.items() if t.id != before[label].id} == changed


def test_a_description_says_what_each_protocol_is(write_matrix: Write, registry: Registry) -> None:
    matrix = load_matrix(str(write_matrix("guess", head=HEAD)))
    told = {it["label"]: it for it in describe(matrix, expand(matrix, registry))["protocols"]}
    assert set(told["few_shot"]) == {"kind", "label", "shots", "steps", "tasks", "queries", "split"}
    assert told["unrelated: far"]["on"] == ["far"]
    assert told["unrelated: far"]["reference"] == {"name": "scratch"}
    assert told["retention: high"]["then"] == "high"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"unrelated"', '"unrelatd"', "unknown protocol 'unrelatd'; did you mean 'unrelated'"),
        ('"unrelated"', '"xyz"', "known: few_shot, outliers, retention, transfer, unrelated"),
        ('on = ["low", ', 'on = ["lov", ', "'unrelated: lov': key 'on': unknown family 'lov'; did"),
        ('on = ["low", "high", "far"]', "", "key 'on' is missing"),
        ('on = ["low", "high", "far"]', "on = []", "key 'on': expected at least 1"),
        (
            'then = "high"',
            'then = "hihg"',
            "key 'then': unknown family 'hihg'; did you mean 'high'",
        ),
        ('then = "high"', "", "key 'then' is missing"),
        ('then = "high"', 'then = "low"', "'retention: low': there is no family but 'low'"),
        ("{tasks = 3}", "{tasks = 3, seconds = 1}", "budget: expected either tasks"),
        ("{tasks = 3}", "{task = 3}", "budget: unknown key 'task'"),
        (
            '"transfer"',
            '"transfer"\nsteps = [1, 2]',
            "key 'steps': expected 0 and at least one more",
        ),
        ('"transfer"', '"transfer"\nsteps = [0]', "key 'steps': expected 0 and at least one more"),
        ('"transfer"', '"transfer"\nreference = {}', "reference: key 'name' is missing"),
        ('"transfer"', '"transfer"\nreference = {name = "scrath"}', "did you mean 'scratch'"),
        ('"transfer"', '"transfer"\nreference = {name = "scratch", lr = 1}', "unknown key 'lr'"),
        ('"transfer"', '"transfer"\nreference = {name = "told"}', "'told' needs to see amplitude"),
        ('"transfer"', '"transfer"\nreference = {name = "nearest"}', "'nearest' is not for regr"),
        ('"transfer"', '"transfer"\nlabel = "few_shot"', "two protocol entries are called"),
    ],
)
def test_mistakes(trials_of: Trials, old: str, new: str, message: str) -> None:
    assert old in HEAD
    with pytest.raises(MatrixError, match=rf"tiny\.toml: .*{message}"):
        trials_of("guess", head=HEAD.replace(old, new, 1))


def test_families_that_differ_in_shape_are_both_named(trials_of: Trials) -> None:
    digits = '[[family]]\nname = "digits"\nlabel = "far"\n'
    other_kind = HEAD[: HEAD.rindex("[[family]]")] + digits
    with pytest.raises(MatrixError, match="'low' is regression, and 'far' is classification"):
        trials_of("guess", head=other_kind)
    both = (
        HEAD[: HEAD.index("[[family]]")].replace('"low", "high", "far"', '"high"')
        + digits.replace("far", "low")
        + digits.replace("far", "high")
        + "ways = 2\n"
    ).replace("shots = [2]", "shots = [1]")
    with pytest.raises(MatrixError, match="'low' and 'high' differ in outputs: 3 and 2"):
        trials_of("nearest", head=both)


def test_landmarks_are_few_and_have_both_ends() -> None:
    assert landmarks((0, 1, 5, 10)) == (0, 1, 5, 10)
    assert landmarks(range(101)) == (0, 1, 2, 5, 10, 20, 50, 100)
    for steps in (range(9), range(3, 40, 4), range(0, 5001, 7), (0, *range(600, 700))):
        found = landmarks(steps)
        assert len(found) <= LANDMARKS
        assert (found[0], found[-1]) == (steps[0], steps[-1])
        assert len(set(found)) == len(found) >= 6
        assert set(found) <= set(steps)
        assert list(found) == sorted(found)
