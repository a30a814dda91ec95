from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pandas as pd
import pytest
import torch

from baselines.mean import Mean
from benchmarks.core import Predictor, Support
from benchmarks.harness.evaluation.choosing import choose_steps
from benchmarks.harness.plan.identity import TrialSpec
from benchmarks.harness.plan.registry import Registry
from benchmarks.harness.trial.trial import run_trial
from benchmarks.protocols.few_shot import FewShot
from benchmarks.tasks.digits import Digits
from benchmarks.tasks.sinusoid import Sinusoid

PROTOCOL = FewShot(kind="few_shot", shots=(2, 3), steps=(0, 1, 4, 9), tasks=30, queries=6)


class BestAt(Mean):
    """Further from 0, around which sinusoids are, the further it is from its best step."""

    def __init__(self, best: int) -> None:
        self.best = best
        self.seen_: list[Support] = []

    def adapt(self, support: Support, steps: Sequence[int]) -> Iterator[Predictor]:
        self.seen_.append(support)
        for step in steps:
            away = float(abs(step - self.best))
            yield lambda x, away=away: torch.full((len(x), x.shape[1], 1), away)


@pytest.mark.parametrize("best", [0, 1, 4, 9])
def test_the_step_with_the_best_mean_on_validation_tasks_is_chosen(best: int) -> None:
    chosen = choose_steps(BestAt(best), Sinusoid(), "id", PROTOCOL)
    assert chosen["chosen_steps"] == {"2": best, "3": best}
    assert chosen["chosen_on"] == {"2": 30, "3": 30}


def test_no_more_tasks_decide_than_are_needed() -> None:
    learner = BestAt(1)
    many = PROTOCOL.model_copy(update={"tasks": 600})
    assert choose_steps(learner, Sinusoid(), "id", many)["chosen_on"] == {"2": 100, "3": 100}
    assert sum(map(len, learner.seen_)) == 200


def test_of_equals_the_fewest_steps_are_chosen() -> None:
    assert choose_steps(Mean(), Sinusoid(), "id", PROTOCOL)["chosen_steps"] == {"2": 0, "3": 0}


def test_validation_tasks_that_are_scored_choose_nothing() -> None:
    learner = BestAt(1)
    scored = PROTOCOL.model_copy(update={"split": "validation"})
    assert choose_steps(learner, Sinusoid(), "id", scored)["chosen_steps"] == {}
    assert not learner.seen_


def test_where_there_are_no_validation_tasks_nothing_is_chosen() -> None:
    few = Digits(ways=4, rotations="none")  # of three digits to validate on
    assert choose_steps(Mean(), few, "id", PROTOCOL) == {
        "chosen_steps": {},
        "chosen_on": {},
        "residuals": {},
    }


def test_the_record_says_what_was_chosen_and_its_cost_counts(
    trials_of: Callable[..., list[TrialSpec]], registry: Registry, tmp_path: Path
) -> None:
    (trial, *_) = trials_of("guess")
    record = run_trial(trial, registry, tmp_path)
    assert set(record["chosen_steps"]) == {"2", "5"}
    assert set(record["chosen_steps"].values()) <= {0, 1}
    assert record["chosen_on"] == {"2": 20, "5": 20}
    scores = pd.read_parquet(tmp_path / "scores.parquet")
    assert set(scores["steps"]) == {0, 1}


UNRELATED = """
name = "tiny"
seeds = 1

[budget]
tasks = 20

[[protocol]]
kind = "unrelated"
families = ["sinusoid"]
on = ["line"]
shots = [2]
steps = [0, 1]
tasks = 6
queries = 5

[[family]]
name = "sinusoid"

[[family]]
name = "line"
"""


def test_a_family_that_is_only_tested_on_chooses_nothing(
    trials_of: Callable[..., list[TrialSpec]],
    registry: Registry,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chose: list[str] = []

    def recorded(learner: object, family: Sinusoid, *rest: object, **more: object) -> object:
        chose.append(family.name)
        return choose_steps(learner, family, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr("benchmarks.harness.trial.procedure.choose_steps", recorded)
    (trial,) = trials_of("guess", head=UNRELATED)
    run_trial(trial, registry, tmp_path)
    assert chose == ["sinusoid"]
